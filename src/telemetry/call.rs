//! The current call: what log lines, spans and the response have in common.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
};

use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use tokio::task_local;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::Metrics;
use crate::{
    domain::{Country, NumberType, PhoneNumber, TenantId},
    sync::Mutex,
    telnyx::Channel,
};

task_local! {
    static CURRENT: Arc<Call>;
}

/// What telemetry knows of a call.
pub struct Call {
    /// The value of `x-request-id`: the caller's, or a new one.
    pub request_id: String,
    /// The full name of the RPC. `_OTHER` for an unknown one.
    pub rpc: &'static str,
    /// The tenant, once the caller is authenticated.
    pub tenant: OnceLock<TenantId>,
    /// The identity, once the caller is authenticated.
    pub identity: OnceLock<Arc<str>>,
    /// What the call acts on, for the audit event.
    pub(super) subject: Mutex<Subject>,
    /// The trace and span, if the call is recorded.
    pub trace: Option<(TraceId, SpanId)>,
    /// The metrics of the gateway.
    pub metrics: Metrics,
    /// The `x-request-id` that Telnyx gave the last request that failed.
    pub upstream_request_id: Mutex<Option<String>>,
}

/// What a call acts on, as far as it is known.
#[derive(Debug, Default)]
pub struct Subject {
    /// The phone number, redacted.
    pub(super) phone_number: Option<String>,
    pub(super) country: Option<Country>,
    pub(super) country_assumed: bool,
    pub(super) number_type: Option<NumberType>,
    /// The channel of a send.
    pub channel: Option<Channel>,
    /// The ID of the profile.
    pub profile_id: Option<String>,
    /// The ID of the template.
    pub template_id: Option<String>,
    /// The ID of the verification.
    pub verification_id: Option<String>,
    /// The outcome, if there is a more precise one than `ok`.
    pub outcome: Option<&'static str>,
    /// Whether the phone number is a test number: no message was sent.
    pub is_test_number: bool,
}

impl Subject {
    /// Sets the phone number and its country.
    pub fn phone_number(&mut self, phone_number: &PhoneNumber) {
        self.phone_number = Some(phone_number.to_string());
        self.country = phone_number.country();
        self.country_assumed = phone_number.country_is_assumed();
        self.number_type = Some(phone_number.number_type());
    }
}

impl Call {
    /// A call of `rpc` in `span`. Without a `request_id` it gets a new one.
    pub fn new(rpc: &'static str, request_id: Option<String>, span: &Span, metrics: Metrics) -> Arc<Self> {
        let trace = (!span.is_disabled()).then(|| {
            let context = span.context();
            let context = context.span().span_context().clone();
            (context.trace_id(), context.span_id())
        });
        Arc::new(Self {
            request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            rpc,
            tenant: OnceLock::new(),
            identity: OnceLock::new(),
            subject: Mutex::default(),
            trace,
            metrics,
            upstream_request_id: Mutex::default(),
        })
    }

    /// The call that the current task works for.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Runs `work` as part of this call.
    pub async fn run<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Runs synchronous `work` as part of this call.
    pub fn run_now<T>(self: Arc<Self>, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Makes `work` part of the current call, even if another task runs it.
    pub fn in_current_call<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
        let call = Self::current();
        async move {
            match call {
                Some(call) => call.run(work).await,
                None => work.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_request_ids_are_random_uuids() {
        let metrics = Metrics::default();
        let name = |_| Call::new("a/b", None, &Span::none(), metrics.clone()).request_id.clone();
        let names: HashSet<String> = (0..10_000).map(name).collect();
        assert_eq!(names.len(), 10_000);
        let name: uuid::Uuid = names.iter().next().unwrap().parse().unwrap();
        assert_eq!(name.get_version_num(), 4);
    }

    #[tokio::test]
    async fn work_in_another_task_stays_part_of_its_call() {
        let call = Call::new("a/b", Some("r1".into()), &Span::none(), Metrics::default());
        let spawn = || tokio::spawn(Call::in_current_call(async { Call::current() }));
        let there = call.run_now(spawn).await.unwrap();
        assert_eq!(there.unwrap().request_id, "r1");
        assert!(Call::current().is_none());
    }
}
