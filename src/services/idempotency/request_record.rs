//! The stored state of an operation that has a request ID.

use std::{marker::PhantomData, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::super::{dependencies::Dependencies, lease::Lease};
use super::{
    job::{Dispatch, JobContext, OperationKeys},
    matching::Echo,
};
use crate::{
    domain::{CallContext, Error},
    limits::QuotaReservation,
    pb::ErrorReason,
    store::{self, Change, Digest},
};

/// The request record of one job. Only the job that owns the record changes it.
pub(in crate::services) struct RequestRecord<A> {
    job: Arc<JobContext>,
    key: String,
    answer: PhantomData<fn() -> A>,
}

/// What a job finds when it acquires its request record.
pub(in crate::services) enum AcquireResult<A> {
    /// The job owns the record. An earlier job may have left an unresolved dispatch.
    Acquired { unresolved: Option<Dispatch> },
    /// The operation took effect earlier, with this redacted answer.
    Done(A),
}

/// How an operation ended, for its request record.
pub(in crate::services) enum RequestEnd<'a, A> {
    /// It took effect, with this redacted answer.
    Done(A),
    /// It may have taken effect.
    Unresolved(&'a Dispatch),
    /// Nothing changed at Telnyx, so the request ID is free again.
    NoEffect,
}

#[derive(Deserialize, Serialize)]
#[serde(bound(deserialize = "A: DeserializeOwned", serialize = "A: Serialize"))]
struct StoredRequest<A> {
    fingerprint: Digest,
    state: RequestState<A>,
}

#[derive(Deserialize, Serialize)]
#[serde(bound(deserialize = "A: DeserializeOwned", serialize = "A: Serialize"))]
enum RequestState<A> {
    /// The job `owner` works on it until `lease`. After that, the job has stopped. The operation is unresolved if there
    /// is a dispatch.
    Open { owner: Uuid, lease: Lease, dispatch: Option<Dispatch> },
    /// The operation took effect, with this redacted answer.
    Done(#[serde(with = "store::telnyx")] A),
}

impl<A: Serialize + DeserializeOwned + Clone> RequestRecord<A> {
    pub(super) fn new(job: &Arc<JobContext>) -> Option<Self> {
        let key = job.keys.request.clone()?;
        Some(Self { job: job.clone(), key, answer: PhantomData })
    }

    /// The record of a request that has a record only: its repetitions take the answer from it. `content` is what the
    /// request ID stands for.
    pub(in crate::services) fn of_request(
        deps: &Arc<Dependencies>,
        call: &CallContext,
        (rpc, request_id): (&str, Uuid),
        content: &[&[u8]],
    ) -> Self {
        let key = format!("request:{}:{rpc}:{request_id}", call.tenant.id);
        let keys = OperationKeys {
            request: Some(key.clone()),
            target: String::new(),
            fingerprint: deps.store.digest(content),
            echo: Echo::default(),
            duplicate_window: None,
        };
        let job = JobContext { id: Uuid::new_v4(), deps: deps.clone(), call: call.clone(), keys: keys.into() };
        Self { job: job.into(), key, answer: PhantomData }
    }

    /// A dispatch of the request that begins now.
    pub(in crate::services) fn new_dispatch(&self) -> Dispatch {
        self.job.new_dispatch(Vec::new(), QuotaReservation::default())
    }

    /// Creates or takes over the record, or finds the answer in it. Waits while another job owns it.
    pub(in crate::services) async fn acquire(&self) -> Result<AcquireResult<A>, Error> {
        let acquired = self.job.update_when_free(&self.key, |stored: Option<StoredRequest<A>>| {
            let unresolved = match stored {
                Some(StoredRequest { fingerprint, .. }) if fingerprint != self.job.keys.fingerprint => {
                    return (Change::Keep, Some(Err(request_id_reused())));
                }
                Some(StoredRequest { state: RequestState::Done(answer), .. }) => {
                    return (Change::Keep, Some(Ok(AcquireResult::Done(answer))));
                }
                // A job that stored no end may have sent until its lease ended.
                Some(StoredRequest { state: RequestState::Open { lease, dispatch, .. }, .. }) => {
                    let Some(ended) = self.job.ended(&lease) else { return (Change::Keep, None) };
                    dispatch.map(|dispatch| dispatch.ended_by(ended))
                }
                None => None,
            };
            let open = self.open(self.job.lease(), unresolved.clone());
            (self.put(open), Some(Ok(AcquireResult::Acquired { unresolved })))
        });
        let acquired = acquired.await;
        if let Err(error) = &acquired {
            self.job.undo_unknown(error, async |job| give_back(&job).await);
        }
        acquired?
    }

    /// Stores that a request is about to leave. False if another job owns the record now.
    pub(in crate::services) async fn record_dispatch(&self, dispatch: &Dispatch) -> Result<bool, Error> {
        Ok(self.write(|| self.put(self.open(self.job.lease(), Some(dispatch.clone())))).await?)
    }

    /// Stores how the operation ended, and returns whether it could. If not, the lease runs out and the next call with
    /// the request ID finds the operation unresolved.
    pub(in crate::services) async fn finish(&self, end: RequestEnd<'_, A>) -> bool {
        let written = self.write(|| match &end {
            RequestEnd::Done(answer) => self.put(RequestState::Done(answer.clone())),
            RequestEnd::Unresolved(dispatch) => {
                self.put(self.open(self.job.lease_until(self.job.now()), Some((*dispatch).clone())))
            }
            RequestEnd::NoEffect => Change::Remove,
        });
        written.await.inspect_err(|error| self.job.record_write_failed("request", error)).unwrap_or(false)
    }

    /// Changes the record if this job still owns it.
    async fn write(&self, change: impl Fn() -> Change<StoredRequest<A>>) -> Result<bool, store::Error> {
        let written = self.job.update(&self.key, |stored: Option<StoredRequest<A>>| match stored {
            Some(StoredRequest { state: RequestState::Open { owner, .. }, .. }) if owner == self.job.id => {
                (change(), true)
            }
            _ => (Change::Keep, false),
        });
        written.await
    }

    fn open(&self, lease: Lease, dispatch: Option<Dispatch>) -> RequestState<A> {
        RequestState::Open { owner: self.job.id, lease, dispatch }
    }

    fn put(&self, state: RequestState<A>) -> Change<StoredRequest<A>> {
        put(&self.job, self.job.keys.fingerprint, state)
    }
}

fn put<A>(job: &JobContext, fingerprint: Digest, state: RequestState<A>) -> Change<StoredRequest<A>> {
    let keep = match &state {
        RequestState::Open { dispatch: Some(_), .. } => job.unresolved_retention(),
        _ => job.deps.settings.request_id_retention,
    };
    Change::Put(StoredRequest { fingerprint, state }, keep)
}

pub(super) fn request_id_reused() -> Error {
    Error::new(ErrorReason::RequestIdReused, "the request_id was already used for another request")
}

/// Ends the lease of an aborted or failed job. Without a dispatch, the record says nothing.
pub(super) async fn give_back(job: &JobContext) -> Result<(), store::Error> {
    let Some(key) = &job.keys.request else { return Ok(()) };
    // The answer is not read, so its type does not matter.
    let given_back = job.update(key, |stored: Option<StoredRequest<serde_json::Value>>| match stored {
        Some(StoredRequest { state: RequestState::Open { owner, dispatch: None, .. }, .. }) if owner == job.id => {
            (Change::Remove, ())
        }
        Some(StoredRequest { fingerprint, state: RequestState::Open { owner, dispatch, .. } }) if owner == job.id => {
            let lease = job.lease_until(job.now());
            (put(job, fingerprint, RequestState::Open { owner, lease, dispatch }), ())
        }
        _ => (Change::Keep, ()),
    });
    given_back.await
}

/// The request record of another operation.
pub(super) enum OtherRecord<A> {
    /// There is none: nothing took effect, or the operation has no request ID.
    Missing,
    /// A job works on the operation.
    Leased,
    /// Its last dispatch may have taken effect. None if there was no dispatch.
    Unresolved(Option<Dispatch>),
    /// The operation took effect, with this redacted answer.
    Done(A),
}

/// Reads the request record of another operation at `key`.
pub(super) async fn read<A>(job: &JobContext, key: &str) -> Result<OtherRecord<A>, store::Error>
where
    A: Serialize + DeserializeOwned,
{
    let read = job.update(key, |stored: Option<StoredRequest<A>>| {
        let record = match stored.map(|stored| stored.state) {
            None => OtherRecord::Missing,
            Some(RequestState::Done(answer)) => OtherRecord::Done(answer),
            Some(RequestState::Open { lease, dispatch, .. }) => match job.ended(&lease) {
                Some(ended) => OtherRecord::Unresolved(dispatch.map(|dispatch| dispatch.ended_by(ended))),
                None => OtherRecord::Leased,
            },
        };
        (Change::Keep, record)
    });
    read.await
}

/// Finishes the record of another operation, whose last dispatch began at `since`, with its answer or without effect.
/// False if a job works on the operation.
pub(super) async fn resolve<A>(
    job: &JobContext,
    key: &str,
    since: Timestamp,
    answer: Option<&A>,
) -> Result<bool, store::Error>
where
    A: Serialize + DeserializeOwned + Clone,
{
    let resolved = job.update(key, |stored: Option<StoredRequest<A>>| {
        let Some(StoredRequest { fingerprint, state: RequestState::Open { lease, dispatch, .. } }) = stored else {
            return (Change::Keep, true);
        };
        if job.ended(&lease).is_none() || dispatch.is_some_and(|dispatch| dispatch.since != since) {
            return (Change::Keep, false);
        }
        match answer {
            Some(answer) => (put(job, fingerprint, RequestState::Done(answer.clone())), true),
            None => (Change::Remove, true),
        }
    });
    resolved.await
}
