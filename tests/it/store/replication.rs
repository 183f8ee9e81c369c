//! Records that replicas must have before an operation goes on.

use tonic::Code;
use verify_gateway::{pb::CreateVerificationRequest, store::Error};

use super::{
    contract::{add, open},
    deployments::{cluster, is_followed, log_in, user},
};
use crate::support::{
    PHONE, Refused, TestGateway,
    redis::{Redis, ask, at, free_port, program},
    sms_with_request_id,
};

const OTHER: &str = "+13035552001";
const NEXT: &str = "+13035552002";

#[tokio::test]
async fn an_operation_goes_on_only_when_enough_replicas_have_its_record() {
    let Some(program) = program() else { return };
    let server = async |port: &str| {
        let arguments =
            [&["--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"], &*user("")].concat();
        Redis::within(program.clone(), tempfile::tempdir().unwrap(), &arguments).await
    };
    let [port, replicas_port] = [free_port().to_string(), free_port().to_string()];
    let (master, replica) = (server(&port).await, server(&replicas_port).await);
    let follow = format!("REPLICAOF 127.0.0.1 {port}");
    let mut replica = replica.connect().await;
    let () = ask(&mut replica, &follow).await;
    is_followed(&master, 1).await;
    let mut store = at(&[], &master.path("hash_key"));
    store.redis.url = Some(format!("redis://127.0.0.1:{port}"));
    store.redis.wait_replicas = 1;
    log_in(&mut store, &master);
    let gateway = TestGateway::builder().config(|config| config.store = store).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;

    let request = sms_with_request_id(&profile_id);
    clients.verifications.create_verification(request.clone()).await.unwrap();
    assert_eq!(gateway.messages(PHONE).await.len(), 1);

    // The replica goes: no other operation starts, and what was done before is not done again.
    let () = ask(&mut replica, "REPLICAOF NO ONE").await;
    let other = CreateVerificationRequest { phone_number: OTHER.into(), ..sms_with_request_id(&profile_id) };
    let next = CreateVerificationRequest { phone_number: NEXT.into(), request_id: String::new(), ..other.clone() };
    for request in [&other, &next] {
        let refused = Refused::by(clients.verifications.create_verification(request.clone()).await);
        refused.is(Code::Unavailable, "STORE_UNAVAILABLE");
        assert_eq!(gateway.messages(&request.phone_number).await.len(), 0);
    }

    let () = ask(&mut replica, &follow).await;
    let mut master = master.connect().await;
    let () = ask(&mut master, "SET any 1").await;
    while ask::<usize>(&mut master, "WAIT 1 100").await < 1 {}
    // The refused sends have left no lease behind.
    for request in [other, next] {
        clients.verifications.create_verification(request).await.unwrap();
    }
    clients.verifications.create_verification(request).await.unwrap();
    for (number, messages) in [(PHONE, 1), (OTHER, 1), (NEXT, 1)] {
        assert_eq!(gateway.messages(number).await.len(), messages, "{number}");
    }
}

#[tokio::test]
async fn in_a_cluster_only_the_master_of_a_record_needs_its_replicas() {
    let Some((mut nodes, mut config)) = cluster(true).await else { return };
    config.redis.wait_replicas = 1;
    let store = open(&config);
    let keys = (0..16).map(|number| number.to_string());
    for key in keys.clone() {
        assert_eq!(add(&store, &key).await.unwrap(), 1);
    }
    // The only replica of the first master.
    nodes[3].kill().await;
    let mut written = Vec::new();
    for key in keys {
        match add(&store, &key).await {
            Ok(sum) => written.push(sum),
            Err(error) => assert!(matches!(error, Error::Unknown(_)), "{error:?}"),
        }
    }
    assert!((1..16).contains(&written.len()), "{written:?}");
}
