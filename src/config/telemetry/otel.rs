//! The standard variables of OpenTelemetry. They go before the file, and the gateway's own variables before them.

use std::time::Duration;

use super::{
    super::{environment::Unread, error::Location, kinds::url, reader::variable, section::Section},
    Protocol, Telemetry,
};

/// The variables that are read, with what they set. An empty one counts as not set, as the specification has it.
/// `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_EXPORTER_OTLP_COMPRESSION` are the exporter's own business: headers may hold
/// credentials, which are in no settings.
pub const HONOURED: &[(&str, &str)] = &[
    ("OTEL_SDK_DISABLED", "`true`: nothing is exported"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "`telemetry.otlp.endpoint`"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "`telemetry.otlp.protocol`"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "`telemetry.otlp.timeout`, in milliseconds"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "what is sent along with every export, such as credentials"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "`gzip`, with the protocol grpc"),
    ("OTEL_SERVICE_NAME", "`telemetry.otlp.service_name`"),
    ("OTEL_RESOURCE_ATTRIBUTES", "what else is said of this service, as `key=value,key=value`"),
    ("OTEL_TRACES_SAMPLER", "`always_on`, `always_off`, `traceidratio`, or one of them after `parentbased_`"),
    ("OTEL_TRACES_SAMPLER_ARG", "`telemetry.otlp.sample_ratio`, for `traceidratio`; 1 where it is left out"),
    ("OTEL_TRACES_EXPORTER", "`otlp`, `console`, or `none`"),
    ("OTEL_METRICS_EXPORTER", "`otlp` (`telemetry.otlp.metrics`) or `none`"),
    ("OTEL_LOGS_EXPORTER", "`otlp` (`telemetry.otlp.logs`) or `none`"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "`telemetry.otlp.metrics_interval`, in milliseconds"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "`telemetry.otlp.max_queue_size`"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "`telemetry.otlp.max_batch_size`"),
    ("OTEL_BSP_SCHEDULE_DELAY", "`telemetry.otlp.batch_delay`, in milliseconds"),
    ("OTEL_SEMCONV_STABILITY_OPT_IN", "`rpc/dup`: server spans have the former names of RPC too"),
];

/// Takes what the variables say into `telemetry`.
pub(super) fn apply(section: &mut Section<'_, '_>, telemetry: &mut Telemetry) {
    let otlp = &mut telemetry.otlp;
    let millis = |text: &str| text.parse().ok().filter(|millis| *millis > 0).map(Duration::from_millis);
    let count = |text: &str| text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
    let exported = |text: &str| match text {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    };
    let mut set = Variables(section);
    set.read("OTEL_EXPORTER_OTLP_ENDPOINT", "endpoint", "an http or https URL", &mut otlp.endpoint, |text| {
        url(text).map(Some)
    });
    set.read("OTEL_EXPORTER_OTLP_PROTOCOL", "protocol", "grpc or http/protobuf", &mut otlp.protocol, Protocol::named);
    set.read("OTEL_EXPORTER_OTLP_TIMEOUT", "timeout", "milliseconds", &mut otlp.timeout, millis);
    set.read("OTEL_SERVICE_NAME", "service_name", "a text", &mut otlp.service_name, |text| Some(text.to_owned()));
    set.read("OTEL_RESOURCE_ATTRIBUTES", "", "key=value,key=value", &mut otlp.resource, attributes);
    set.read("OTEL_METRICS_EXPORTER", "metrics", "otlp or none", &mut otlp.metrics, exported);
    set.read("OTEL_LOGS_EXPORTER", "logs", "otlp or none", &mut otlp.logs, exported);
    set.read("OTEL_METRIC_EXPORT_INTERVAL", "metrics_interval", "milliseconds", &mut otlp.metrics_interval, millis);
    set.read("OTEL_BSP_MAX_QUEUE_SIZE", "max_queue_size", "a whole number", &mut otlp.max_queue_size, count);
    set.read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "max_batch_size", "a whole number", &mut otlp.max_batch_size, count);
    set.read("OTEL_BSP_SCHEDULE_DELAY", "batch_delay", "milliseconds", &mut otlp.batch_delay, millis);
    set.read("OTEL_SEMCONV_STABILITY_OPT_IN", "", "a list", &mut otlp.legacy_rpc_names, |text| {
        Some(text.split(',').any(|one| one.trim() == "rpc/dup"))
    });
    otlp.max_batch_size = otlp.max_batch_size.min(otlp.max_queue_size);
    sampler(&mut set, &mut telemetry.otlp);
    exporter(&mut set, telemetry);
}

