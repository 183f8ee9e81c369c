//! The standard variables of OpenTelemetry. They override the file. The gateway's own variables override them.

use std::{borrow::Cow, path::Path, time::Duration};

use super::{Signals, TelemetryConfig};
use crate::config::{
    environment::{Environment, Unread},
    error::{Error, Location},
    kinds::{Kind, choice, count, http_url, items, not_empty, optional, ratio, text},
    reader::{Reader, variable},
};

/// A standard variable.
pub(in crate::config) struct Variable {
    /// Its name.
    pub(in crate::config) name: &'static str,
    /// What it sets, in Markdown.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare the reference with it"))]
    pub(in crate::config) sets: &'static str,
    /// The setting in `telemetry.otlp` whose own variable overrides it, or empty.
    setting: &'static str,
    apply: Apply,
}

/// Puts the value into the settings.
///
/// # Errors
/// The values that the variable takes, in words.
type Apply = fn(&mut TelemetryConfig, &str, &Environment) -> Result<(), Cow<'static, str>>;

/// Declares variables: `NAME "what it sets" | setting: kind;`, for a single signal `| setting of signal: kind;`. A variable
/// that does not only set one setting has the setting, the values that it takes, and a function instead:
/// `NAME "what it sets" => "setting" ("values") function;`.
macro_rules! variables {
    ($($name:ident $sets:literal $(| $field:ident $(of $signal:ident)?: $kind:expr)? $(=> $setting:literal ($takes:literal) $apply:expr)?;)+) => {
        /// The variables in the order in which they apply.
        pub(in crate::config) const VARIABLES: &[Variable] = &[$(Variable {
            name: stringify!($name),
            sets: $sets,
            setting: concat!($(stringify!($field))? $($setting)?),
            apply: $(|telemetry, text, _| {
                let kind = $kind;
                telemetry.otlp.$(signals.$signal.)?$field = kind.parse(text, Path::new("")).ok_or(kind.takes)?;
                Ok(())
            })? $(|telemetry, text, env| $apply(telemetry, text, env).ok_or(Cow::Borrowed($takes)))?,
        },)+];
    };
}

