//! The current call: what log lines, spans and the response have in common.

use std::{
    future::Future,
    net::IpAddr,
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

/// The longest text of a JWT that is logged, in characters.
const MAX_TEXT: usize = 128;

/// What telemetry knows of a call.
pub struct Call {
    /// The value of `x-request-id`: the caller's, or a new one.
    pub call_id: String,
    /// The address that the call comes from.
    pub peer: Option<IpAddr>,
    /// The caller's name for the operation, if it has one.
    pub request_id: OnceLock<Uuid>,
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
    /// What follows when the last work of the call has ended.
    pub at_end: OnceLock<fn(&Self)>,
    /// How long the caller waited, in milliseconds, if it went away.
    pub abandoned_after: OnceLock<f64>,
}

/// What a call acts on, as far as it is known.
#[derive(Debug, Default)]
pub struct Subject {
    /// The phone number, redacted.
    pub(super) phone_number: Option<String>,
    /// What stands for the phone, so that a log can be searched for it.
    pub(super) phone_hash: Option<String>,
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
    /// What the JWT of the call says of its issuer, proven or not.
    pub jwt: Option<JwtSource>,
}

/// What a JWT says of its issuer, which may be a lie. Bounded, and of one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JwtSource {
    issuer: String,
    key_id: Option<String>,
}

impl JwtSource {
    /// The source of a JWT with this `iss` and `kid`.
    pub fn new(issuer: &str, key_id: Option<&str>) -> Self {
        Self { issuer: printable(issuer), key_id: key_id.map(printable) }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// The begin of a text that a stranger may have chosen.
fn printable(text: &str) -> String {
    text.chars().take(MAX_TEXT).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

impl Subject {
    /// Sets the phone number with its hash, and its country.
    pub fn phone_number(&mut self, phone_number: &PhoneNumber, phone_hash: String) {
        self.phone_hash = Some(phone_hash);
        self.phone_number = Some(phone_number.to_string());
        self.country = phone_number.country();
        self.country_assumed = phone_number.country_is_assumed();
        self.number_type = Some(phone_number.number_type());
    }
}

impl Call {
    /// A call of `rpc` from `peer` in `span`. Without a `call_id` it gets a new one.
    pub fn new(
        rpc: &'static str,
        call_id: Option<String>,
        peer: Option<IpAddr>,
        span: &Span,
        metrics: Metrics,
    ) -> Arc<Self> {
        let trace = (!span.is_disabled()).then(|| {
            let context = span.context();
            let context = context.span().span_context().clone();
            (context.trace_id(), context.span_id())
        });
        Arc::new(Self {
            call_id: call_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            peer,
            request_id: OnceLock::new(),
            rpc,
            tenant: OnceLock::new(),
            identity: OnceLock::new(),
            subject: Mutex::default(),
            trace,
            metrics,
            upstream_request_id: Mutex::default(),
            at_end: OnceLock::new(),
            abandoned_after: OnceLock::new(),
        })
    }

    /// Whether its caller went away.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned_after.get().is_some()
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

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(act) = self.at_end.get() {
            act(self);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn new_call_ids_are_random_uuids() {
        let metrics = Metrics::default();
        let name = |_| Call::new("a/b", None, None, &Span::none(), metrics.clone()).call_id.clone();
        let names: HashSet<String> = (0..10_000).map(name).collect();
        assert_eq!(names.len(), 10_000);
        let name: uuid::Uuid = names.iter().next().unwrap().parse().unwrap();
        assert_eq!(name.get_version_num(), 4);
    }

    #[tokio::test]
    async fn work_in_another_task_stays_part_of_its_call() {
        let call = Call::new("a/b", Some("c1".into()), None, &Span::none(), Metrics::default());
        let spawn = || tokio::spawn(Call::in_current_call(async { Call::current() }));
        let there = call.run_now(spawn).await.unwrap();
        assert_eq!(there.unwrap().call_id, "c1");
        assert!(Call::current().is_none());
    }
}
