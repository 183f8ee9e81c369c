//! The dashboard, the alert rules and the runbook name only existing metrics, and correspond to each other.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{collections::BTreeSet, fs, path::Path};

const DASHBOARD: &str = "helm/verify-gateway/dashboards/verify-gateway.json";
const RULES: &str = "helm/verify-gateway/alerts/verify-gateway.rules.yaml";
const RULES_TEST: &str = "tests/prometheus/rules_test.yaml";
const METRICS: &str = "docs/METRICS.md";
const RUNBOOK: &str = "docs/RUNBOOK.md";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The names in Prometheus and the kinds of all metrics. A unit test compares the page with the declarations.
fn metrics() -> Vec<(String, String)> {
    let page = read(METRICS);
    let sections = page.split("\n### `").skip(1);
    let metric = |section: &str| {
        let (name, rest) = section.split_once('`')?;
        let (_, rest) = rest.split_once("OpenTelemetry: `")?.1.split_once("`, ")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    };
    sections.map(|section| metric(section).unwrap()).collect()
}

/// All series of the inventory, and those of Prometheus.
fn series() -> BTreeSet<String> {
    let of = metrics().into_iter().flat_map(|(name, kind)| {
        let parts = ["_bucket", "_count", "_sum"].map(|part| format!("{name}{part}"));
        let parts = if kind == "histogram" { parts.into() } else { Vec::new() };
        parts.into_iter().chain([name])
    });
    of.chain(["target_info".to_owned()]).collect()
}

/// The words of `text` that have the form of the gateway's metrics.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    words
        .map(|word| word.trim_end_matches(':'))
        .filter(|word| {
            ["verify_gateway_", "rpc_server_", "http_client_", "target_"].iter().any(|of| word.starts_with(of))
        })
        .filter(|word| *word != "verify_gateway_")
        .collect()
}

/// The text after `key` in each line with `key`.
fn values<'t>(text: &'t str, key: &str) -> BTreeSet<&'t str> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(key)).map(str::trim).collect()
}

#[test]
fn every_metric_that_a_document_names_exists() {
    let known = series();
    for file in [DASHBOARD, RULES, RULES_TEST, RUNBOOK, "README.md", "docs/OPERATIONS.md", "docs/CONFIGURATION.md"] {
        let text = read(file);
        let unknown: Vec<_> = named(&text).into_iter().filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    assert!(named(&read(DASHBOARD)).len() > 20 && named(&read(RULES)).len() > 8 && named(&read(RUNBOOK)).len() > 10);
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let text = read(DASHBOARD);
    for (name, _) in metrics() {
        // State changes of breakers are for ad-hoc queries.
        let is_left_out = name == "verify_gateway_upstream_breaker_changes_total";
        assert!(is_left_out || text.contains(&name), "{name}");
    }
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
}

#[test]
fn every_recorded_series_has_a_recording_rule() {
    let rules = read(RULES);
    let recorded = values(&rules, "record:");
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    for used in words.filter(|word| word.starts_with("verify_gateway:")) {
        assert!(recorded.contains(used), "{used}");
    }
}

#[test]
fn alerts_and_runbook_entries_and_tests_correspond() {
    let (rules, runbook, test) = (read(RULES), read(RUNBOOK), read(RULES_TEST));
    let alerts = values(&rules, "alert:");
    assert!(alerts.len() > 8);
    let headings: BTreeSet<&str> =
        values(&runbook, "## ").into_iter().filter(|name| name.starts_with("VerifyGateway")).collect();
    assert_eq!(headings, alerts);
    let fires: BTreeSet<&str> = values(&test, "alertname:").into_iter().collect();
    assert_eq!(fires, alerts, "alerts that a test sees fire");
    for alert in alerts {
        let link = format!("runbook_url: docs/RUNBOOK.md#{}", alert.to_lowercase());
        assert!(rules.contains(&link), "{link}");
        let entry = runbook.split(&format!("## {alert}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
        for part in ["**Means.**", "**See.**", "**Do.**"] {
            assert!(entry.contains(part), "{alert} has no {part}");
        }
    }
}
