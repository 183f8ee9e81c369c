//! The page for people, and what it reads. `tests/simulator/page` uses it in a browser.

use axum::body::Body;
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use verify_gateway::simulator::{Fixtures, Server, Settings};

use super::{Answer, LOOPBACK, PHONE, Sim};

async fn get(sim: &Sim, path: &str, accept: &str) -> Answer {
    let request = Request::get(format!("http://{}{path}", sim.addr)).header(header::ACCEPT, accept);
    let (parts, body) = sim.client.request(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

#[tokio::test]
async fn browsers_get_the_page_and_others_json() {
    let sim = Sim::start().await;
    let page = get(&sim, "/", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert!(page.text.starts_with("<!doctype html>"), "{}", page.text);
    for accept in ["*/*", "application/json", ""] {
        let index = get(&sim, "/", accept).await;
        assert!(index.ok()["control"].is_object(), "{accept}");
        assert_eq!(index.header("vary"), Some("accept"));
    }
    assert_eq!(page.header("vary"), Some("accept"));
}

#[tokio::test]
async fn the_page_is_made_of_files_that_a_strict_policy_allows() {
    let sim = Sim::start().await;
    let html = get(&sim, "/", "text/html").await;
    let linked = html.text.split(['"', '\'']).filter(|part| part.starts_with('/')).map(str::to_owned);
    let linked: Vec<String> = linked.collect();
    assert_eq!(linked, ["/icon.svg", "/app.css", "/app.js"]);
    let policy = |headers: &HeaderMap| headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy(&html.headers).starts_with("default-src 'none';") && !policy(&html.headers).contains("unsafe"));
    for (path, kind) in
        linked.iter().zip(["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"])
    {
        let file = sim.get(path).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(
            (policy(&file.headers), file.header("x-content-type-options")),
            (policy(&html.headers), Some("nosniff"))
        );
    }
    for inline in ["<script>", "<style", " style=", " onclick="] {
        assert!(!html.text.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn the_inbox_has_the_state_and_the_sender_of_every_message() {
    let sim = Sim::with(&[("fixed_code", "12345"), ("delivered_after_secs", "3000")]).await;
    let profile = sim.profile();
    sim.sent(&profile).await;
    sim.check_by_phone(&profile, "12345").await.ok();
    sim.send(&profile, json!({"phone_number": "+13035550122"})).await.ok();
    let inbox = sim.get("/_simulator/inbox").await.ok();
    let expected = json!({
        "phone_number": PHONE, "channel": "sms", "text": "Your verification code is 12345.", "code": "12345",
        "account": sim.handle.messages()[0].account, "profile_id": profile, "profile_name": "Shop",
        "verification_id": sim.handle.messages()[0].verification_id, "status": "accepted", "delivered": true,
        "delivery_status": "sent", "sent_at": inbox[1]["sent_at"], "expires_at": inbox[1]["expires_at"],
    });
    assert_eq!(inbox[1], expected);
    assert_eq!((&inbox[0]["delivered"], &inbox[0]["status"]), (&json!(false), &json!("error")), "the newest is first");
    sim.delete(&format!("/v2/verify_profiles/{profile}")).await.ok();
    assert_eq!(sim.get("/_simulator/inbox").await.ok()[1]["profile_name"], Value::Null);
}

#[tokio::test]
async fn an_event_follows_each_change_and_the_stream_ends_with_the_simulator() {
    let server = Server::bind(LOOPBACK, false, Settings::default(), Fixtures::default()).await.unwrap();
    let (addr, handle, stop) = (server.addr(), server.handle(), CancellationToken::new());
    let running = tokio::spawn(server.serve(stop.clone().cancelled_owned()));
    let sim = Sim { addr, handle, ..Sim::start().await };
    let request = Request::get(format!("http://{addr}/_simulator/events")).body(Body::empty()).unwrap();
    let answer = sim.client.request(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = answer.into_body();
    let mut next = async || {
        let frame = events.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    };
    let change = "event: change\ndata: {}\n\n";
    assert_eq!(next().await.unwrap(), change, "at the start");
    for (method, path, body) in [
        (Method::GET, "/v2/verify_profiles", None),
        (Method::POST, "/_simulator/clock/advance", Some(json!({"seconds": 1}))),
        (Method::POST, "/_simulator/reset", None),
    ] {
        sim.call(method, path, body).await;
        assert_eq!(next().await.unwrap(), change, "{path}");
    }
    stop.cancel();
    assert_eq!(next().await, None);
    running.await.unwrap();
}
