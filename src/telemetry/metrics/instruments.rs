//! Every instrument, declared once: its name, kind, unit, labels, and what it tells.
//!
//! The instruments themselves, `INVENTORY` and `docs/METRICS.md` are made of this one table. Names are OpenTelemetry's;
//! Prometheus writes them with underscores, and with the unit and `_total` after them ([`Instrument::prometheus`]).

use std::sync::{Arc, OnceLock};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};

use crate::telemetry::semconv;

/// What an instrument is, for those who read of it.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit, in UCUM.
    pub unit: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub doc: &'static str,
}

/// The kinds of instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It grows and shrinks.
    UpDown,
    /// It is what it was last set to.
    Gauge,
    /// It is asked for when somebody reads.
    Observed,
    /// It counts values by their size.
    Histogram,
}

impl Instrument {
    /// Its name in Prometheus.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let name = self.name.replace('.', "_");
        let unit = if self.unit == "s" { "_seconds" } else { "" };
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{name}{unit}{total}")
    }
}

/// Takes a value with its labels.
pub type Observe<'a> = &'a mut dyn FnMut(f64, &[KeyValue]);

/// Where an observed instrument gets its values from, once somebody has them.
#[derive(Clone, Default)]
pub(super) struct Source(Arc<OnceLock<Values>>);

