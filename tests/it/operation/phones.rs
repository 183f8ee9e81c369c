//! Why did this person get no code? What operators ask of a phone number.

use std::fs;

use serde_json::{Value, json};
use tonic::Code;
use verify_gateway::{config::Config, domain::Limits};

use crate::support::{
    Clients, Ended, KEY, PHONE, Process, Refused, Served, TOKEN, TestGateway, redis::Redis, tenants_file,
};

const PHONES: &str = "VERIFY_GATEWAY_ADMIN__PHONES";

/// Runs a command that ends by itself.
async fn command(arguments: &[&str]) -> Ended {
    Process::start(arguments).wait().await
}

/// What `find` prints, with these arguments.
async fn find(arguments: &[&str]) -> Value {
    let ended = command(&[&["find", PHONE], arguments].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

#[tokio::test]
async fn an_operator_finds_a_person_who_is_locked_out_and_frees_them() {
    let set_up = TestGateway::start().await;
    let profile_id = set_up.clients().await.sms_profile().await;
    let served = Served::usual(set_up.simulator, "admin: { phones: true }\n").await;
    let mut clients = Clients::of(served.addr, Some(TOKEN)).await;
    let admin = ["--admin", &served.admin, "--profile-id", &profile_id, "--tenant", "login"];
    for sent in 0..3 {
        let limits = &find(&admin).await["tenants"][0]["limits"];
        assert_eq!((&limits[0]["count"], &limits[0]["reached_until"]), (&json!(sent), &Value::Null));
        clients.send(PHONE, &profile_id).await;
    }
    Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::ResourceExhausted, "PHONE_SEND_LIMIT_REACHED");
    let found = find(&admin).await;
    let limit = &found["tenants"][0]["limits"][0];
    assert_eq!(
        (&limit["limit"], &limit["max"], &limit["refuses"]),
        (&json!("limits.sends_per_phone_number"), &json!(3), &json!(true))
    );
    assert!(limit["reached_until"].is_string(), "{found:#}");
    assert_eq!((&found["phone_number"], &found["country"]), (&json!("+1…34"), &json!("US")));

    let unlocked = command(&["unlock", PHONE, "--admin", &served.admin]).await;
    assert_eq!(unlocked.code, Some(0), "{}", unlocked.err);
    clients.send(PHONE, &profile_id).await;

    // A send whose answer is lost stays unresolved.
    set_up.fault(json!({"status": 500, "path": "/verifications/sms"})).await;
    Refused::by(clients.try_send(PHONE, &profile_id).await).is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    let unresolved = &find(&admin).await["tenants"][0]["unresolved"];
    assert_eq!((&unresolved[0]["channel"], &unresolved[0]["profile_id"]), (&json!("sms"), &json!(profile_id)));
    assert!(find(&["--admin", &served.admin]).await["tenants"][0]["unresolved"].as_array().unwrap().is_empty());

    let hash = found["phone_hash"].as_str().unwrap();
    let ended = served.end().await;
    for (event, times) in [("send", 6), ("phone_read", 6), ("phone_unlocked", 1)] {
        let is_event = |line: &&str| line.contains(&format!("\"event\":\"{event}\"")) && line.contains(hash);
        assert_eq!(ended.err.lines().filter(is_event).count(), times, "{event} in {}", ended.err);
    }
    assert!(!ended.err.contains(PHONE));
}

#[tokio::test]
async fn wrong_codes_are_forgotten_too() {
    let limited = TestGateway::builder().login(|tenant| tenant.limits = Limits::default());
    let gateway = limited.config(|config| config.admin.phones = true).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let verification = clients.send(PHONE, &profile_id).await;
    clients.check(&verification.id, "000000").await;
    let guesses = async || {
        let (status, body) = gateway.admin(&format!("/phones/{PHONE}?tenant=login")).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let limits = body["tenants"][0]["limits"].as_array().unwrap().clone();
        limits.into_iter().find(|limit| limit["limit"] == "limits.guesses_per_phone_number").unwrap()["count"].clone()
    };
    assert_eq!(guesses().await, json!(1));
    let post = async |path: String| {
        let request = reqwest::Client::new().post(format!("{}{path}", gateway.admin));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(format!("/phones/{PHONE}/unlock?tenant=billing")).await, 200);
    assert_eq!(guesses().await, json!(1));
    assert_eq!(post(format!("/phones/{PHONE}/unlock?tenant=login")).await, 200);
    assert_eq!(guesses().await, json!(0));
    assert_eq!(post(format!("/phones/{PHONE}/unlock?tenant=nobody")).await, 404);
    assert_eq!(gateway.admin("/phones/13035551234").await.0, 400);
    assert_eq!(gateway.admin(&format!("/phones/{PHONE}?tenants=login")).await.0, 400);
    gateway.stop().await;
}

#[tokio::test]
async fn phone_numbers_are_for_operators_alone() {
    let off = TestGateway::start().await;
    assert_eq!(off.admin(&format!("/phones/{PHONE}")).await.0, 404);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "a-token-of-operators\n").unwrap();
    let change = |config: &mut Config| {
        config.admin.phones = true;
        config.admin.token_file = Some(file.clone());
    };
    let gateway = TestGateway::builder().config(change).start().await;
    assert_eq!(gateway.admin(&format!("/phones/{PHONE}")).await.0, 401);
    let refused = command(&["find", PHONE, "--admin", &gateway.admin]).await;
    assert!(refused.code == Some(1) && refused.err.contains("admin.token_file"), "{}", refused.err);
    find(&["--admin", &gateway.admin, "--token-file", file.to_str().unwrap()]).await;
    off.stop().await;
    gateway.stop().await;
}

