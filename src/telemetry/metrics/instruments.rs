//! Every instrument, declared once: name, kind, unit, labels and description.
//!
//! This table makes the instruments, the methods of [`Instruments`] that record with plain labels, and
//! `docs/METRICS.md`. The names are those of OpenTelemetry.

use std::sync::{Arc, OnceLock};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};

#[cfg(test)]
use super::tests::{Instrument, MetricKind};
use super::{
    bound::BoundInstruments,
    labels::{Label, TenantLabels},
};
use crate::{
    domain::{Country, LimitMode, TenantId},
    telemetry::semconv,
};

/// Takes a value with its labels.
type Observe<'a> = &'a mut dyn FnMut(f64, &[KeyValue]);

/// What reads the values of an observed instrument, once it is set.
type ObservedValues = Arc<OnceLock<Box<dyn Fn(Observe<'_>) + Send + Sync>>>;

/// Counts something as active until this is dropped.
pub struct ActiveGuard(UpDownCounter<i64>);

impl ActiveGuard {
    fn new(counter: &UpDownCounter<i64>) -> Self {
        counter.add(1, &[]);
        Self(counter.clone())
    }
}

impl Drop for ActiveGuard {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

/// The buckets of durations, from an answer out of memory to the longest deadline.
const DURATIONS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0];
/// The buckets of what normally takes about a millisecond.
const QUICK: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The buckets of what a person does, up to the longest lifetime of a code.
const PERSON: &[f64] = &[2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0];

/// The OpenTelemetry type and the [`MetricKind`] of a kind in the table. A `Count` is recorded by a method of its name
/// that adds one; a `Flag` by one that sets 1 or 0; an `Active` by one that returns a guard; an `Observed` without labels
/// by one that takes the source of its value.
macro_rules! kind {
    (type Count) => { Counter<u64> };
    (type Sum) => { Counter<u64> };
    (type Active) => { UpDownCounter<i64> };
    (type Flag) => { Gauge<f64> };
    (type Gauge) => { Gauge<f64> };
    (type Observed) => { ObservedValues };
    (type Histogram) => { Histogram<f64> };
    (metric Count) => { MetricKind::Counter };
    (metric Sum) => { MetricKind::Counter };
    (metric Histogram) => { MetricKind::Histogram };
    (metric $other:ident) => { MetricKind::Gauge };
}

macro_rules! build {
    (Observed, $meter:ident, $($of:expr),+) => {{
        let values = ObservedValues::default();
        let callback = values.clone();
        named!($meter.f64_observable_gauge, $($of),+)
            .with_callback(move |observer| {
                if let Some(callback) = callback.get() {
                    callback(&mut |value, labels| observer.observe(value, labels));
                }
            })
            .build();
        values
    }};
    (Histogram, $meter:ident, $name:expr, $unit:expr, $doc:expr, $bounds:expr) => {
        named!($meter.f64_histogram, $name, $unit, $doc).with_boundaries($bounds.to_vec()).build()
    };
    (Active, $meter:ident, $($of:expr),+) => { named!($meter.i64_up_down_counter, $($of),+).build() };
    (Flag, $($of:tt)+) => { build!(Gauge, $($of)+) };
    (Gauge, $meter:ident, $($of:expr),+) => { named!($meter.f64_gauge, $($of),+).build() };
    ($counter:ident, $meter:ident, $($of:expr),+) => { named!($meter.u64_counter, $($of),+).build() };
}

macro_rules! named {
    ($meter:ident.$make:ident, $name:expr, $unit:expr, $doc:expr) => {
        $meter.$make($name).with_unit($unit).with_description($doc)
    };
}

macro_rules! label {
    (name $label:ident) => { stringify!($label) };
    (name $label:ident $name:expr) => { $name };
    (type) => { &'static str };
    (type $type:ty) => { $type };
}

macro_rules! method {
    (Count, $field:ident, $doc:literal, [$($label:ident $(: $type:ty)? $(= $name:expr)?),*]) => {
        #[doc = $doc]
        pub fn $field(&self, $($label: label!(type $($type)?)),*) {
            let labels = [$(KeyValue::new(label!(name $label $($name)?), Label::value($label, &self.tenants))),*];
            self.$field.add(1, &labels);
        }
    };
    (Flag, $field:ident, $doc:literal, []) => {
        #[doc = $doc]
        pub fn $field(&self, is: bool) {
            self.$field.record(f64::from(u8::from(is)), &[]);
        }
    };
    (Active, $field:ident, $doc:literal, []) => {
        #[doc = $doc]
        #[must_use = "it counts until the guard is dropped"]
        pub fn $field(&self) -> ActiveGuard {
            ActiveGuard::new(&self.$field)
        }
    };
    (Observed, $field:ident, $doc:literal, []) => {
        #[doc = $doc]
        pub fn $field(&self, value: impl Fn() -> f64 + Send + Sync + 'static) {
            let _ = self.$field.set(Box::new(move |observe| observe(value(), &[])));
        }
    };
    ($other:ident, $($rest:tt)*) => {};
}

macro_rules! instruments {
    ($($field:ident: $kind:ident($name:expr, $unit:literal, $labels:tt $(, $bounds:expr)?) = $doc:literal;)+) => {
        /// All instruments. Most have a method of the same name that records.
        pub struct Instruments {
            pub(super) tenants: TenantLabels,
            pub(super) bound: BoundInstruments,
            $(pub(super) $field: kind!(type $kind),)+
        }

        impl Instruments {
            pub(super) fn new(meter: &Meter, tenants: usize) -> Self {
                Self { tenants: TenantLabels::new(tenants), bound: BoundInstruments::default(), $($field: build!($kind, meter, $name, $unit, $doc $(, $bounds)?),)+ }
            }
        }

        #[expect(clippy::doc_markdown, reason = "the descriptions are also plain text for Prometheus")]
        impl Instruments { $(method!($kind, $field, $doc, $labels);)+ }

        /// The descriptions of all instruments.
        #[cfg(test)]
        pub(super) const INVENTORY: &[Instrument] = &[$(
            Instrument { name: $name, kind: kind!(metric $kind), unit: $unit, labels: names!($labels), doc: $doc },
        )+];
    };
}

#[cfg(test)]
macro_rules! names {
    ([$($label:ident $(: $type:ty)? $(= $name:expr)?),*]) => { &[$(label!(name $label $($name)?)),*] };
}

instruments! {
    call_duration: Histogram(semconv::RPC_SERVER_CALL_DURATION, "s",
        [system = semconv::RPC_SYSTEM_NAME, rpc = semconv::RPC_METHOD, code = semconv::RPC_RESPONSE_STATUS_CODE,
         reason = semconv::ERROR_TYPE], DURATIONS)
        = "The duration of calls, by gRPC code. error_type is the reason of the error.";
    call_counted: Sum("verify_gateway.calls", "{call}",
        [tenant: Option<&TenantId>, rpc = semconv::RPC_METHOD, code = semconv::RPC_RESPONSE_STATUS_CODE])
        = "Calls that ended. The tenant is \"none\" if the caller was not authenticated.";
    call_begun: Active("verify_gateway.calls.active", "{call}", [])
        = "Calls that are running.";
    denied: Count("verify_gateway.authentication.failures", "{call}", [cause])
        = "Calls whose caller could not be authenticated, by cause. All get the same answer.";
    connection_opened: Active("verify_gateway.connections.active", "{connection}", [])
        = "Open connections of clients.";
    handshake_failed: Count("verify_gateway.tls.handshakes.failed", "{handshake}", [port, cause])
        = "TLS handshakes that failed, by port (grpc or webhooks) and cause: timeout, not_tls, no_protocol, incompatible, client_certificate, refused_by_client, closed or other.";
    certificate_left: Observed("verify_gateway.tls.certificate.left", "s", [port])
        = "How long the certificate of a port remains valid. It has expired if this is negative.";
    attempt_duration: Histogram(semconv::HTTP_CLIENT_REQUEST_DURATION, "s",
        [method = semconv::HTTP_REQUEST_METHOD, template = semconv::URL_TEMPLATE,
         status = semconv::HTTP_RESPONSE_STATUS_CODE, failure = semconv::ERROR_TYPE], DURATIONS)
        = "The duration of single attempts at Telnyx. error_type is the HTTP status or the kind of failure.";
    sends_ended: Sum("verify_gateway.sends", "{send}", [channel: Channel, country: Option<Country>, outcome: SendOutcome])
        = "Sends, by outcome: sent, refused, failed (nothing was sent), or unknown (it may have been sent).";
    check_ended: Count("verify_gateway.checks", "{check}", [outcome])
        = "Checks and reports that Telnyx answered: accepted, rejected, expired, max_attempts_exceeded, or unspecified.";
    code_accepted: Count("verify_gateway.conversions", "{conversion}", [channel, country: Option<Country>])
        = "Accepted codes. Divided by the sends with the outcome sent, this is the conversion rate. The channel is \"unknown\" if another replica sent the code.";
    conversion_duration: Histogram("verify_gateway.conversion.duration", "s", [channel, country], PERSON)
        = "The time from a send to its accepted code, if the same replica handled both.";
    webhook_ended: Count("verify_gateway.webhooks", "{webhook}", [outcome])
        = "Webhooks, by outcome: accepted, repeated, unknown_event, unreadable, unowned (no tenant may see it), unknown_account, bad_signature, stale, too_large, incomplete, or unavailable (the store can't take it).";
    webhook_skew: Histogram("verify_gateway.webhook.skew", "s", [], PERSON)
        = "How far the time at which a webhook was signed is from the gateway's clock.";
    delivery_changed: Count("verify_gateway.deliveries", "{change}", [channel, country: Option<Country>, state])
        = "What webhooks reported of verifications, once for each state: sent, delivered, sending_failed, delivery_failed, delivery_unconfirmed, accepted, invalid, expired, or error. delivered divided by sent is the delivery rate.";
    duplicate_suppressed: Count("verify_gateway.duplicates.suppressed", "{call}", [rpc, origin])
        = "Calls that got the answer of an earlier operation: same_request (same request_id) or duplicate (same content).";
    reconciled: Count("verify_gateway.reconciliations", "{reconciliation}", [rpc, result])
        = "Reconciliations of requests whose answer was lost: found, or unknown (Telnyx does not show the outcome).";
    duplicate_sent: Count("verify_gateway.sends.duplicate", "{send}", [])
        = "Operations that Telnyx sent more than once. It must stay zero.";
    retried: Count("verify_gateway.upstream.retries", "{attempt}", [effect, cause])
        = "Retries, by effect of the operation and cause: throttled, unsent or outcome_unknown.";
    retry_skipped: Count("verify_gateway.upstream.retries.skipped", "{attempt}", [effect, cause])
        = "Retries that would have been safe and were not made, by what was used up: attempts, time or budget.";
    retry_budget: Observed("verify_gateway.upstream.retry_budget.left", "{attempt}", [])
        = "Retries that the retry budget still allows.";
    clock_offset: Observed("verify_gateway.upstream.clock.offset", "s", [])
        = "How far Telnyx's clock is certainly ahead of the gateway's, or behind it if negative, for the account where they differ most.";
    clocks_skewed: Observed("verify_gateway.upstream.clocks.skewed", "{account}", [])
        = "Telnyx accounts whose clock differs from the gateway's by more than sends.clock_skew.";
    breakers_open: Observed("verify_gateway.upstream.breakers.open", "{breaker}", [effect])
        = "Circuit breakers that are open, by effect of the operations that they stop.";
    breaker_changed: Count("verify_gateway.upstream.breaker.changes", "{change}", [tenant: &TenantId, effect, state])
        = "State changes of circuit breakers: open or closed.";
    key_refused: Count("verify_gateway.upstream.key.refusals", "{call}", [tenant: &TenantId])
        = "Calls that failed because Telnyx refuses the tenant's API key.";
    unknown_value: Count("verify_gateway.upstream.unknown_values", "{value}", [field])
        = "Values in Telnyx's answers that the contract does not define.";
    unreadable_element: Count("verify_gateway.upstream.unreadable_elements", "{element}", [resource])
        = "Elements of Telnyx's lists that could not be read. The lists were returned without them.";
    simulator_in_use: Flag("verify_gateway.simulator.in_use", "{gateway}", [])
        = "1 if the upstream is the simulator: no code reaches a phone.";
    store_duration: Histogram("verify_gateway.store.update.duration", "s", [outcome], QUICK)
        = "The duration of updates at the Redis or Valkey server: ok, unreachable, unknown (the answer was lost), contended, full, share_full (the tenant's share is full), at_risk, unreadable, or too_large.";
    store_conflicts: Sum("verify_gateway.store.conflicts", "{conflict}", [])
        = "Updates that were repeated because another gateway changed the record first.";
    store_is_up: Flag("verify_gateway.store.up", "{server}", [])
        = "1 if the store is available. 0 if it is not: sends and checks are refused.";
    store_risk: Gauge("verify_gateway.store.risk", "{risk}", [risk])
        = "1 while the store may lose records or has lost some: eviction, full, records_lost, unreplicated, or clock_offset.";
    store_clock_offset: Observed("verify_gateway.store.clock_offset", "s", [])
        = "How far the gateway's clock is behind the clock of the store.";
    store_records: Observed("verify_gateway.store.records", "{record}", [tenant])
        = "Records that this gateway has written and that have not expired, by the tenant that they belong to.";
    store_size: Observed("verify_gateway.store.size", "By", [tenant])
        = "The memory that these records take, by the tenant that they belong to.";
    store_max_size: Observed("verify_gateway.store.max_size", "By", [])
        = "The memory that all records may take: store.max_size, or that of the Redis or Valkey servers.";
    store_gave_way: Observed("verify_gateway.store.records.gave_way", "{record}", [])
        = "Records of limits that gave way to new records since the start: the store or a tenant's share of it is full.";
    record_write_failed: Count("verify_gateway.store.record_write_failures", "{record}", [record])
        = "Records that could not be written after an operation ended: the request record or the target lock.";
    limit_hit: Count("verify_gateway.limit.hits", "{hit}", [limit, mode: LimitMode])
        = "How often a limit was reached, by its setting, and whether it was enforced or only observed.";
    file_reloaded: Count("verify_gateway.reloads", "{reload}", [what, outcome])
        = "Reloads of files: ok, or failed (the earlier content stays in use).";
    reload_failed: Observed("verify_gateway.reload.failed", "{file}", [what, source])
        = "1 if the last reload failed and the content in use is older than its source: the tenants, the certificate, the webhook_certificate, or the keys (jwks) of the issuer that source names.";
    key_age: Observed("verify_gateway.key.age", "s", [tenant])
        = "The time since the file of a tenant's API key was changed.";
    log_lines_lost: Count("verify_gateway.log.lines.lost", "{line}", [kind])
        = "Log lines that were dropped because nobody reads the log fast enough, by kind: audit (sends, checks and changes) or other.";
    spans_lost: Sum("verify_gateway.telemetry.spans.lost", "{span}", [cause])
        = "Spans that reached no collector or console: queue_full, export_failed, or too_many_traces for the console.";
}