fn sampler(set: &mut Variables<'_, '_, '_>, otlp: &mut super::Otlp) {
    let mut ratio = 1.0;
    set.read("OTEL_TRACES_SAMPLER_ARG", "sample_ratio", "a number from 0 to 1", &mut ratio, |text| {
        text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
    });
    let mut sampler = None;
    let takes = "always_on, always_off, traceidratio, or one of them after parentbased_";
    set.read("OTEL_TRACES_SAMPLER", "sample_ratio", takes, &mut sampler, |text| {
        let kind = text.strip_prefix("parentbased_");
        let ratio = match kind.unwrap_or(text) {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => return None,
        };
        Some(Some((ratio, kind.is_some())))
    });
    if let Some((ratio, follow_caller)) = sampler {
        (otlp.sample_ratio, otlp.follow_caller) = (ratio, follow_caller);
    }
}

fn exporter(set: &mut Variables<'_, '_, '_>, telemetry: &mut Telemetry) {
    let (mut traces, mut disabled) = (None, false);
    set.read("OTEL_TRACES_EXPORTER", "", "otlp, console or none", &mut traces, |text| match text {
        "otlp" | "console" | "none" => Some(Some(text.to_owned())),
        _ => None,
    });
    set.read("OTEL_SDK_DISABLED", "", "true or false", &mut disabled, |text| text.to_ascii_lowercase().parse().ok());
    match traces.as_deref() {
        Some("console") => telemetry.console_traces = true,
        Some("none") => (telemetry.otlp.sample_ratio, telemetry.otlp.follow_caller) = (0.0, false),
        _ => {}
    }
    if disabled {
        (telemetry.otlp.endpoint, telemetry.console_traces) = (None, false);
    }
}

struct Variables<'s, 'r, 'e>(&'s mut Section<'r, 'e>);

impl Variables<'_, '_, '_> {
    /// Reads the variable `name` into `value`, unless the gateway's own variable for `setting` is set.
    fn read<T>(
        &mut self,
        name: &str,
        setting: &str,
        takes: &str,
        value: &mut T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) {
        let Self(section) = self;
        let env = section.reader.env;
        if !setting.is_empty() && env.get(&variable(&format!("telemetry.otlp.{setting}"))) != Err(Unread::Unset) {
            return;
        }
        let text = match env.get(name) {
            Err(Unread::Unset) => return,
            Ok(text) if text.trim().is_empty() => return,
            Ok(text) => Some(text.trim()),
            Err(Unread::NotText) => None,
        };
        if let Some(parsed) = text.and_then(parse) {
            *value = parsed;
        } else {
            section.reader.errors.add(Location::Environment(name.to_owned()), "", format!("must be {takes}"));
        }
    }
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
    use std::{fs, path::Path};

    use super::*;
    use crate::config::{Config, Environment};

    fn read(variables: &[(&str, &str)]) -> Result<Telemetry, String> {
        let env: Environment = variables.iter().copied().collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.yaml");
        fs::write(&file, "telemetry: { otlp: { endpoint: 'http://file:1', sample_ratio: 0.5 } }").unwrap();
        Config::load(&file, &env).map(|config| config.telemetry).map_err(|errors| errors.to_string())
    }

    #[test]
    fn they_go_before_the_file_and_after_the_gateways_own() {
        const OWN: (&str, &str) = ("VERIFY_GATEWAY_TELEMETRY__OTLP__ENDPOINT", "http://own:1");
        const OTEL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:1");
        let endpoint = |variables: &[_]| read(variables).unwrap().otlp.endpoint.unwrap();
        assert_eq!(endpoint(&[]), "http://file:1");
        assert_eq!(endpoint(&[OTEL]), "http://otel:1");
        assert_eq!(endpoint(&[OTEL, OWN]), "http://own:1");
        assert_eq!(endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), "http://file:1");
    }

    #[test]
    fn each_of_them_sets_what_it_says() {
        let otlp = |name, value| read(&[(name, value)]).unwrap().otlp;
        assert_eq!(otlp("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf").protocol, Protocol::Http);
        assert_eq!(otlp("OTEL_EXPORTER_OTLP_TIMEOUT", "1500").timeout, Duration::from_millis(1500));
        assert_eq!(otlp("OTEL_SERVICE_NAME", "x").service_name, "x");
        let resource = otlp("OTEL_RESOURCE_ATTRIBUTES", "a=b, c=d%20e").resource;
        assert_eq!(resource, [("a".into(), "b".into()), ("c".into(), "d e".into())]);
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
    fn errors_are_told_by_the_variables_name() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_RESOURCE_ATTRIBUTES", "nothing-to-split"),
            ("OTEL_SDK_DISABLED", "perhaps"),
        ] {
            let errors = read(&[(name, value)]).unwrap_err();
            assert!(errors.contains(name) && !errors.contains(value), "{errors}");
        }
    }

    #[test]
    fn the_documentation_lists_them_all() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIGURATION.md");
        let text = fs::read_to_string(path).unwrap();
        for (name, what) in HONOURED {
            assert!(text.contains(&format!("| `{name}` | {what} |")), "{name}");
        }
    }
}
