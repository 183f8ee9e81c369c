//! `docs/METRICS.md` is generated from the inventory.

use std::{collections::BTreeSet, env, fmt::Write, fs, path::Path};

use super::instruments::INVENTORY;

/// The description of an instrument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instrument {
    /// Its name in OpenTelemetry.
    pub(super) name: &'static str,
    /// Its kind.
    pub(super) kind: MetricKind,
    /// Its unit, in UCUM.
    pub(super) unit: &'static str,
    /// The names of its labels.
    pub(super) labels: &'static [&'static str],
    /// What it measures.
    pub(super) doc: &'static str,
}

/// The kinds of instruments, by how they look in Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// A value that grows and shrinks.
    Gauge,
    /// A distribution of values.
    Histogram,
}

impl Instrument {
    /// Its name in Prometheus: with underscores, the unit, and `_total` for a counter.
    fn prometheus(&self) -> String {
        let name = self.name.replace('.', "_");
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = if self.kind == MetricKind::Counter { "_total" } else { "" };
        format!("{name}{unit}{total}")
    }
}

/// The text of `docs/METRICS.md`.
fn page() -> String {
    let mut page = String::from(HEAD);
    let links = INVENTORY.iter().map(Instrument::prometheus).map(|name| format!("[`{name}`](#{name})"));
    writeln!(page, "\n{}", links.collect::<Vec<_>>().join(" ·\n")).expect("a string takes all");
    for instrument in INVENTORY {
        let Instrument { name, unit, labels, doc, .. } = instrument;
        let kind = match instrument.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let labels: Vec<String> = labels.iter().map(|label| format!("`{}`", label.replace('.', "_"))).collect();
        let labels = if labels.is_empty() { "none".into() } else { labels.join(", ") };
        let prometheus = instrument.prometheus();
        writeln!(
            page,
            "\n### `{prometheus}`\n\n{doc}\n\nOpenTelemetry: `{name}`, {kind} in `{unit}`. Labels: {labels}."
        )
        .expect("a string takes all");
    }
    page
}

const HEAD: &str = "\
# Metrics

All metrics of the gateway, by their names in Prometheus. The admin port serves them at `/metrics`, and
`telemetry.otlp.metrics` exports them by OTLP under their OpenTelemetry names. This page is generated from
`src/telemetry/metrics/instruments.rs`: run `UPDATE_GOLDEN=1 cargo test --lib inventory`.

No label holds a phone number, an ID, a key or a code. The label `tenant` is the tenant's name for the first
`telemetry.tenant_labels` tenants, and `other` for the rest. The label `country` is an ISO 3166-1 code, or `none` if the
number belongs to no country.
";

#[test]
fn the_page_of_the_inventory_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, page()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), page(), "run UPDATE_GOLDEN=1 cargo test --lib inventory");
}

#[test]
fn names_are_unique_and_no_label_identifies_a_person() {
    let names: BTreeSet<&str> = INVENTORY.iter().map(|instrument| instrument.name).collect();
    assert_eq!(names.len(), INVENTORY.len());
    for instrument in INVENTORY {
        assert!(instrument.doc.ends_with('.'), "{}", instrument.name);
        for label in instrument.labels {
            assert!(!["phone", "id", "key", "code", "request_id", "user"].contains(label), "{label}");
        }
    }
}
