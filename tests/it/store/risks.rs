//! What makes a server lose records: it is reported, and no send starts whose record may be lost.

use std::time::Duration;

use jiff::Timestamp;
use tonic::Code;
use verify_gateway::clock::Clock;

use super::outage::ready;
use crate::support::{
    PHONE, Refused, TestGateway,
    redis::{Redis, ask},
};

/// One risk: how it begins and ends.
struct Case {
    name: &'static str,
    begin: &'static [&'static str],
    end: &'static [&'static str],
    /// What the refusal says.
    says: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        name: "eviction",
        begin: &["CONFIG SET maxmemory-policy allkeys-lru", "CONFIG SET maxmemory 1gb"],
        end: &["CONFIG SET maxmemory-policy noeviction"],
        says: "set maxmemory-policy to noeviction",
    },
    Case {
        name: "eviction",
        begin: &["CONFIG SET maxmemory-policy volatile-ttl"],
        end: &["CONFIG SET maxmemory 0"],
        says: "set maxmemory-policy to noeviction",
    },
    Case {
        name: "full",
        begin: &["CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"],
        end: &["CONFIG SET maxmemory 0"],
        says: "give it more memory",
    },
    // It ends by itself, after the settle window.
    Case { name: "records_lost", begin: &["FLUSHALL"], end: &[], says: "it has lost records" },
];

#[tokio::test]
async fn no_send_starts_while_its_record_may_be_lost() {
    let Some(server) = Redis::start().await else { return };
    let mut itself = server.connect().await;
    let start = |refuses: bool| {
        TestGateway::builder()
            .config(|config| {
                config.store = server.store();
                config.store.redis.refuse_at_risk = refuses;
                config.sends.settle_window = Duration::from_secs(2);
            })
            .start()
    };
    let (gateway, other) = (start(true).await, start(false).await);
    let profile_id = gateway.clients().await.sms_profile().await;
    let (mut clients, mut at_other) = (gateway.clients().await, other.clients().await);
    for (case, number) in CASES.iter().zip(0..) {
        let (phone, name) = (format!("+1303555{:04}", 2000 + number), case.name);
        for both in [&gateway, &other] {
            ready(both, true, &[]).await;
        }
        for command in case.begin {
            let () = ask(&mut itself, command).await;
        }
        let condition = format!("store_{name}");
        ready(&gateway, true, &[&condition]).await;
        let refused = Refused::by(clients.try_send(&phone, &profile_id).await);
        // Another refusal may come first: a full server takes no record.
        let refused = refused.is(Code::Unavailable, "STORE_UNAVAILABLE");
        assert!(name == "full" || refused.message.contains(case.says), "{}", refused.message);
        assert_eq!(gateway.messages(&phone).await.len(), 0, "{name}");
        let metric = format!("verify_gateway_store_risk{{risk=\"{name}\"}}");
        assert!(gateway.admin("/metrics").await.1.contains(&format!("{metric} 1")), "{name}");
        if name == "eviction" {
            ready(&other, true, &[&condition]).await;
            // Its profile is in another simulator.
            let profile_id = at_other.sms_profile().await;
            at_other.send(&phone, &profile_id).await;
        }
        for command in case.end {
            let () = ask(&mut itself, command).await;
        }
        ready(&gateway, true, &[]).await;
        clients.send(&phone, &profile_id).await;
        assert!(gateway.admin("/metrics").await.1.contains(&format!("{metric} 0")), "{name}");
    }
    gateway.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_clock_that_differs_from_the_clock_of_the_server_is_reported_and_harms_nothing() {
    let Some(server) = Redis::start().await else { return };
    let ahead = Clock::starting_at(Timestamp::now() + Duration::from_mins(1));
    let gateway = TestGateway::builder().clock(ahead).config(|config| config.store = server.store()).start().await;
    ready(&gateway, true, &["store_clock_offset"]).await;
    let (_, metrics) = gateway.admin("/metrics").await;
    let offset = metrics.lines().find_map(|line| line.strip_prefix("verify_gateway_store_clock_offset_seconds "));
    let offset: f64 = offset.unwrap().parse().unwrap();
    assert!((-70.0..-50.0).contains(&offset), "{offset}");
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    clients.send(PHONE, &profile_id).await;
    gateway.stop().await;
}