type Values = Box<dyn Fn(Observe<'_>) + Send + Sync>;

impl Source {
    /// Gives it its values. Only the first giver counts.
    pub(super) fn is(&self, values: impl Fn(Observe<'_>) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(values));
    }
}

/// From a fast answer out of memory to the longest deadline.
const DURATIONS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0];
/// Of what takes a millisecond or less where all is well.
const QUICK: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From typing in a code at once to the longest life of one.
const PERSON: &[f64] = &[2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0];

/// More label sets than this go into one series, `otel_metric_overflow="true"`. It has room for every country on every
/// channel with every outcome.
const MAX_SERIES: usize = 5000;

macro_rules! of_kind {
    (Counter) => { Counter<u64> };
    (UpDown) => { UpDownCounter<i64> };
    (Gauge) => { Gauge<f64> };
    (Observed) => { Source };
    (Histogram) => { Histogram<f64> };
}

macro_rules! build {
    (Counter, $meter:ident, $($of:expr),+) => { named!($meter.u64_counter, $($of),+).build() };
    (UpDown, $meter:ident, $($of:expr),+) => { named!($meter.i64_up_down_counter, $($of),+).build() };
    (Gauge, $meter:ident, $($of:expr),+) => { named!($meter.f64_gauge, $($of),+).build() };
    (Observed, $meter:ident, $($of:expr),+) => {{
        let source = Source::default();
        let asked = source.clone();
        named!($meter.f64_observable_gauge, $($of),+)
            .with_callback(move |observer| {
                if let Some(values) = asked.0.get() {
                    values(&mut |value, labels| observer.observe(value, labels));
                }
            })
            .build();
        source
    }};
    (Histogram, $meter:ident, $name:expr, $unit:expr, $doc:expr, $bounds:expr) => {
        named!($meter.f64_histogram, $name, $unit, $doc).with_boundaries($bounds.to_vec()).build()
    };
}

macro_rules! named {
    ($meter:ident.$make:ident, $name:expr, $unit:expr, $doc:expr) => {
        $meter.$make($name).with_unit($unit).with_description($doc)
    };
}

macro_rules! instruments {
    ($($field:ident: $kind:ident($name:expr, $unit:literal, [$($label:expr),*] $(, $bounds:expr)?) = $doc:literal;)+) => {
        /// All instruments.
        pub(super) struct Instruments { $(pub(super) $field: of_kind!($kind),)+ }

        impl Instruments {
            pub(super) fn new(meter: &Meter) -> Self {
                Self { $($field: build!($kind, meter, $name, $unit, $doc $(, $bounds)?),)+ }
            }
        }

        /// What every instrument is.
        pub const INVENTORY: &[Instrument] = &[$(
            Instrument { name: $name, kind: Kind::$kind, unit: $unit, labels: &[$($label),*], doc: $doc },
        )+];
    };
}

instruments! {
    call_duration: Histogram(semconv::RPC_SERVER_CALL_DURATION, "s",
        [semconv::RPC_SYSTEM_NAME, semconv::RPC_METHOD, semconv::RPC_RESPONSE_STATUS_CODE, semconv::ERROR_TYPE], DURATIONS)
        = "How long calls took, with their gRPC code. error_type is the reason of a refusal.";
    calls: Counter("verify_gateway.calls", "{call}", ["tenant", semconv::RPC_METHOD, semconv::RPC_RESPONSE_STATUS_CODE])
        = "Calls that ended, by tenant; those that nobody is known of have the tenant \"none\".";
    calls_active: UpDown("verify_gateway.calls.active", "{call}", [])
        = "Calls that are under way.";
    denials: Counter("verify_gateway.authentication.failures", "{call}", ["cause"])
        = "Calls whose caller is not known, by why that is. All get the same answer.";
    connections_active: UpDown("verify_gateway.connections.active", "{connection}", [])
        = "Connections of callers that are open.";
    handshakes_failed: Counter("verify_gateway.tls.handshakes.failed", "{handshake}", ["cause"])
        = "TLS handshakes that failed: timeout, not_tls, no_protocol, incompatible, client_certificate, refused_by_client, closed or other.";
    certificate_left: Observed("verify_gateway.tls.certificate.left", "s", [])
        = "How long the server's certificate is still valid. Below zero it has expired.";
    attempt_duration: Histogram(semconv::HTTP_CLIENT_REQUEST_DURATION, "s",
        [semconv::HTTP_REQUEST_METHOD, semconv::URL_TEMPLATE, semconv::HTTP_RESPONSE_STATUS_CODE, semconv::ERROR_TYPE], DURATIONS)
        = "How long single attempts at Telnyx took. error_type is the HTTP status or what went wrong.";
    sends: Counter("verify_gateway.sends", "{send}", ["channel", "country", "outcome"])
        = "Sends by how they ended: sent, refused, failed (nothing went out), or unknown (it may have gone out).";
    checks: Counter("verify_gateway.checks", "{check}", ["outcome"])
        = "Checks and reports that Telnyx answered: accepted, rejected, expired, max_attempts_exceeded, or unspecified.";
    conversions: Counter("verify_gateway.conversions", "{conversion}", ["channel", "country"])
        = "Accepted codes. The ratio to sends with the outcome sent is the conversion. The channel is \"unknown\" where another replica sent the code.";
    conversion_duration: Histogram("verify_gateway.conversion.duration", "s", ["channel", "country"], PERSON)
        = "The time from a send to its accepted code, where this replica has seen both.";
    duplicates: Counter("verify_gateway.duplicates.suppressed", "{call}", ["rpc", "origin"])
        = "Calls answered with what an earlier one had made happen: same_request (by request_id) or duplicate (by content).";
    ambiguous: Counter("verify_gateway.ambiguous", "{call}", ["rpc", "end"])
        = "Requests whose answer was lost, by what looking for their traces showed: found, or unknown.";
    duplicate_sends: Counter("verify_gateway.sends.duplicate", "{send}", [])
        = "Sends that Telnyx has more than once for one intent. It must stay zero.";
    retries: Counter("verify_gateway.upstream.retries", "{attempt}", ["effect", "cause"])
        = "Attempts after the first one, by what the operation does and why it was repeated: throttled, unsent or in_doubt.";
    retries_forgone: Counter("verify_gateway.upstream.retries.forgone", "{attempt}", ["effect", "cause"])
        = "Retries that would have been safe and were not made: for want of attempts, of time, or of budget.";
    budget_left: Observed("verify_gateway.upstream.retry_budget.left", "{attempt}", [])
        = "How many retries the gateway may still make in the present window.";
    breakers_open: Observed("verify_gateway.upstream.breakers.open", "{breaker}", ["effect"])
        = "Circuit breakers that hold requests back, by what these would do.";
    breaker_changes: Counter("verify_gateway.upstream.breaker.changes", "{change}", ["tenant", "effect", "state"])
        = "How often circuit breakers opened and closed.";
    keys_refused: Counter("verify_gateway.upstream.key.refusals", "{call}", ["tenant"])
        = "Answers of Telnyx that refuse a tenant's API key.";
    unknown_values: Counter("verify_gateway.upstream.unknown_values", "{value}", ["field"])
        = "Values in Telnyx's answers that the contract does not know.";
    simulator: Gauge("verify_gateway.simulator.in_use", "{gateway}", [])
        = "1 where the upstream says that it is the simulator: no code reaches a phone.";
    store_duration: Histogram("verify_gateway.store.update.duration", "s", ["outcome"], QUICK)
        = "How long updates of records at the Redis or Valkey server took: ok, unreachable, unknown (the answer was lost), contended, full, unreadable, or too_large.";
    store_conflicts: Counter("verify_gateway.store.conflicts", "{conflict}", [])
        = "How often an update of a record was made again because another gateway had been faster.";
    store_up: Gauge("verify_gateway.store.up", "{server}", [])
        = "1 where the store can be used, 0 where sends and checks are refused for want of it.";
    unnoted_ends: Counter("verify_gateway.store.unnoted_ends", "{end}", ["record"])
        = "Ends of what must happen once that could not be written down when they came: in the record of their request, or of their target.";
    limit_hits: Counter("verify_gateway.limit.hits", "{hit}", ["limit", "mode"])
        = "How often a limit was reached, by its name in the settings, and whether it was enforced or only observed.";
    reloads: Counter("verify_gateway.reloads", "{reload}", ["what", "outcome"])
        = "Files that were read again: ok, or failed (what was there before stays in use).";
    reload_failed: Gauge("verify_gateway.reload.failed", "{file}", ["what"])
        = "1 where the last reload failed, and what is in use is older than the file.";
    key_age: Observed("verify_gateway.key.age", "s", ["tenant"])
        = "How long ago the file of a tenant's API key was changed.";
    telemetry_lost: Counter("verify_gateway.telemetry.spans.lost", "{span}", ["cause"])
        = "Spans that reached no collector: queue_full, or export_failed.";
}

/// The views that bound every instrument.
pub(super) const fn max_series() -> usize {
    MAX_SERIES
}