variables! {
    OTEL_EXPORTER_OTLP_ENDPOINT "`telemetry.otlp.endpoint`" | endpoint: optional(http_url());
    OTEL_EXPORTER_OTLP_PROTOCOL "`telemetry.otlp.protocol`" | protocol: choice();
    OTEL_EXPORTER_OTLP_TIMEOUT "`telemetry.otlp.timeout`, in milliseconds" | timeout: milliseconds();
    // The exporter reads headers and compression itself: headers may hold credentials, which are in no settings.
    OTEL_EXPORTER_OTLP_HEADERS "the headers of each export, such as credentials" => "" ("") |_, _, _| Some(());
    OTEL_EXPORTER_OTLP_COMPRESSION "`gzip`, with the protocol grpc, or `none`" => "" ("one of gzip, none") compression;
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT "the URL for traces as a whole: no path is added" | endpoint of traces: optional(http_url());
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT "the same for metrics" | endpoint of metrics: optional(http_url());
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT "the same for logs" | endpoint of logs: optional(http_url());
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL "the protocol for traces" | protocol of traces: optional(choice());
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL "the same for metrics" | protocol of metrics: optional(choice());
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL "the same for logs" | protocol of logs: optional(choice());
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT "the timeout for traces, in milliseconds" | timeout of traces: optional(milliseconds());
    OTEL_EXPORTER_OTLP_METRICS_TIMEOUT "the same for metrics" | timeout of metrics: optional(milliseconds());
    OTEL_EXPORTER_OTLP_LOGS_TIMEOUT "the same for logs" | timeout of logs: optional(milliseconds());
    OTEL_EXPORTER_OTLP_TRACES_HEADERS "the headers of exports of traces" => "" ("") |_, _, _| Some(());
    OTEL_EXPORTER_OTLP_METRICS_HEADERS "the same for metrics" => "" ("") |_, _, _| Some(());
    OTEL_EXPORTER_OTLP_LOGS_HEADERS "the same for logs" => "" ("") |_, _, _| Some(());
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION "the compression for traces" => "" ("one of gzip, none") compression;
    OTEL_EXPORTER_OTLP_METRICS_COMPRESSION "the same for metrics" => "" ("one of gzip, none") compression;
    OTEL_EXPORTER_OTLP_LOGS_COMPRESSION "the same for logs" => "" ("one of gzip, none") compression;
    OTEL_SERVICE_NAME "`telemetry.otlp.service_name`" | service_name: not_empty();
    OTEL_RESOURCE_ATTRIBUTES "further attributes of this service, as `key=value,key=value`"
        | resource: text("key=value,key=value", attributes);
    OTEL_TRACES_SAMPLER "`always_on`, `always_off` or `traceidratio`, each alone or after `parentbased_`"
        => "sample_ratio" ("one of always_on, always_off, traceidratio, alone or after parentbased_") sampler;
    OTEL_TRACES_SAMPLER_ARG "`telemetry.otlp.sample_ratio`, for `traceidratio`. The default is 1."
        => "sample_ratio" ("a number from 0 to 1") |_, text, _| share(text).map(drop);
    OTEL_TRACES_EXPORTER "`otlp`, `console` or `none`" => "" ("one of otlp, console, none") exporter;
    OTEL_METRICS_EXPORTER "`otlp` (`telemetry.otlp.metrics`) or `none`" | metrics: is_exported();
    OTEL_LOGS_EXPORTER "`otlp` (`telemetry.otlp.logs`) or `none`" | logs: is_exported();
    OTEL_METRIC_EXPORT_INTERVAL "`telemetry.otlp.metrics_interval`, in milliseconds" | metrics_interval: milliseconds();
    OTEL_BSP_MAX_QUEUE_SIZE "`telemetry.otlp.max_queue_size`" | max_queue_size: count(1..=1_000_000);
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE "`telemetry.otlp.max_batch_size`" | max_batch_size: count(1..=1_000_000);
    OTEL_BSP_SCHEDULE_DELAY "`telemetry.otlp.batch_delay`, in milliseconds" | batch_delay: milliseconds();
    OTEL_SEMCONV_STABILITY_OPT_IN "`rpc/dup`: server spans also have the legacy names for RPC"
        | legacy_rpc_names: text("a list", |text| Some(items(text).any(|item| item == "rpc/dup")));
    OTEL_SDK_DISABLED "`true`: nothing is exported" => "" ("true or false") disabled;
}

/// Puts the values of the variables into `telemetry`. An empty variable counts as not set, and a value that is not known is
/// ignored with a warning, as the specification says.
pub(in crate::config) fn apply_variables(reader: &mut Reader<'_>, telemetry: &mut TelemetryConfig) {
    for Variable { name, setting, apply, .. } in VARIABLES {
        let own = variable(&format!("telemetry.otlp.{setting}"));
        let applied = match reader.env.get(name).map(str::trim) {
            Err(Unread::Unset) | Ok("") => continue,
            _ if reader.env.get(&own) != Err(Unread::Unset) => continue,
            Err(Unread::NotText) => Err("UTF-8 text".into()),
            Ok(text) => apply(telemetry, text, reader.env),
        };
        if let Err(takes) = applied {
            let (location, message) =
                (Location::Environment((*name).to_owned()), format!("is ignored: it must be {takes}"));
            telemetry.ignored.push(Error { location, path: String::new(), message });
        }
    }
    let is_named = ["OTEL_SERVICE_NAME", &variable("telemetry.otlp.service_name")]
        .iter()
        .any(|name| !matches!(reader.env.get(name), Err(Unread::Unset) | Ok("")));
    let otlp = &mut telemetry.otlp;
    // It counts less than the variable of its own (OpenTelemetry's resource SDK), and more than the file.
    if let Some((_, name)) = otlp.resource.iter().find(|(key, _)| key == "service.name" && !is_named) {
        otlp.service_name.clone_from(name);
    }
    otlp.max_batch_size = otlp.max_batch_size.min(otlp.max_queue_size);
}

