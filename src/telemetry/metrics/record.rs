//! What there is to count.

use std::{sync::Arc, time::Duration};

use opentelemetry::{KeyValue, Value};

use super::{Active, Metrics, SendEnd, conversion::Verified};
use crate::{
    domain::{Country, LimitMode, TenantId},
    telemetry::semconv,
    telnyx::Channel,
};

impl Metrics {
    /// A call begins; it ends when the answer is dropped.
    #[must_use]
    pub fn call_begun(&self) -> Active {
        Active::of(self, |instruments| &instruments.calls_active)
    }

    /// A call has ended: `reason` is that of a refusal.
    pub fn call_ended(
        &self,
        rpc: &'static str,
        code: &'static str,
        reason: Option<&'static str>,
        tenant: Option<&TenantId>,
        took: Duration,
    ) {
        let (rpc, code) = (label(semconv::RPC_METHOD, rpc), label(semconv::RPC_RESPONSE_STATUS_CODE, code));
        let system = label(semconv::RPC_SYSTEM_NAME, "grpc");
        let calls = [KeyValue::new("tenant", self.0.tenants.label(tenant)), rpc.clone(), code.clone()];
        self.0.instruments.calls.add(1, &calls);
        let duration = &self.0.instruments.call_duration;
        match reason {
            None => duration.record(took.as_secs_f64(), &[system, rpc, code]),
            Some(reason) => {
                duration.record(took.as_secs_f64(), &[system, rpc, code, label(semconv::ERROR_TYPE, reason)]);
            }
        }
    }

    /// A caller is not known, because of `cause`.
    pub fn denied(&self, cause: &'static str) {
        self.0.instruments.denials.add(1, &[label("cause", cause)]);
    }

    /// A connection is there; it is gone when the answer is dropped.
    #[must_use]
    pub fn connection_opened(&self) -> Active {
        Active::of(self, |instruments| &instruments.connections_active)
    }

    /// A TLS handshake has failed because of `cause`.
    pub fn handshake_failed(&self, cause: &'static str) {
        self.0.instruments.handshakes_failed.add(1, &[label("cause", cause)]);
    }

    /// Where to read for how many seconds the server's certificate is still valid.
    pub fn certificate_left(&self, left: impl Fn() -> f64 + Send + Sync + 'static) {
        self.0.instruments.certificate_left.is(move |observe| observe(left(), &[]));
    }

    /// An attempt at Telnyx has ended: with a status, or for want of one with what went wrong.
    pub fn attempt_ended(
        &self,
        method: &'static str,
        template: &'static str,
        status: Option<u16>,
        failure: Option<&'static str>,
        took: Duration,
    ) {
        let method = label(semconv::HTTP_REQUEST_METHOD, method);
        let template = label(semconv::URL_TEMPLATE, template);
        let took = took.as_secs_f64();
        let duration = &self.0.instruments.attempt_duration;
        let code = |status: u16| KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        match (status, failure) {
            (Some(status), None) if status < 400 => duration.record(took, &[method, template, code(status)]),
            (Some(status), None) => {
                let failure = KeyValue::new(semconv::ERROR_TYPE, status.to_string());
                duration.record(took, &[method, template, code(status), failure]);
            }
            (_, failure) => {
                let failure = label(semconv::ERROR_TYPE, failure.unwrap_or("_OTHER"));
                duration.record(took, &[method, template, failure]);
            }
        }
    }

    /// A send has ended.
    pub fn send_ended(&self, channel: Channel, country: Option<Country>, end: SendEnd) {
        let outcome = match end {
            SendEnd::Sent => "sent",
            SendEnd::Refused => "refused",
            SendEnd::Failed => "failed",
            SendEnd::Unknown => "unknown",
        };
        let labels = [label("channel", channel.as_str()), by_country(country), label("outcome", outcome)];
        self.0.instruments.sends.add(1, &labels);
    }

