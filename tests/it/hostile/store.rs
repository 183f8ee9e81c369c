//! Calls of one tenant that fill a store that all share.

use futures_util::future::join_all;
use tonic::{Code, Status};

use verify_gateway::domain::Limits;

use super::Victim;
use crate::support::{
    Clients, OTHER_TOKEN, PHONE, Refused, TestGateway, check_by_id,
    redis::{Redis, ask},
    sms,
};

/// How many calls are made at the same time.
const TOGETHER: usize = 50;

/// A call that fails at Telnyx, and what distinguishes it from others.
async fn attack(clients: &Clients, is_check: bool, number: usize) -> Option<Status> {
    if is_check {
        let check = check_by_id(&format!("00000000-0000-4000-8000-{number:012}"), "123456");
        return clients.verifications.clone().check_verification(check).await.err();
    }
    let mut send = sms("00000000-0000-4000-8000-000000000000");
    send.phone_number = format!("+1303{:03}{:04}", 200 + number / 10_000, number % 10_000);
    clients.verifications.clone().create_verification(send).await.err()
}

#[tokio::test]
async fn calls_that_fail_fill_the_share_of_their_tenant_and_no_more() {
    let Some(server) = Redis::with(&["--maxmemory", "12mb"]).await else { return };
    let mut itself = server.connect().await;
    for is_check in [true, false] {
        let () = ask(&mut itself, "FLUSHALL").await;
        let gateway = TestGateway::builder()
            .config(|config| {
                config.store = server.store();
                config.store.redis.refuse_at_risk = false;
                config.store.tenant_share = 0.2;
                config.store.replicas = 2;
            })
            .login(|login| login.limits = Limits::default())
            .start()
            .await;
        let mut victim = Victim::of(&gateway).await;
        let clients = gateway.clients().await;
        let mut made = 0;
        let refused = loop {
            let calls = (made..made + TOGETHER).map(|number| attack(&clients, is_check, number));
            let refused =
                join_all(calls).await.into_iter().flatten().find(|status| status.code() == Code::ResourceExhausted);
            made += TOGETHER;
            if let Some(refused) = refused {
                break Refused::by(Err::<(), _>(refused));
            }
            assert!(made < 50_000, "the share is never full");
        };
        assert_eq!(
            refused.is(Code::ResourceExhausted, "REQUEST_LIMIT_REACHED").rule.as_deref(),
            Some("store.tenant_share")
        );
        let (_, metrics) = gateway.admin("/metrics").await;
        assert!(
            metrics.contains("verify_gateway_store_update_duration_seconds_count{outcome=\"share_full\"}"),
            "{metrics}"
        );
        // What the gateway has counted is what the server holds, or more.
        let counted =
            metrics.lines().find_map(|line| line.strip_prefix("verify_gateway_store_size_bytes{tenant=\"login\"} "));
        let counted: usize = counted.unwrap().parse().unwrap();
        let keys: Vec<String> = ask(&mut itself, "KEYS *").await;
        let mut held = 0;
        for key in &keys {
            held += ask::<usize>(&mut itself, &format!("MEMORY USAGE {key}")).await;
        }
        assert!((1 << 20..held * 2).contains(&counted), "{counted} of {} records with {held} bytes", keys.len());
        // The others are served: what they send is recorded.
        victim.is_served().await;
        let mut other = gateway.clients_with(Some(OTHER_TOKEN)).await;
        let profile_id = other.sms_profile().await;
        other.send(PHONE, &profile_id).await;
        drop((clients, victim, other));
        gateway.stop().await;
    }
}