fn disabled(telemetry: &mut TelemetryConfig, text: &str, _: &Environment) -> Option<()> {
    if text.to_ascii_lowercase().parse().ok()? {
        (telemetry.otlp.endpoint, telemetry.console_traces) = (None, false);
        telemetry.otlp.signals = Signals::default();
    }
    Some(())
}

fn milliseconds() -> Kind<'static, Duration> {
    text("milliseconds", |text| text.parse().ok().filter(|millis| *millis > 0).map(Duration::from_millis))
}

fn compression(_: &mut TelemetryConfig, text: &str, _: &Environment) -> Option<()> {
    ["gzip", "none"].contains(&text).then_some(())
}

fn share(text: &str) -> Option<f64> {
    ratio().parse(text, Path::new(""))
}

fn is_exported() -> Kind<'static, bool> {
    text("one of otlp, none", |text| match text {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    })
}

fn sampler(telemetry: &mut TelemetryConfig, text: &str, env: &Environment) -> Option<()> {
    let of_parent = text.strip_prefix("parentbased_");
    let ratio = match of_parent.unwrap_or(text) {
        "always_on" => 1.0,
        "always_off" => 0.0,
        // A wrong argument is reported by its own variable.
        "traceidratio" => env.get("OTEL_TRACES_SAMPLER_ARG").ok().and_then(|text| share(text.trim())).unwrap_or(1.0),
        _ => return None,
    };
    (telemetry.otlp.sample_ratio, telemetry.otlp.follow_caller) = (ratio, of_parent.is_some());
    Some(())
}

fn exporter(telemetry: &mut TelemetryConfig, text: &str, _: &Environment) -> Option<()> {
    match text {
        "otlp" => {}
        "console" => telemetry.console_traces = true,
        "none" => (telemetry.otlp.sample_ratio, telemetry.otlp.follow_caller) = (0.0, false),
        _ => return None,
    }
    Some(())
}

