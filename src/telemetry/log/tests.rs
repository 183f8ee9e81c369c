//! What is written, and when.

use jiff::Timestamp;
use serde_json::Value;
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::*;
use crate::telemetry::{Call, Metrics};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock())).unwrap()
    }
}

fn log() -> (LogHandle, Captured, tracing::subscriber::DefaultGuard) {
    let log = LogHandle::new(&config::LogConfig { level: "info".into(), format: LogFormat::Json, audit: true });
    let written = Captured::default();
    let writer = written.clone();
    let subscriber = Registry::default().with(log.layer(move || writer.clone()).unwrap());
    let guard = tracing::subscriber::set_default(subscriber);
    (log, written, guard)
}

#[test]
fn a_line_has_the_names_of_its_call() {
    let (log, written, _guard) = log();
    let call = Call::new("verify.v1.X/Y", Some("c1".into()), None, &tracing::Span::none(), Metrics::default());
    call.tenant.set(crate::domain::TenantId::new("t1").unwrap()).unwrap();
    Arc::clone(&call).run_now(|| tracing::info!(count = 3, text = "a \"b\"", "hello"));
    let text = written.take();
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&line["message"], &line["level"], &line["count"]), (&"hello".into(), &"INFO".into(), &3.into()));
    assert_eq!((&line["call_id"], &line["rpc"]), (&"c1".into(), &"verify.v1.X/Y".into()));
    assert_eq!((&line["tenant"], &line["text"]), (&"t1".into(), &"a \"b\"".into()));
    assert!(line["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());

    log.set_format(LogFormat::Human);
    call.run_now(|| tracing::warn!(count = 3, "hello"));
    let text = written.take();
    assert!(text.contains("hello") && text.contains("count=3") && text.contains("call_id=c1"), "{text}");
}

#[test]
fn audits_are_written_whatever_the_level() {
    let (log, written, _guard) = log();
    log.set_level("off").unwrap();
    tracing::error!("no");
    assert_eq!(written.take(), "");
    audit::reloaded("tenants", Some(2));
    let text = written.take();
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&line["target"], &line["event"], &line["errors"]), (&"audit".into(), &"reload".into(), &2.into()));

    let log = LogHandle::new(&config::LogConfig { level: "trace".into(), format: LogFormat::Json, audit: false });
    let writer = written.clone();
    let subscriber = Registry::default().with(log.layer(move || writer.clone()).unwrap());
    tracing::subscriber::with_default(subscriber, || audit::reloaded("tenants", None));
    assert_eq!(written.take(), "");
}

#[test]
fn its_level_can_be_changed() {
    let (log, written, _guard) = log();
    tracing::debug!("no");
    assert_eq!(written.take(), "");
    log.set_level("debug").unwrap();
    tracing::debug!("yes");
    assert!(written.take().contains("yes"));
    assert!(log.set_level("=loud=").is_err());
    assert_eq!(log.level(), "debug");
}
