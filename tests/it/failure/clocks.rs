//! The clocks of Telnyx and the gateway differ.

use std::time::Duration;

use serde_json::json;

use crate::support::{OTHER_TOKEN, PHONE, TestGateway};

/// The value of a metric without labels.
async fn metric(gateway: &TestGateway, name: &str) -> String {
    let (_, text) = gateway.admin("/metrics").await;
    let line = text.lines().find(|line| line.starts_with(name)).expect(name);
    line.rsplit_once(' ').unwrap().1.to_owned()
}

const OFFSET: &str = "verify_gateway_upstream_clock_offset_seconds";
const SKEWED: &str = "verify_gateway_upstream_clocks_skewed";

#[tokio::test]
async fn the_offset_of_an_accounts_clock_is_measured_and_alarms_beyond_the_allowed_skew() {
    let gateway =
        TestGateway::builder().config(|config| config.sends.clock_skew = Duration::from_mins(1)).start().await;
    let mut other = gateway.clients_with(Some(OTHER_TOKEN)).await;
    let profile_id = other.sms_profile().await;
    other.send(PHONE, &profile_id).await;
    assert_eq!(metric(&gateway, SKEWED).await, "0");

    gateway.control("clock/advance?key=KEYlogin", json!({"seconds": 3600})).await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.send(PHONE, &profile_id).await;
    let offset: f64 = metric(&gateway, OFFSET).await.parse().unwrap();
    // An answer takes much less than the minute that is left here.
    assert!(offset > 3540.0 && offset <= 3601.0, "{offset}");
    assert_eq!(metric(&gateway, SKEWED).await, "1");
    gateway.stop().await;
}