/// `key=value,key=value`, with values percent-encoded, as W3C baggage writes them.
fn attributes(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
        let key = key.trim();
        (!key.is_empty()).then(|| (key.to_owned(), value.into_owned()))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Protocol, tests::loaded};

    fn read(variables: &[(&str, &str)]) -> Result<TelemetryConfig, String> {
        let env: Environment = variables.iter().copied().collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.yaml");
        fs::write(&file, "telemetry: { otlp: { endpoint: 'http://file:1', sample_ratio: 0.5 } }").unwrap();
        loaded(&file, &env).map(|config| config.telemetry).map_err(|errors| errors.to_string())
    }

    #[test]
    fn they_override_the_file_and_the_gateways_own_override_them() {
        const OWN: (&str, &str) = ("VERIFY_GATEWAY_TELEMETRY__OTLP__ENDPOINT", "http://own:1");
        const OTEL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:1");
        let endpoint = |variables: &[_]| read(variables).unwrap().otlp.endpoint.unwrap();
        assert_eq!(endpoint(&[]), "http://file:1");
        assert_eq!(endpoint(&[OTEL]), "http://otel:1");
        assert_eq!(endpoint(&[OTEL, OWN]), "http://own:1");
        assert_eq!(endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), "http://file:1");
    }

    #[test]
    fn each_variable_sets_what_its_row_says() {
        let otlp = |name, value| read(&[(name, value)]).unwrap().otlp;
        assert_eq!(otlp("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf").protocol, Protocol::Http);
        assert_eq!(otlp("OTEL_EXPORTER_OTLP_TIMEOUT", "1500").timeout, Duration::from_millis(1500));
        assert_eq!(otlp("OTEL_SERVICE_NAME", "x").service_name, "x");
        let resource = otlp("OTEL_RESOURCE_ATTRIBUTES", "a=b, c=d%20e").resource;
        assert_eq!(resource, [("a".into(), "b".into()), ("c".into(), "d e".into())]);
        assert_eq!(otlp("OTEL_RESOURCE_ATTRIBUTES", "service.name=y").service_name, "y");
        let both = [("OTEL_RESOURCE_ATTRIBUTES", "service.name=y"), ("OTEL_SERVICE_NAME", "x")];
        assert_eq!(read(&both).unwrap().otlp.service_name, "x");
        assert!(otlp("OTEL_METRICS_EXPORTER", "otlp").metrics && otlp("OTEL_LOGS_EXPORTER", "otlp").logs);
        assert_eq!(otlp("OTEL_METRIC_EXPORT_INTERVAL", "20").metrics_interval, Duration::from_millis(20));
        let small = otlp("OTEL_BSP_MAX_QUEUE_SIZE", "7");
        assert_eq!((small.max_queue_size, small.max_batch_size), (7, 7));
        assert_eq!(otlp("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3").max_batch_size, 3);
        assert_eq!(otlp("OTEL_BSP_SCHEDULE_DELAY", "9").batch_delay, Duration::from_millis(9));
        assert!(otlp("OTEL_SEMCONV_STABILITY_OPT_IN", "http,rpc/dup").legacy_rpc_names);
        assert!(!otlp("OTEL_SEMCONV_STABILITY_OPT_IN", "rpc").legacy_rpc_names);
        assert_eq!(otlp("OTEL_SDK_DISABLED", "true").endpoint, None);
        assert!(read(&[("OTEL_TRACES_EXPORTER", "console")]).unwrap().console_traces);
    }

    #[test]
    fn a_signal_may_have_settings_of_its_own() {
        let otlp = read(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/own/path"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "7"),
        ]);
        let Signals { traces, metrics, logs } = otlp.unwrap().otlp.signals;
        assert_eq!(traces.endpoint.as_deref(), Some("http://traces:4318/own/path"));
        assert_eq!((traces.protocol, metrics.protocol), (None, Some(Protocol::Http)));
        assert_eq!((logs.timeout, metrics.timeout), (Some(Duration::from_millis(7)), None));
        let own = ("VERIFY_GATEWAY_TELEMETRY__OTLP__ENDPOINT", "http://own:1");
        let otlp = read(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:1"), own]).unwrap().otlp;
        assert_eq!(otlp.signals, Signals::default());
    }

    #[test]
    fn samplers_are_those_of_the_specification() {
        let sampler = |variables: &[(&str, &str)]| {
            let otlp = read(variables).unwrap().otlp;
            (otlp.sample_ratio, otlp.follow_caller)
        };
        assert_eq!(sampler(&[]), (0.5, true));
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER", "always_on")]), (1.0, false));
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]), (0.0, true));
        let ratio = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ratio]), (0.25, false));
        assert_eq!(sampler(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")]), (1.0, true));
    }

    #[test]
    fn what_is_not_known_is_ignored_with_a_warning_that_names_the_variable() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "nowhere"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_RESOURCE_ATTRIBUTES", "nothing-to-split"),
            ("OTEL_SDK_DISABLED", "perhaps"),
        ] {
            let read = |name| read(&[(name, value)]).unwrap();
            let TelemetryConfig { ignored, otlp, .. } = read(name);
            let [warning] = &ignored[..] else { panic!("{ignored:?}") };
            let warning = warning.to_string();
            assert!(warning.contains(name) && warning.contains("is ignored") && !warning.contains(value), "{warning}");
            assert_eq!(otlp, read("OTHER").otlp);
        }
    }
}
