//! Measurements that take more than the plain labels of one instrument. The table makes the methods for all others.

use std::time::Duration;

use opentelemetry::KeyValue;

use super::{
    instruments::Instruments,
    labels::{Label, SendOutcome},
};
use crate::{
    domain::{Country, TenantId},
    telemetry::semconv,
    telnyx::Channel,
};

impl Instruments {
    /// Records a call that ended, with the reason of its error.
    pub fn call_ended(
        &self,
        rpc: &'static str,
        code: &'static str,
        reason: Option<&'static str>,
        tenant: Option<&TenantId>,
        took: Duration,
    ) {
        let (rpc_label, code_label) =
            (KeyValue::new(semconv::RPC_METHOD, rpc), KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, code));
        let count = || {
            let tenant = KeyValue::new("tenant", tenant.value(&self.tenants));
            self.call_counted.bind(&[tenant, rpc_label.clone(), code_label.clone()])
        };
        self.bound.calls.record((tenant.cloned(), rpc, code), count, |calls| calls.add(1));
        let duration = || {
            let system = KeyValue::new(semconv::RPC_SYSTEM_NAME, "grpc");
            let mut labels = vec![system, rpc_label.clone(), code_label.clone()];
            labels.extend(reason.map(|reason| KeyValue::new(semconv::ERROR_TYPE, reason)));
            self.call_duration.bind(&labels)
        };
        let took = took.as_secs_f64();
        self.bound.call_durations.record((rpc, code, reason), duration, |durations| durations.record(took));
    }

    /// Records a send that ended.
    pub fn send_ended(&self, channel: Channel, country: Option<Country>, outcome: SendOutcome) {
        let count = || {
            self.sends_ended.bind(&[
                KeyValue::new("channel", channel.value(&self.tenants)),
                KeyValue::new("country", country.value(&self.tenants)),
                KeyValue::new("outcome", outcome.value(&self.tenants)),
            ])
        };
        self.bound.sends.record((channel, country, outcome), count, |sends| sends.add(1));
    }

    /// Records an attempt at Telnyx that ended: with an HTTP status, or with the kind of failure if there is none.
    pub fn attempt_ended(
        &self,
        method: &'static str,
        template: &'static str,
        status: Option<u16>,
        failure: Option<&'static str>,
        took: Duration,
    ) {
        let duration = || {
            let mut labels = vec![
                KeyValue::new(semconv::HTTP_REQUEST_METHOD, method),
                KeyValue::new(semconv::URL_TEMPLATE, template),
            ];
            let code = status.filter(|_| failure.is_none());
            labels.extend(code.map(|code| KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(code))));
            match code {
                Some(code @ 400..) => labels.push(KeyValue::new(semconv::ERROR_TYPE, code.to_string())),
                Some(_) => {}
                None => labels.push(KeyValue::new(semconv::ERROR_TYPE, failure.unwrap_or("_OTHER"))),
            }
            self.attempt_duration.bind(&labels)
        };
        let (key, took) = ((method, template, status, failure), took.as_secs_f64());
        self.bound.attempt_durations.record(key, duration, |durations| durations.record(took));
    }

    /// Records an accepted code, with the channel and age of its send if this process sent it.
    pub fn converted(&self, sent: Option<(Channel, Duration)>, country: Option<Country>) {
        self.code_accepted(sent.map_or("unknown", |(channel, _)| channel.as_str()), country);
        if let Some((channel, took)) = sent {
            let labels =
                [KeyValue::new("channel", channel.as_str()), KeyValue::new("country", country.value(&self.tenants))];
            self.conversion_duration.record(took.as_secs_f64(), &labels);
        }
    }

    /// Shows that webhooks are taken before the first one comes: an alert watches for their absence.
    pub fn webhooks_taken(&self, outcome: &'static str) {
        self.webhook_ended.add(0, &[KeyValue::new("outcome", outcome)]);
    }

    /// Records how far the time at which a webhook was signed is from the gateway's clock.
    pub fn webhook_skewed(&self, skew: Duration) {
        self.webhook_skew.record(skew.as_secs_f64(), &[]);
    }

    /// Records an update at the server of the store, and how many other gateways changed the record first.
    pub fn store_updated(&self, outcome: &'static str, took: Duration, conflicts: u64) {
        self.store_duration.record(took.as_secs_f64(), &[KeyValue::new("outcome", outcome)]);
        if conflicts > 0 {
            self.store_conflicts.add(conflicts, &[]);
        }
    }

    /// Records whether the store is at this risk.
    pub fn store_at_risk(&self, risk: &'static str, is: bool) {
        self.store_risk.record(f64::from(u8::from(is)), &[KeyValue::new("risk", risk)]);
    }

    /// Reads the number of open circuit breakers from `open`, by effect.
    pub fn breakers(&self, open: impl Fn(&mut dyn FnMut(&'static str, usize)) + Send + Sync + 'static) {
        let _ = self.breakers_open.set(Box::new(move |observe| {
            #[expect(clippy::cast_precision_loss, reason = "there are some thousands at most")]
            open(&mut |effect, open| observe(open as f64, &[KeyValue::new("effect", effect)]));
        }));
    }

    /// Records spans that reached no collector.
    pub(in crate::telemetry) fn spans_lost(&self, cause: &'static str, spans: usize) {
        self.spans_lost.add(spans as u64, &[KeyValue::new("cause", cause)]);
    }
}
