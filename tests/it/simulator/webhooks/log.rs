//! `GET /v2/webhook_deliveries`.

use serde_json::{Value, json};

use super::{Receiver, deliveries, frozen};
use crate::simulator::Sim;

/// One delivery that failed and one that did not, of `KEY1`.
async fn two() -> (Sim, Receiver, Vec<Value>) {
    let receiver = Receiver::start(&[500, 200]).await;
    let settings = [("delivered_after_secs", "0"), ("webhook_attempts", "1")];
    let (sim, profile) = frozen(&settings, &[&receiver.url]).await;
    sim.send(&profile, json!({})).await.ok();
    deliveries(&sim, "status=delivered").await;
    let log = sim.get("/v2/webhook_deliveries").await.ok();
    assert_eq!(log["meta"], json!({"page_number": 1, "page_size": 25, "total_pages": 1, "total_results": 2}));
    (sim, receiver, log["data"].as_array().unwrap().clone())
}

#[tokio::test]
async fn a_delivery_has_the_fields_of_telnyxs_log() {
    let (sim, receiver, log) = two().await;
    let [delivered, failed] = &log[..] else { panic!("{log:?}") };
    let at = "2026-01-01T00:00:00.000+00:00";
    for (delivery, status, event_type) in
        [(delivered, "delivered", "verify.delivered"), (failed, "failed", "verify.sent")]
    {
        assert_eq!(delivery["status"], status);
        assert_eq!(delivery["webhook"]["event_type"], event_type);
        assert_eq!([&delivery["started_at"], &delivery["finished_at"]], [at, at]);
        assert_eq!(delivery["record_type"], "webhook_delivery");
        assert!(delivery["user_id"].is_string());
        let attempt = &delivery["attempts"][0];
        assert_eq!([&attempt["status"], &attempt["http"]["request"]["url"]], [status, receiver.url.as_str()]);
        assert_eq!(attempt["errors"], json!([]));
        assert_eq!(attempt["http"]["response"]["status"], if status == "failed" { 500 } else { 200 });
        let path = format!("/v2/webhook_deliveries/{}", delivery["id"].as_str().unwrap());
        assert_eq!(sim.get(&path).await.ok()["data"], *delivery);
    }
    assert_eq!(sim.get("/v2/webhook_deliveries/unknown").await.refusal(), (404, "10005".into()));
    let other = sim.try_call(Some("KEY2"), http::Method::GET, "/v2/webhook_deliveries", String::new()).await;
    assert_eq!(other.unwrap().ok()["data"], json!([]));
}

#[tokio::test]
async fn deliveries_are_filtered_as_telnyx_does() {
    let (sim, _receiver, log) = two().await;
    let id = log[1]["webhook"]["id"].as_str().unwrap();
    let table = [
        ("filter[status][eq]=failed", 1),
        ("filter[event_type]=verify.sent", 1),
        ("filter[event_type]=verify.sent,verify.delivered", 2),
        (&format!("filter[webhook][contains]={id}"), 1),
        ("filter[attempts][contains]=/nowhere", 0),
        ("filter[started_at][gte]=2026-01-01T00:00:00Z", 2),
        ("filter[started_at][gte]=2026-01-01T00:00:01Z", 0),
        ("filter[finished_at][lte]=2026-01-01T00:00:00Z", 2),
        ("filter[finished_at][lte]=2025-12-31T00:00:00Z", 0),
        ("page[size]=1", 1),
    ];
    for (query, expected) in table {
        let query = query.replace('[', "%5B").replace(']', "%5D");
        let found = sim.get(&format!("/v2/webhook_deliveries?{query}")).await.ok();
        assert_eq!(found["data"].as_array().unwrap().len(), expected, "{query}");
    }
    for query in ["filter%5Bstatus%5D%5Beq%5D=pending", "filter%5Bstarted_at%5D%5Bgte%5D=soon"] {
        assert_eq!(sim.get(&format!("/v2/webhook_deliveries?{query}")).await.status, 400, "{query}");
    }
    sim.patch("/_simulator/settings", json!({"unknown_parameters": "refuse"})).await.ok();
    assert_eq!(sim.get("/v2/webhook_deliveries?filter%5Bstatus%5D%5Beq%5D=failed").await.status, 200);
    assert_eq!(sim.get("/v2/webhook_deliveries?filter%5Bstate%5D=failed").await.status, 400);
}
