//! Measurements that take more than the plain labels of one instrument. The table makes the methods for all others.

use std::time::Duration;

use opentelemetry::KeyValue;

use super::{instruments::Instruments, labels::Label};
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
        self.call_counted(tenant, rpc, code);
        let labels = [
            KeyValue::new(semconv::RPC_SYSTEM_NAME, "grpc"),
            KeyValue::new(semconv::RPC_METHOD, rpc),
            KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, code),
            KeyValue::new(semconv::ERROR_TYPE, reason.unwrap_or_default()),
        ];
        let labels = if reason.is_some() { &labels[..] } else { &labels[..3] };
        self.call_duration.record(took.as_secs_f64(), labels);
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
        let (method, template) =
            (KeyValue::new(semconv::HTTP_REQUEST_METHOD, method), KeyValue::new(semconv::URL_TEMPLATE, template));
        let end = match (status, failure) {
            (Some(status), None) => KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status)),
            (_, failure) => KeyValue::new(semconv::ERROR_TYPE, failure.unwrap_or("_OTHER")),
        };
        let (duration, took) = (&self.attempt_duration, took.as_secs_f64());
        if let (Some(status @ 400..), None) = (status, failure) {
            let error = KeyValue::new(semconv::ERROR_TYPE, status.to_string());
            duration.record(took, &[method, template, end, error]);
        } else {
            duration.record(took, &[method, template, end]);
        }
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
