//! One execution of one operation, and the store as that execution uses it.

use std::{error::Error as _, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::{
    dependencies::{Dependencies, TelnyxOffset},
    lease::Lease,
};
use super::{
    IdempotentOperation, OperationSpec,
    matching::{Echo, Expectation},
};
use crate::{
    config,
    domain::{CallContext, Error, Tenant},
    limits::QuotaReservation,
    pb::ErrorReason,
    store::{self, Change, Digest},
};

/// The first and the longest pause before another try to get what another job holds. Pauses double.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
/// How long a reconciliation, or a write of a result, may outlast the caller's deadline.
pub(super) const RECONCILE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unresolved dispatch is kept at least.
const UNRESOLVED_RETENTION: Duration = Duration::from_hours(24);
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
    pub(super) fingerprint: Digest,
    /// What Telnyx echoes of the operation, if nothing is added to it.
    pub(super) echo: Echo,
    pub(super) duplicate_window: Option<Duration>,
}

/// The stored fact that a request may have left.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::services) struct Dispatch {
    /// No request left before this time.
    #[serde(with = "store::time")]
    pub(in crate::services) since: Timestamp,
    /// The end of the last request that may have taken effect. None if no process saw that end.
    #[serde(with = "store::time_or_none")]
    pub(in crate::services) ended: Option<Timestamp>,
    /// The IDs of the candidates that existed before, where Telnyx tells no creation times.
    pub(super) preexisting: Vec<String>,
    /// The quota that the dispatch has reserved.
    pub(super) reservation: QuotaReservation,
    /// What Telnyx echoes of it.
    pub(super) echo: Echo,
    /// Whether its timeout was chosen so that no other dispatch at the target has it.
    pub(super) is_distinct: bool,
}

impl Dispatch {
    /// The dispatch, which ended at `time` at the latest.
    pub(super) fn ended_by(self, time: Timestamp) -> Self {
        Self { ended: Some(self.ended.unwrap_or(time).min(time)), ..self }
    }
}

impl OperationKeys {
    pub(super) fn new<O: IdempotentOperation>(
        deps: &Dependencies,
        call: &CallContext,
        spec: OperationSpec<'_>,
    ) -> Self {
        let OperationSpec { request_id, body, target: parts, timeout_secs, custom_code, duplicate_window } = spec;
        let tenant = &call.tenant.id;
        let content: Vec<&[u8]> = parts.iter().copied().chain([&*body]).collect();
        Self {
            request: request_id.map(|id| format!("request:{tenant}:{}:{id}", O::RPC)),
            target: target_key(deps, &call.tenant, O::RPC, &parts),
            fingerprint: deps.store.digest(&content),
            echo: echo(deps, timeout_secs, custom_code),
            duplicate_window,
        }
    }
}

/// The key of the target lock. Tenants that share an account share what they list. A request ID belongs to one of them.
pub(super) fn target_key(deps: &Dependencies, tenant: &Tenant, rpc: &str, parts: &[&[u8]]) -> String {
    let target = [&[tenant.account_id(), rpc.as_bytes()], parts].concat();
    format!("target:{}", deps.store.digest(&target))
}

/// What Telnyx echoes, without the code itself.
pub(super) fn echo(deps: &Dependencies, timeout_secs: Option<u64>, custom_code: Option<&str>) -> Echo {
    let custom_code = custom_code.map(|code| deps.store.digest(&[b"custom code", code.as_bytes()]));
    Echo { timeout_secs, custom_code }
}

/// Whether the key of an operation is that of a request record.
pub(super) fn is_request(operation: &str) -> bool {
    operation.starts_with("request:")
}

impl JobContext {
    /// The name of the operation for others at its target: the key of its request record, else the ID of its job.
    pub(super) fn operation(&self) -> String {
        self.keys.request.clone().unwrap_or_else(|| self.id.to_string())
    }

