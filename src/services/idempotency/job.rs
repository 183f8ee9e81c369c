//! One execution of one operation, and the store as that execution uses it.

use std::{error::Error as _, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{super::Dependencies, IdempotentOperation, OperationSpec, RECONCILE_TIMEOUT};
use crate::{
    domain::{CallContext, Error},
    limits::QuotaReservation,
    pb::ErrorReason,
    store::{self, Change},
};

/// The first and the longest pause before another try to get what another job holds. Pauses double.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
pub(super) const MAX_BACKOFF: Duration = Duration::from_millis(250);

/// What one job knows of itself. Its request record and its target lock share it.
pub(super) struct JobContext {
    pub(super) id: Uuid,
    pub(super) deps: Arc<Dependencies>,
    pub(super) call: CallContext,
    pub(super) keys: Arc<OperationKeys>,
}

/// The names by which the store knows an operation.
pub(super) struct OperationKeys {
    /// The key of the request record. None without a request ID.
    pub(super) request: Option<String>,
    /// The key of the target lock.
    pub(super) target: String,
    pub(super) fingerprint: String,
    pub(super) discriminator: String,
    pub(super) duplicate_window: Option<Duration>,
}

/// The stored fact that a request may have left.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Dispatch {
    /// No request left before this time.
    pub(super) since: Timestamp,
    /// The end of the last request that may have taken effect. None if no process saw that end.
    pub(super) ended: Option<Timestamp>,
    /// The IDs of the candidates that existed before, where Telnyx tells no creation times.
    pub(super) preexisting: Vec<String>,
    /// The quota that the dispatch has reserved.
    #[serde(default)]
    pub(super) reservation: QuotaReservation,
}

/// An operation, as other operations at its target see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct OperationRef {
    /// The key of its request record. Without a request ID, the ID of its job.
    pub(super) key: String,
    /// See [`OperationSpec::discriminator`].
    pub(super) discriminator: String,
}

impl OperationKeys {
    pub(super) fn new<O: IdempotentOperation>(
        deps: &Dependencies,
        call: &CallContext,
        spec: OperationSpec<'_>,
    ) -> Self {
        let OperationSpec { request_id, body, target: parts, discriminator, duplicate_window } = spec;
        let tenant = &call.tenant.id;
        let mut target = vec![tenant.as_str().as_bytes(), O::RPC.as_bytes()];
        target.extend(&parts);
        let content: Vec<&[u8]> = parts.iter().copied().chain([&*body]).collect();
        Self {
            request: request_id.map(|id| format!("request:{tenant}:{}:{id}", O::RPC)),
            target: format!("target:{}", deps.store.digest(&target)),
            fingerprint: deps.store.digest(&content),
            discriminator,
            duplicate_window,
        }
    }
}

impl JobContext {
    /// The operation, as other operations at its target see it.
    pub(super) fn operation(&self) -> OperationRef {
        let key = self.keys.request.clone().unwrap_or_else(|| self.id.to_string());
        OperationRef { key, discriminator: self.keys.discriminator.clone() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.deps.clock.now()
    }

    /// The end of a lease that begins now.
    pub(super) fn lease(&self) -> Timestamp {
        self.now().saturating_add(self.max_duration()).unwrap_or(Timestamp::MAX)
    }

    /// The longest time that the job can still take without renewing its lease.
    pub(super) fn max_duration(&self) -> Duration {
        let left = self.call.deadline.saturating_duration_since(Instant::now());
        left + self.deps.attempt_timeout + 2 * RECONCILE_TIMEOUT
    }

    /// Changes the record at `key`. What was begun must be recorded, so a write may outlast the caller's deadline.
    pub(super) async fn update<T, R>(
        &self,
        key: &str,
        change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, store::Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let deadline = self.call.deadline.max(Instant::now() + RECONCILE_TIMEOUT);
        self.deps.store.update_by(key, deadline, change).await
    }

    /// Changes the record at `key` as soon as no other job holds it: `change` returns `None` while another job does.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` if no caller waits any longer, and `STORE_UNAVAILABLE`.
    pub(super) async fn update_when_free<T, R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> (Change<T>, Option<R>),
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut pause = FIRST_BACKOFF;
        loop {
            if let Some(result) = self.update(key, &mut change).await? {
                return Ok(result);
            }
            if self.call.cancelled.is_cancelled() || Instant::now() + pause >= self.call.deadline {
                let message = "the deadline was exceeded while another request to the same target was running";
                return Err(Error::new(ErrorReason::DeadlineExceeded, message));
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
    }

    /// Counts and logs that a result could not be stored. Whoever needs it reconciles.
    pub(super) fn record_write_failed(&self, record: &'static str, error: &store::Error) {
        self.deps.metrics.record_write_failed(record);
        let source = error.source().map(ToString::to_string);
        tracing::warn!(%error, source, record, "a result could not be stored; the next call for it reconciles");
    }
}