    /// Notes what was sent, so that its conversion can be told. `names` is all that it may be checked by.
    pub fn sent(&self, tenant: &TenantId, names: [Verified<'_>; 2], channel: Channel) {
        self.0.sends.note(tenant, names, channel);
    }

    /// Telnyx has answered a check.
    pub fn check_ended(&self, outcome: &'static str) {
        self.0.instruments.checks.add(1, &[label("outcome", outcome)]);
    }

    /// A code was accepted.
    pub fn converted(&self, tenant: &TenantId, verified: Verified<'_>, country: Option<Country>) {
        let instruments = &self.0.instruments;
        let Some((channel, took)) = self.0.sends.take(tenant, verified) else {
            instruments.conversions.add(1, &[label("channel", "unknown"), by_country(country)]);
            return;
        };
        let labels = [label("channel", channel.as_str()), by_country(country)];
        instruments.conversions.add(1, &labels);
        instruments.conversion_duration.record(took.as_secs_f64(), &labels);
    }

    /// A call was answered with what an earlier one made happen: `same_request` or `duplicate`.
    pub fn duplicate_suppressed(&self, rpc: &'static str, origin: &'static str) {
        self.0.instruments.duplicates.add(1, &[label("rpc", rpc), label("origin", origin)]);
    }

    /// A request lost its answer, and its trace was looked for.
    pub fn ambiguous_ended(&self, rpc: &'static str, found: bool) {
        let end = if found { "found" } else { "unknown" };
        self.0.instruments.ambiguous.add(1, &[label("rpc", rpc), label("end", end)]);
    }

    /// Telnyx has more than one send for one intent.
    pub fn duplicate_sent(&self) {
        self.0.instruments.duplicate_sends.add(1, &[]);
    }

    /// An attempt is repeated because of `cause`.
    pub fn retried(&self, effect: &'static str, cause: &'static str) {
        self.0.instruments.retries.add(1, &[label("effect", effect), label("cause", cause)]);
    }

    /// An attempt that could be repeated is not, for want of `cause`: `attempts`, `time` or `budget`.
    pub fn retry_forgone(&self, effect: &'static str, cause: &'static str) {
        self.0.instruments.retries_forgone.add(1, &[label("effect", effect), label("cause", cause)]);
    }

    /// Where to read how many retries are left.
    pub fn retry_budget(&self, left: impl Fn() -> f64 + Send + Sync + 'static) {
        self.0.instruments.budget_left.is(move |observe| observe(left(), &[]));
    }

    /// Where to read how many circuit breakers are open, by effect.
    pub fn breakers(&self, open: impl Fn(&mut dyn FnMut(&'static str, usize)) + Send + Sync + 'static) {
        self.0.instruments.breakers_open.is(move |observe| {
            #[expect(clippy::cast_precision_loss, reason = "there are some thousands at most")]
            open(&mut |effect, open| observe(open as f64, &[label("effect", effect)]));
        });
    }

    /// A circuit breaker opened or closed.
    pub fn breaker_changed(&self, tenant: &TenantId, effect: &'static str, state: &'static str) {
        let tenant = KeyValue::new("tenant", self.0.tenants.label(Some(tenant)));
        self.0.instruments.breaker_changes.add(1, &[tenant, label("effect", effect), label("state", state)]);
    }

    /// Telnyx refuses the key of `tenant`.
    pub fn key_refused(&self, tenant: &TenantId) {
        self.0.instruments.keys_refused.add(1, &[KeyValue::new("tenant", self.0.tenants.label(Some(tenant)))]);
    }

    /// Telnyx wrote a value in `field` that the contract does not know.
    pub fn unknown_value(&self, field: &'static str) {
        self.0.instruments.unknown_values.add(1, &[label("field", field)]);
    }

    /// Whether the upstream says that it is the simulator.
    pub fn simulator_in_use(&self, is: bool) {
        self.0.instruments.simulator.record(f64::from(u8::from(is)), &[]);
    }

    /// An update of a record at a server has ended, after so many others were faster.
    pub fn store_updated(&self, outcome: &'static str, took: Duration, conflicts: u64) {
        self.0.instruments.store_duration.record(took.as_secs_f64(), &[label("outcome", outcome)]);
        if conflicts > 0 {
            self.0.instruments.store_conflicts.add(conflicts, &[]);
        }
    }

    /// Whether the server that keeps the records can be used.
    pub fn store_is_up(&self, is: bool) {
        self.0.instruments.store_up.record(f64::from(u8::from(is)), &[]);
    }

    /// The end of what must happen once could not be written to its `record`: `request` or `target`.
    pub fn end_not_noted(&self, record: &'static str) {
        self.0.instruments.unnoted_ends.add(1, &[label("record", record)]);
    }

    /// A limit was reached.
    pub fn limit_hit(&self, limit: &'static str, mode: LimitMode) {
        let mode = match mode {
            LimitMode::Enforce => "enforced",
            LimitMode::Observe => "observed",
        };
        self.0.instruments.limit_hits.add(1, &[label("limit", limit), label("mode", mode)]);
    }

    /// A file was read again.
    pub fn reloaded(&self, what: &'static str, ok: bool) {
        let mut stale = self.0.stale.lock();
        if ok {
            stale.remove(what)
        } else {
            stale.insert(what)
        };
        drop(stale);
        let outcome = if ok { "ok" } else { "failed" };
        self.0.instruments.reloads.add(1, &[label("what", what), label("outcome", outcome)]);
        self.0.instruments.reload_failed.record(f64::from(u8::from(!ok)), &[label("what", what)]);
    }

    /// What is in use though its file was changed since, to something that is of no use.
    #[must_use]
    pub fn stale(&self) -> Vec<&'static str> {
        self.0.stale.lock().iter().copied().collect()
    }

    /// Where to read how old the tenants' keys are.
    pub fn key_ages(&self, ages: impl Fn(&mut dyn FnMut(&TenantId, Duration)) + Send + Sync + 'static) {
        // The instrument must not keep alive what it is part of.
        let inner = Arc::downgrade(&self.0);
        self.0.instruments.key_age.is(move |observe| {
            let Some(inner) = inner.upgrade() else { return };
            ages(&mut |tenant, age| {
                observe(age.as_secs_f64(), &[KeyValue::new("tenant", inner.tenants.label(Some(tenant)))]);
            });
        });
    }

    /// So many spans reached no collector.
    pub(in crate::telemetry) fn spans_lost(&self, cause: &'static str, spans: usize) {
        self.0.instruments.telemetry_lost.add(spans as u64, &[label("cause", cause)]);
    }
}

fn label(name: &'static str, value: &'static str) -> KeyValue {
    KeyValue::new(name, value)
}

fn by_country(country: Option<Country>) -> KeyValue {
    let country = country.map_or(Value::from("none"), |country| country.to_string().into());
    KeyValue::new("country", country)
}
