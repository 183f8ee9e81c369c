//! Requests that are refused.

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{PHONE, Sim};

#[tokio::test]
async fn a_request_without_a_key_is_refused_everywhere() {
    let sim = Sim::start().await;
    for path in ["/v2/verify_profiles", "/v2/verifications/x", "/v2/nowhere"] {
        let answer = sim.try_call(None, Method::GET, path, String::new()).await.unwrap();
        assert_eq!(answer.refusal(), (401, "10009".into()), "{path}");
    }
    let blank = sim.try_call(Some(" "), Method::GET, "/v2/verify_profiles", String::new()).await.unwrap();
    assert_eq!(blank.refusal(), (401, "10009".into()));
}

#[tokio::test]
async fn every_answer_has_the_simulator_header() {
    let sim = Sim::start().await;
    for path in ["/", "/nowhere", "/_simulator/health", "/v2/verify_profiles", "/v2/nowhere", "/v2"] {
        assert_eq!(sim.get(path).await.header("x-simulator"), Some("true"), "{path}");
    }
}

#[tokio::test]
async fn a_refusal_has_the_whole_envelope() {
    let sim = Sim::start().await;
    let answer = sim.post("/v2/verify_profiles", json!({"name": 5, "sms": {}})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let expected = json!({"errors": [{
        "code": "10026", "title": "Invalid parameter type", "detail": "It must be a string.",
        "source": {"pointer": "/name"}, "meta": {"url": "https://developers.telnyx.com/docs/overview/errors/10026"},
    }]});
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn an_unknown_path_and_an_unknown_method_have_different_errors() {
    let sim = Sim::start().await;
    let template = "/v2/verify_profiles/templates/0abb5b4f-459f-445a-bfcd-488998b7572d";
    for (method, path, refusal) in [
        (Method::GET, "/v2/nowhere", (404, "10005")),
        (Method::POST, "/v2/verifications", (404, "10005")),
        (Method::POST, "/v2/verifications/psd2", (405, "10030")),
        (Method::GET, "/v2/verifications/sms", (405, "10030")),
        (Method::GET, "/v2/verifications/dtmf_confirm", (405, "10030")),
        (Method::PUT, "/v2/verify_profiles", (405, "10030")),
        (Method::GET, template, (405, "10030")),
        (Method::DELETE, template, (405, "10030")),
        (Method::DELETE, "/v2/verifications/12ade33a-21c0-473b-b055-b3c836e1c292", (405, "10030")),
        (Method::GET, "/v2/verifications/12ade33a-21c0-473b-b055-b3c836e1c292", (404, "10005")),
        (Method::GET, "/v2/verifications/%FF", (404, "10005")),
        (Method::GET, "/v2/verifications/by_phone_number/3035551234", (400, "10002")),
        (Method::GET, "/v2/verifications/by_phone_number/%FF", (404, "10005")),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        assert_eq!(sim.call(method, path, body).await.refusal(), (refusal.0, refusal.1.into()), "{path}");
    }
}

#[tokio::test]
async fn a_body_must_be_a_json_object_with_its_content_type() {
    let sim = Sim::start().await;
    let post = async |body: &str| {
        sim.try_call(Some("KEY1"), Method::POST, "/v2/verify_profiles", body.to_owned()).await.unwrap().refusal()
    };
    assert_eq!(post("{").await, (400, "10023".into()));
    assert_eq!(post("[]").await, (400, "10015".into()));
    assert_eq!(post("").await, (415, "10029".into()));
    assert_eq!(post(&" ".repeat(2_000_000)).await, (413, "10015".into()));
}

#[tokio::test]
async fn every_violation_of_a_profile_is_named_at_once() {
    let sim = Sim::start().await;
    let body = json!({
        "name": "", "language": 1, "webhook_url": "ftp://example.com", "webhook_failover_url": null,
        "daily_spend_limit": -1, "daily_spend_limit_enabled": "yes",
        "sms": {
            "app_name": "Shop!", "code_length": 11, "default_verification_timeout_secs": 0,
            "messaging_template_id": "unknown", "whitelisted_destinations": ["us"], "alpha_sender": "far too long a name",
        },
        "call": {"code_length": "6", "whitelisted_destinations": ["*", "US"], "default_verification_timeout_secs": 1.5},
        "whatsapp": {"waba_id": 1},
        "flashcall": true,
    });
    let answer = sim.post("/v2/verify_profiles", body).await;
    assert_eq!(answer.status, 422);
    let errors = answer.json();
    let mut found: Vec<_> = errors["errors"].as_array().unwrap().iter().map(pointer_and_code).collect();
    found.sort_unstable();
    let expected = [
        ("/call/code_length", "10026"),
        ("/call/default_verification_timeout_secs", "10026"),
        ("/call/whitelisted_destinations", "10027"),
        ("/daily_spend_limit", "10033"),
        ("/daily_spend_limit_enabled", "10026"),
        ("/flashcall", "10026"),
        ("/language", "10026"),
        ("/name", "10025"),
        ("/sms/alpha_sender", "10025"),
        ("/sms/app_name", "10027"),
        ("/sms/code_length", "10033"),
        ("/sms/default_verification_timeout_secs", "10033"),
        ("/sms/messaging_template_id", "10017"),
        ("/sms/whitelisted_destinations", "10027"),
        ("/webhook_failover_url", "10026"),
        ("/webhook_url", "10003"),
        ("/whatsapp/waba_id", "10026"),
    ];
    assert_eq!(found, expected);
}

fn pointer_and_code(error: &Value) -> (&str, &str) {
    (error["source"]["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
}

#[tokio::test]
async fn a_profile_needs_a_name_and_a_channel() {
    let sim = Sim::start().await;
    let answer = sim.post("/v2/verify_profiles", json!({"sms": {}})).await;
    assert_eq!(answer.refusal(), (422, "10004".into()));
    let answer = sim.post("/v2/verify_profiles", json!({"name": "x"})).await;
    assert_eq!(answer.refusal(), (400, "10015".into()));
    assert_eq!(answer.json()["errors"][0]["detail"], "No channel setting provided: sms, call, etc");
}

#[tokio::test]
async fn a_send_that_is_refused_sends_nothing() {
    let sim = Sim::start().await;
    let sms = json!({"whitelisted_destinations": ["US"]});
    let only_sms = sim.post("/v2/verify_profiles", json!({"name": "x", "sms": sms})).await.ok()["data"]["id"].take();
    for (channel, changes, refusal) in [
        ("sms", json!({"phone_number": null}), (422, "10026")),
        ("sms", json!({"phone_number": "13035551234"}), (422, "10016")),
        ("sms", json!({"phone_number": "+1303"}), (422, "10016")),
        ("sms", json!({"verify_profile_id": 1}), (422, "10026")),
        ("sms", json!({"verify_profile_id": "unknown"}), (404, "10005")),
        ("sms", json!({"timeout_secs": "60"}), (422, "10026")),
        ("sms", json!({"timeout_secs": 0}), (422, "10033")),
        ("sms", json!({"timeout_secs": null}), (422, "10026")),
        ("sms", json!({"custom_code": 43612}), (422, "10026")),
        ("sms", json!({"custom_code": "123"}), (422, "10025")),
        ("sms", json!({"custom_code": "12a45"}), (422, "10027")),
        ("sms", json!({"phone_number": "+442071838750"}), (400, "40309")),
        ("sms", json!({"phone_number": "+14165551234"}), (400, "40309")),
        ("call", json!({"extension": "1,2"}), (422, "10027")),
        ("call", json!({}), (400, "10015")),
    ] {
        let mut body = json!({"phone_number": PHONE, "verify_profile_id": only_sms});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let answer = sim.post(&format!("/v2/verifications/{channel}"), body).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.into()), "{changes}");
    }
    let answer = sim.post("/v2/verifications/sms", json!({})).await;
    assert_eq!(answer.refusal(), (422, "10004".into()));
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(sim.handle.messages().len(), 0);
}

#[tokio::test]
async fn a_check_needs_a_code_or_a_status() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let (id, _) = sim.sent(&profile).await;
    let path = format!("/v2/verifications/{id}/actions/verify");
    assert_eq!(sim.post(&path, json!({})).await.refusal(), (422, "10004".into()));
    assert_eq!(sim.post(&path, json!({"code": 12345})).await.refusal(), (422, "10026".into()));
    let by_phone = "/v2/verifications/by_phone_number/%2B13035551234/actions/verify";
    let answer = sim.post(by_phone, json!({"code": "12345"})).await;
    assert_eq!(answer.refusal(), (422, "10004".into()));
    assert_eq!(answer.json()["errors"][0]["source"]["pointer"], "/verify_profile_id");
}

#[tokio::test]
async fn templates_need_a_text_and_must_exist_to_be_changed() {
    let sim = Sim::start().await;
    for (body, code) in [(json!({}), "10004"), (json!({"text": 1}), "10026"), (json!({"text": ""}), "10025")] {
        assert_eq!(sim.post("/v2/verify_profiles/templates", body).await.refusal(), (422, code.into()));
    }
    let answer = sim.patch("/v2/verify_profiles/templates/unknown", json!({"text": "{{code}}"})).await;
    assert_eq!(answer.refusal(), (404, "10005".into()));
}

#[tokio::test]
async fn the_scheme_of_a_key_may_be_in_any_case_and_must_be_bearer() {
    let sim = Sim::start().await;
    for (value, status) in [("bearer KEY1", 200), ("Basic KEY1", 401), ("KEY1", 401)] {
        let request = http::Request::get(format!("http://{}/v2/verify_profiles", sim.addr));
        let request = request.header(header::AUTHORIZATION, value).body(axum::body::Body::empty()).unwrap();
        assert_eq!(sim.client.request(request).await.unwrap().status(), status, "{value}");
    }
}