    /// A dispatch that begins now.
    pub(super) fn new_dispatch(&self, preexisting: Vec<String>, reservation: QuotaReservation) -> Dispatch {
        let (since, echo) = (self.now(), self.keys.echo.clone());
        Dispatch { since, ended: None, preexisting, reservation, echo, is_distinct: false }
    }

    /// What a resource of the `dispatch` of `operation` shows. The times are those of Telnyx's clock, give or take the clock
    /// skew.
    pub(super) fn expectation<'d, O: IdempotentOperation>(
        &self,
        operation: &str,
        dispatch: &'d Dispatch,
    ) -> Expectation<'d> {
        let config::SendsConfig { clock_skew, settle_window, .. } = self.deps.settings;
        let skew = SignedDuration::try_from(clock_skew).unwrap_or(SignedDuration::MAX);
        let offset = self.deps.telnyx_offset(&self.call.tenant).unwrap_or(TelnyxOffset { low: -skew, high: skew });
        let start = dispatch.since.saturating_add(offset.low);
        let end = dispatch.ended.map_or(Ok(Timestamp::MAX), |ended| {
            ended.saturating_add(offset.high).and_then(|end| end.saturating_add(settle_window))
        });
        Expectation {
            echo: &dispatch.echo,
            is_distinct: dispatch.is_distinct,
            is_repeatable: is_request(operation),
            window: start.unwrap_or(Timestamp::MIN)..=end.unwrap_or(Timestamp::MAX),
            preexisting: (!O::HAS_CREATION_TIME).then_some(&*dispatch.preexisting),
        }
    }

    /// How much of the settle window of `dispatch` is left. After it, the dispatch can no longer take effect.
    pub(super) fn unsettled_for(&self, dispatch: &Dispatch) -> Option<Duration> {
        let end = dispatch.ended.unwrap_or(dispatch.since).saturating_add(self.deps.settings.settle_window);
        let left = end.unwrap_or(Timestamp::MAX).duration_since(self.now());
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.deps.now()
    }

    /// A lease that begins now.
    pub(super) fn lease(&self) -> Lease {
        self.lease_until(self.latest_end())
    }

    /// The latest time at which the job can end without renewing its lease.
    pub(super) fn latest_end(&self) -> Timestamp {
        self.now().saturating_add(self.max_duration()).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn lease_until(&self, until: Timestamp) -> Lease {
        Lease::new(until, self.deps.process.as_ref())
    }

    /// When the lease of another job ended. None if it has not ended.
    pub(super) fn ended(&self, lease: &Lease) -> Option<Timestamp> {
        lease.ended(self.now(), self.deps.process.as_ref())
    }

    /// How long an unresolved dispatch is kept: it outlives the request ID, whose repetition would send again.
    pub(super) fn unresolved_retention(&self) -> Duration {
        self.deps.settings.request_id_retention.max(UNRESOLVED_RETENTION)
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
        self.deps.store.records_of(&self.call.tenant.id).update_by(key, deadline, change).await
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
            self.call.permit.given_back(sleep(pause)).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
    }

    /// Undoes in the background what a write may have done whose answer was lost: nobody must wait for the lease of a job that
    /// has failed.
    pub(super) fn undo_unknown<F>(self: &Arc<Self>, error: &Error, undo: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = Result<(), store::Error>> + Send + 'static,
    {
        if matches!(error.source().and_then(|cause| cause.downcast_ref()), Some(store::Error::Unknown(_))) {
            let undone = undo(self.clone());
            let undone = async move {
                _ = undone.await.inspect_err(|error| tracing::warn!(%error, "a lease runs out by itself"));
            };
            drop(self.deps.tasks.run_to_completion(undone));
        }
    }

    /// Counts and logs that a result could not be stored. Whoever needs it reconciles.
    pub(super) fn record_write_failed(&self, record: &'static str, error: &store::Error) {
        self.deps.metrics.record_write_failed(record);
        let source = error.source().map(ToString::to_string);
        tracing::warn!(%error, source, record, "a result could not be stored; the next call for it reconciles");
    }
}
