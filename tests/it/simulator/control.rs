//! The control endpoints.

use std::net::{Ipv4Addr, SocketAddr};

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use verify_gateway::simulator::{Error, Fixtures, Server, Settings};

use super::{ENCODED, LOOPBACK, PHONE, Sim};

#[tokio::test]
async fn the_index_lists_endpoints_that_exist() {
    let sim = Sim::start().await;
    let index = sim.get("/").await.ok();
    assert_eq!(sim.get("/_simulator").await.ok(), index);
    let paths: Vec<_> = index["control"].as_object().unwrap().keys().collect();
    assert!(paths.len() > 8, "{paths:?}");
    for path in paths {
        assert_ne!(sim.call(Method::PUT, path, None).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(sim.get("/_simulator/health").await.ok(), json!({"status": "ok"}));
    let refused = sim.call(Method::PUT, "/_simulator/faults", None).await;
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(refused.json()["error"].is_string(), "{}", refused.text);
}

#[tokio::test]
async fn the_outbox_is_read_by_number_oldest_first() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (first, code) = sim.sent(&profile).await;
    sim.send(&profile, json!({"phone_number": "+13035559999"})).await.ok();
    let (last, latest) = sim.sent(&profile).await;

    let messages = sim.get(&format!("/_simulator/messages?phone={ENCODED}")).await.ok();
    let sent_at = messages[0]["sent_at"].as_str().unwrap();
    assert!(sent_at.parse::<Timestamp>().is_ok(), "{sent_at}");
    let account = messages[0]["account"].as_str().unwrap();
    assert!(account.len() == 16 && account.bytes().all(|byte| byte.is_ascii_hexdigit()), "{account}");
    let expected = json!({
        "phone_number": PHONE, "channel": "sms", "text": format!("Your verification code is {code}."),
        "code": code, "account": account, "profile_id": profile, "verification_id": first, "sent_at": sent_at,
    });
    assert_eq!(messages[0], expected);
    assert_eq!(messages[1]["verification_id"], last.as_str());
    assert_eq!(messages.as_array().unwrap().len(), 2);
    // An unencoded plus sign decodes to a space, with which no number begins.
    assert_eq!(sim.get(&format!("/_simulator/messages?phone={PHONE}")).await.ok(), messages);
    assert_eq!(sim.get("/_simulator/messages").await.ok().as_array().unwrap().len(), 3);
    assert_eq!(sim.get("/_simulator/messages?number=1").await.status, StatusCode::BAD_REQUEST);

    let latest_code = sim.get(&format!("/_simulator/messages/latest/code?phone={ENCODED}")).await;
    assert_eq!(latest_code.text, format!("{latest}\n"));
    assert!(latest_code.header("content-type").unwrap().starts_with("text/plain"));
    let readable = sim.get("/_simulator/messages").await.text;
    assert!(readable.ends_with("  }\n]\n"), "a person at a terminal reads it: {readable}");
    let none = sim.get("/_simulator/messages/latest/code?phone=%2B13035550000").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_clock_is_moved_forward() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (id, _) = sim.sent(&profile).await;
    let now = sim.post("/_simulator/clock/advance", json!({"seconds": 301})).await.ok();
    let now: Timestamp = now["now"].as_str().unwrap().parse().unwrap();
    assert!(now.duration_since(Timestamp::now()) > SignedDuration::from_secs(240));
    assert_eq!(sim.status(&id).await, "expired");
    let again: Timestamp = sim.get("/_simulator/clock").await.ok()["now"].as_str().unwrap().parse().unwrap();
    assert!(again >= now);
    let far = sim.post("/_simulator/clock/advance", json!({"seconds": u64::MAX})).await;
    assert_eq!(far.status, StatusCode::BAD_REQUEST);
    assert!(far.json()["error"].as_str().unwrap().contains("1970 and 9999"), "{}", far.text);
    let unmoved: Timestamp = sim.get("/_simulator/clock").await.ok()["now"].as_str().unwrap().parse().unwrap();
    assert!(unmoved.duration_since(again) < SignedDuration::from_hours(1));
    for body in [json!({"seconds": -1}), json!({}), json!({"seconds": 1, "minutes": 1})] {
        assert!(sim.post("/_simulator/clock/advance", body).await.status.is_client_error());
    }
}

#[tokio::test]
async fn a_reset_forgets_everything() {
    let sim = Sim::with(&[("attempt_limit", "3")]).await;
    let profile = sim.profile();
    let (id, _) = sim.sent(&profile).await;
    sim.post("/_simulator/faults", json!({"status": 500})).await.ok();
    sim.patch("/_simulator/settings", json!({"attempt_limit": 1})).await.ok();
    sim.handle.advance(std::time::Duration::from_hours(1));

    assert_eq!(sim.call(Method::POST, "/_simulator/reset", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sim.get(&format!("/v2/verifications/{id}")).await.refusal().0, 404, "and no fault");
    assert_eq!(sim.get("/v2/verify_profiles").await.ok()["data"], json!([]));
    assert_eq!(sim.get("/_simulator/messages").await.ok(), json!([]));
    assert!(sim.handle.now() <= Timestamp::now());
    assert_eq!(sim.handle.settings().attempt_limit, 3, "as it was started with");
}

#[tokio::test]
async fn the_control_api_presses_keys() {
    let sim = Sim::start().await;
    let body = json!({"phone_number": PHONE, "verify_profile_id": sim.profile()});
    let sent = sim.post("/v2/verifications/dtmf_confirm", body).await.ok();
    let path = format!("/_simulator/verifications/{}/keypad", sent["data"]["id"].as_str().unwrap());
    assert_eq!(sim.post(&path, json!({"key": "12"})).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(sim.post(&path, json!({"key": "2"})).await.ok(), json!({"status": "pending"}));
    assert_eq!(sim.post(&path, json!({"key": "1"})).await.ok(), json!({"status": "accepted"}));
    assert_eq!(sim.post(&path, json!({"key": "voicemail"})).await.status, StatusCode::CONFLICT);
    let unknown = "/_simulator/verifications/unknown/keypad";
    assert_eq!(sim.post(unknown, json!({"key": "no_answer"})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn settings_are_read_and_changed_together_or_not_at_all() {
    let sim = Sim::start().await;
    let changes = json!({"attempt_limit": 2, "nested_patch": "merge", "seed": 7});
    let settings = sim.patch("/_simulator/settings", changes).await.ok();
    assert_eq!(settings["nested_patch"], "merge");
    assert_eq!(sim.get("/_simulator/settings").await.ok(), settings);
    for changes in [json!({"attempt_limit": 9, "unknown": 1}), json!({"attempt_limit": 9, "keep": 0}), json!([])] {
        assert!(sim.patch("/_simulator/settings", changes).await.status.is_client_error());
    }
    assert_eq!(sim.get("/_simulator/settings").await.ok(), settings);
}

#[tokio::test]
async fn a_seeded_profile_has_all_five_channels() {
    let sim = Sim::start().await;
    let id = sim.handle.seed_profile("KEY1", "Demo");
    let profile = sim.get(&format!("/v2/verify_profiles/{id}")).await.ok();
    for channel in ["sms", "call", "flashcall", "whatsapp", "dtmf_confirm"] {
        assert!(profile["data"][channel].is_object(), "{channel}");
    }
    assert_eq!(profile["data"]["sms"]["app_name"], "Demo");
}

#[tokio::test]
async fn other_machines_have_access_only_if_it_is_allowed() {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let refused = Server::bind(any, false, Settings::default(), Fixtures::default()).await;
    assert!(matches!(refused, Err(Error::NotLoopback(addr)) if addr == any));
    assert!(Server::bind(any, true, Settings::default(), Fixtures::default()).await.is_ok());
    assert!(Server::bind("[::1]:0", false, Settings::default(), Fixtures::default()).await.is_ok());

    let taken = TcpListener::bind(LOOPBACK).await.unwrap();
    let refused = Server::bind(taken.local_addr().unwrap(), false, Settings::default(), Fixtures::default()).await;
    assert!(matches!(refused, Err(Error::Bind { .. })));
    let contradiction = Settings { keep: 0, ..Settings::default() };
    assert!(matches!(Server::bind(LOOPBACK, false, contradiction, Fixtures::default()).await, Err(Error::Settings(_))));
}

#[tokio::test]
async fn a_stopping_simulator_answers_delayed_requests_at_once() {
    let server = Server::bind(LOOPBACK, false, Settings::default(), Fixtures::default()).await.unwrap();
    let (addr, handle, stop) = (server.addr(), server.handle(), CancellationToken::new());
    let running = tokio::spawn(server.serve(stop.clone().cancelled_owned()));
    let client = Sim::start().await;
    let sim = Sim { addr, handle, ..client };
    let profile = sim.profile();
    let slow = tokio::join!(sim.send(&profile, json!({"phone_number": "+13035550111"})), async {
        while sim.handle.messages().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
    assert_eq!(slow.0.status, StatusCode::OK, "its answer was to come after 60 s");
    running.await.unwrap();
}
