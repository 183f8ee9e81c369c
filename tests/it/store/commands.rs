//! How many commands a send and a check cost the server of the store.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use verify_gateway::{
    domain::{CountryLimits, DAY, Limit, LimitWindow, Limits},
    pb::CheckOutcome,
};

use crate::support::{
    TestGateway,
    redis::Redis,
    relay::{Fate, Relay},
};

/// Every limit is on. A record that this gateway wrote last takes one command.
#[tokio::test]
async fn a_send_takes_seven_commands_and_a_check_six() {
    let Some(server) = Redis::start().await else { return };
    let commands = Arc::new(AtomicUsize::new(0));
    let counted = commands.clone();
    let relay = Relay::start(&server.path("redis.sock"), "relay.sock", move |written: &[u8]| {
        let count = |word: &[u8]| written.windows(word.len()).filter(|found| *found == word).count();
        // Once a second the gateway reads the digest of its hash key.
        let reads = count(b"\r\nGET\r\n").saturating_sub(count(b":hash_key\r\n"));
        counted.fetch_add(count(b"\r\nEVALSHA\r\n") + reads, Ordering::Relaxed);
        Fate::Good
    });
    let mut config = server.store();
    config.redis.urls = vec![relay.url()];
    let gateway = TestGateway::builder()
        .config(|all| all.store = config)
        .login(|login| {
            let window = LimitWindow { max: 100, per: DAY };
            let countries = CountryLimits { default: Some(window), listed: BTreeMap::new() };
            login.limits = Limits {
                sends_per_country: Some(Limit::enforced(countries)),
                sends_per_day: Some(Limit::enforced(window)),
                ..Limits::default()
            };
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    // Two records that share a stripe cost more now and then, so the cheapest call counts.
    let mut least = (usize::MAX, usize::MAX);
    let taken = || commands.swap(0, Ordering::Relaxed);
    for number in 0..5 {
        let phone = format!("+1303555123{number}");
        taken();
        let id = clients.try_send(&phone, &profile_id).await.unwrap().id;
        let by_send = taken();
        let code = gateway.code(&phone).await;
        assert_eq!(clients.check(&id, &code).await, CheckOutcome::Accepted);
        least = (least.0.min(by_send), least.1.min(taken()));
    }
    assert_eq!(least, (7, 6), "by a send, and by a check");
    gateway.stop().await;
}
