//! The magic numbers.

use serde_json::json;
use verify_gateway::simulator::MAGIC_NUMBERS;

use super::Sim;

/// The status of three sends to each number (`-` for no complete answer), and the number of messages.
const EXPECTED: &[(&str, [&str; 3], usize)] = &[
    ("+13035550100", ["429 10011", "429 10011", "429 10011"], 0),
    ("+13035550101", ["429 10011", "200", "200"], 2),
    ("+13035550102", ["500 10007", "500 10007", "500 10007"], 0),
    ("+13035550103", ["500 10007", "200", "200"], 2),
    ("+13035550104", ["500 10007", "500 10007", "500 10007"], 3),
    ("+13035550105", ["503 10037", "503 10037", "503 10037"], 0),
    ("+13035550106", ["503 10037", "200", "200"], 2),
    ("+13035550107", ["504 10008", "504 10008", "504 10008"], 3),
    ("+13035550108", ["-", "-", "-"], 0),
    ("+13035550109", ["-", "-", "-"], 3),
    ("+13035550110", ["slow", "slow", "slow"], 3),
    ("+13035550111", ["slow", "slow", "slow"], 3),
    ("+13035550112", ["200 <htm", "200 <htm", "200 <htm"], 3),
    ("+13035550113", ["200 {\"da", "200 {\"da", "200 {\"da"], 3),
    ("+13035550114", ["200 ", "200 ", "200 "], 3),
    ("+13035550115", ["-", "-", "-"], 3),
    ("+13035550116", ["402 20100", "402 20100", "402 20100"], 0),
    ("+13035550117", ["400 40309", "400 40309", "400 40309"], 0),
    ("+13035550118", ["400 40020", "400 40020", "400 40020"], 0),
    ("+13035550119", ["400 40001", "400 40001", "400 40001"], 0),
    ("+13035550120", ["403 10039", "403 10039", "403 10039"], 0),
    ("+13035550121", ["429 40333", "429 40333", "429 40333"], 0),
    ("+13035550122", ["200", "200", "200"], 0),
    ("+13035550123", ["401 10009", "401 10009", "401 10009"], 0),
    ("+13035550124", ["409 10036", "200", "200"], 2),
    ("+13035550125", ["200", "200", "200"], 3),
    ("+13035550126", ["200", "200", "200"], 3),
    ("+13035550127", ["200", "200", "200"], 0),
    ("+13035550128", ["200", "200", "200"], 3),
    ("+13035550129", ["200", "200", "200"], 3),
];

#[tokio::test]
async fn every_magic_number_does_what_its_description_says() {
    let sim = Sim::start().await;
    let profile = sim.profile();
    let listed: Vec<_> = MAGIC_NUMBERS.iter().map(|number| number.number).collect();
    assert_eq!(listed, EXPECTED.iter().map(|(number, ..)| *number).collect::<Vec<_>>());
    for (number, answers, arrived) in EXPECTED {
        for (send, expected) in answers.iter().enumerate() {
            let body = json!({"phone_number": number, "verify_profile_id": profile}).to_string();
            let call = sim.try_call(Some("KEY1"), http::Method::POST, "/v2/verifications/sms", body);
            let found = tokio::select! {
                answer = call => answer.map_or_else(|_| "-".into(), |answer| brief(&answer)),
                // The message of a slow answer is sent long before the answer.
                () = wait_for(&sim, number, send + 1), if *expected == "slow" => "slow".to_owned(),
            };
            assert_eq!(found, *expected, "send {} to {number}", send + 1);
        }
        assert_eq!(sim.handle.messages_to(number).len(), *arrived, "{number}");
    }
}

fn brief(answer: &super::Answer) -> String {
    let status = answer.status.as_u16();
    match serde_json::from_str::<serde_json::Value>(&answer.text) {
        Ok(json) if json["data"]["id"].is_string() => status.to_string(),
        Ok(json) => format!("{status} {}", json["errors"][0]["code"].as_str().unwrap()),
        Err(_) => format!("{status} {}", answer.text.chars().take(4).collect::<String>()),
    }
}

async fn wait_for(sim: &Sim, number: &str, messages: usize) {
    while sim.handle.messages_to(number).len() < messages {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_message_that_never_arrives_ends_as_an_error() {
    let sim = Sim::start().await;
    let sent = sim.send(&sim.profile(), json!({"phone_number": "+13035550122"})).await.ok();
    assert_eq!(sent["data"]["status"], "pending");
    let id = sent["data"]["id"].as_str().unwrap();
    assert_eq!(sim.status(id).await, "error");
    assert_eq!(sim.check(id, "12345").await.refusal(), (404, "10005".into()));
}

#[tokio::test]
async fn a_rate_limited_magic_number_has_a_retry_after() {
    let sim = Sim::start().await;
    let answer = sim.send(&sim.profile(), json!({"phone_number": "+13035550100"})).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
}

#[tokio::test]
async fn a_fault_that_happens_once_happens_once_for_each_account_until_a_reset() {
    let sim = Sim::start().await;
    let body = |profile: &str| json!({"phone_number": "+13035550101", "verify_profile_id": profile}).to_string();
    let send = async |key: &'static str| {
        let body = body(&sim.handle.seed_profile(key, "x"));
        sim.try_call(Some(key), http::Method::POST, "/v2/verifications/sms", body).await.unwrap().status.as_u16()
    };
    assert_eq!([send("KEY1").await, send("KEY1").await, send("KEY2").await], [429, 200, 429]);
    sim.handle.reset();
    assert_eq!(send("KEY1").await, 429);
}

#[tokio::test]
async fn a_number_in_an_unlisted_range_has_the_main_country_of_its_calling_code() {
    let sim = Sim::start().await;
    let sms = json!({"name": "x", "sms": {"app_name": "x", "whitelisted_destinations": ["US", "GB"]}});
    let profile = sim.post("/v2/verify_profiles", sms).await.ok()["data"]["id"].as_str().unwrap().to_owned();
    for (number, status) in [("+15555550123", 200), ("+447700900123", 200), ("+491999999999", 400)] {
        assert_eq!(sim.send(&profile, json!({"phone_number": number})).await.status, status, "{number}");
    }
}