#[tokio::test]
async fn the_hash_of_a_number_can_be_made_without_a_gateway() {
    let Some(server) = Redis::start().await else { return };
    let set_up = TestGateway::start().await;
    let profile_id = set_up.clients().await.sms_profile().await;
    let store = format!(
        "store: {{ backend: redis, redis: {{ url: '{}', hash_key_file: '{}' }} }}\n",
        server.url(),
        server.path("hash_key").display()
    );
    let mut gateway = Served::usual(set_up.simulator, &store).await;
    Clients::of(gateway.addr, Some(TOKEN)).await.send(PHONE, &profile_id).await;
    let sent = gateway.process.logged(|line| line.contains("send: sent").then(|| line.to_owned())).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gateway.yaml");
    fs::write(&config, store).unwrap();
    fs::write(folder.path().join("tenants.yaml"), tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}")))
        .unwrap();
    let config = config.to_str().unwrap();
    let hash = command(&["phone-hash", PHONE, "--config", config]).await.out;
    assert!(hash.len() == 23 && sent.contains(hash.trim()), "{hash}: {sent}");
    let in_memory = Process::with_variables(
        &["phone-hash", PHONE, "--config", config],
        &[("VERIFY_GATEWAY_STORE__BACKEND", "memory"), (PHONES, "true")],
    );
    assert_eq!(in_memory.wait().await.code, Some(64));
    assert_eq!(command(&["phone-hash", "1303", "--config", config]).await.code, Some(64));
    gateway.end().await;
}

#[tokio::test]
async fn a_store_that_can_not_be_reached_is_named() {
    let set_up = TestGateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hash_key"), "a key that all replicas share in a test").unwrap();
    let file = folder.path().join("hash_key");
    let store = format!(
        "store: {{ backend: redis, redis: {{ url: 'redis://127.0.0.1:1', hash_key_file: '{}' }} }}\n\
         admin: {{ phones: true }}\n",
        file.display()
    );
    let mut served = Served::usual(set_up.simulator, &store).await;
    served.says("redis://127.0.0.1:1").await;
    let (status, body) = served.admin(&format!("/phones/{PHONE}")).await;
    assert!(status == 503 && body.contains("the store can't be reached"), "{body}");
    served.end().await;
}
