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

#[test]
fn every_kind_of_field_is_json_and_the_events_own_names_win() {
    let (log, written, _guard) = log();
    let call = Call::new("verify.v1.X/Y", Some("c1".into()), None, &tracing::Span::none(), Metrics::default());
    let event = || {
        let (text, none) = ("\"\u{7}ü\n", None::<&str>);
        tracing::info!(text, none, rpc = "own", u = u64::MAX, i = -1, f = 0.5, nan = f64::NAN, b = true, d = ?Some("\""));
        tracing::info!(text, "a {:?}", "b");
    };
    Arc::clone(&call).run_now(event);
    let text = written.take();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    let wanted = ["b", "call_id", "d", "f", "i", "level", "message", "nan", "rpc", "target", "text", "timestamp", "u"];
    assert_eq!((names, text.matches("\"rpc\"").count()), (wanted.map(str::to_owned).iter().collect(), 2));
    assert_eq!(
        (&lines[0]["message"], &lines[0]["text"], &lines[0]["rpc"]),
        (&"".into(), &"\"\u{7}ü\n".into(), &"own".into())
    );
    assert_eq!((&lines[0]["u"], &lines[0]["i"], &lines[0]["f"]), (&u64::MAX.into(), &(-1).into(), &0.5.into()));
    assert_eq!(
        (&lines[0]["nan"], &lines[0]["b"], &lines[0]["d"]),
        (&Value::Null, &true.into(), &"Some(\"\\\"\")".into())
    );
    assert_eq!((&lines[1]["message"], &lines[1]["rpc"]), (&"a \"b\"".into(), &"verify.v1.X/Y".into()));

    log.set_format(LogFormat::Human);
    call.run_now(|| tracing::info!(text = "a \"b\"", d = ?"c", f = 1.0, rpc = "own", "hello"));
    let text = written.take();
    assert!(text.contains(" hello text=a \"b\" d=\"c\" f=1.0 rpc=own call_id=c1\n"), "{text}");
}
