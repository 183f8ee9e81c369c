//! Reload of the tenants.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{sync::watch, task::JoinSet};
use tonic::Code;
use verify_gateway::{domain::TokenHash, pb::ListTemplatesRequest};

use crate::support::{Clients, Faulty, Refused, Served};

const READ: &str = "GET /v2/verify_profiles/templates";
const OFTEN: &str = "tenants: { reload_interval: 10ms }\ntelemetry: { log: { format: json } }\n";
const TOKENS: [&str; 2] = ["vgw_the-first-token-of-two", "vgw_the-second-token-of-two"];
const CALLERS: usize = 4;
const CHANGED: &str = "the tenants have changed\"";
const REFUSED: &str = "the tenants can't be reloaded";

/// A tenant whose key is in the file `key`, and whose identity has `tokens`.
fn tenants(tokens: &[&str]) -> String {
    let tokens: Vec<_> = tokens.iter().map(|token| format!("'{}'", TokenHash::of(token))).collect();
    format!(
        "tenants:\n  - id: login\n    telnyx_api_key: {{ file: key }}\n    identities:\n      - {{ name: service, roles: [reader], tokens: [{}] }}\n",
        tokens.join(", ")
    )
}

async fn list(clients: &mut Clients) -> Result<(), tonic::Status> {
    clients.templates.list_templates(ListTemplatesRequest::default()).await.map(drop)
}

#[tokio::test]
async fn keys_and_tokens_change_under_load_and_no_call_fails() {
    let [first, second] = TOKENS;
    let origin = Faulty::start(None).await;
    let files = [("tenants.yaml", tenants(&[first])), ("key", "KEYone".into())];
    let files = files.each_ref().map(|(name, content)| (*name, content.as_str()));
    let mut served = Served::start(origin.addr, OFTEN, &files).await;

    let (token, stopped, answered) =
        (watch::Sender::new(first), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // How many callers use the second token.
    let changed = watch::Sender::new(0);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (mut token, stopped, answered) = (token.subscribe(), stopped.clone(), answered.clone());
        let (addr, changed) = (served.addr, changed.clone());
        callers.spawn(async move {
            let now = *token.borrow_and_update();
            let mut clients = Clients::of(addr, Some(now)).await;
            while !stopped.load(Ordering::Relaxed) {
                if token.has_changed().unwrap() {
                    let now = *token.borrow_and_update();
                    clients = Clients::of(addr, Some(now)).await;
                    changed.send_modify(|changed| *changed += 1);
                }
                list(&mut clients).await.unwrap();
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    origin.until(50, "KEYone", READ).await;

    served.swap(&[("tenants.yaml", &tenants(&[first, second])), ("key", "KEYtwo")]);
    served.says(CHANGED).await;
    origin.until(50, "KEYtwo", READ).await;
    token.send_replace(second);
    // The first token is removed when no caller uses it any more.
    changed.subscribe().wait_for(|changed| *changed == CALLERS).await.unwrap();

    served.swap(&[("tenants.yaml", &tenants(&[second])), ("key", "KEYtwo")]);
    served.says(CHANGED).await;
    let mut former = Clients::of(served.addr, Some(first)).await;
    Refused::by(list(&mut former).await).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    let seen = origin.count("KEYtwo", READ);
    origin.until(seen + 50, "KEYtwo", READ).await;
    stopped.store(true, Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    // Each answered call made one request, so none was refused with a removed key.
    assert_eq!(origin.count("KEYone", READ) + origin.count("KEYtwo", READ), answered.load(Ordering::Relaxed));
    served.end().await;
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_reported() {
    let [first, second] = TOKENS;
    let origin = Faulty::start(None).await;
    let right = tenants(&[first]);
    let mut served = Served::start(origin.addr, OFTEN, &[("tenants.yaml", &right), ("key", "KEYone")]).await;
    let mut clients = Clients::of(served.addr, Some(first)).await;
    list(&mut clients).await.unwrap();

    let broken = tenants(&[second]).replace("reader", "writer").replace("file: key", "file: nowhere");
    served.swap(&[("tenants.yaml", &broken), ("key", "KEYtwo")]);
    served.says(REFUSED).await;
    list(&mut clients).await.unwrap();
    let (status, ready) = served.admin("/readyz").await;
    assert_eq!(status, 200, "it can serve");
    assert!(ready.contains(r#""stale":["tenants"]"#), "{ready}");
    let (_, metrics) = served.admin("/metrics").await;
    assert!(metrics.contains(r#"verify_gateway_reload_failed{what="tenants"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"verify_gateway_reloads_total{outcome="failed",what="tenants"} 1"#), "{metrics}");

    served.swap(&[("tenants.yaml", &tenants(&[second])), ("key", "KEYtwo")]);
    served.says(CHANGED).await;
    Refused::by(list(&mut clients).await).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    list(&mut Clients::of(served.addr, Some(second)).await).await.unwrap();
    let (_, ready) = served.admin("/readyz").await;
    assert!(ready.contains(r#""stale":[]"#), "{ready}");
    let (_, metrics) = served.admin("/metrics").await;
    assert!(metrics.contains(r#"verify_gateway_reload_failed{what="tenants"} 0"#), "{metrics}");
    assert!(metrics.contains(r#"verify_gateway_key_age_seconds{tenant="login"}"#), "{metrics}");
    assert_eq!(origin.count("KEYone", READ), 2);
    let ended = served.end().await;
    // Each error of the file is logged once.
    for error in ["identities[0].roles: must be one of", "telnyx_api_key.file: there is no such file"] {
        assert_eq!(ended.err.matches(error).count(), 1, "{}", ended.err);
    }
}

#[tokio::test]
async fn sighup_reloads_the_files_at_once() {
    let [first, second] = TOKENS;
    let origin = Faulty::start(None).await;
    let settings = OFTEN.replace("10ms", "1h");
    let right = tenants(&[first]);
    let files = [("tenants.yaml", right.as_str()), ("key", "KEYone")];
    let mut served = Served::start(origin.addr, &settings, &files).await;
    served.swap(&[("tenants.yaml", &tenants(&[second])), ("key", "KEYone")]);
    served.process.signal("HUP").await;
    served.says(CHANGED).await;
    list(&mut Clients::of(served.addr, Some(second)).await).await.unwrap();
    served.end().await;
}
