//! `health`.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use super::{folder, run};

#[test]
fn health_of_a_closed_port_exits_1_with_the_cause() {
    // A bound socket that does not listen reserves the port and refuses connections.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = deaf.local_addr().unwrap().to_string();
    let end = run(folder(&[]).path(), &["health", "--addr", &addr], &[], "");
    assert_eq!((end.code, end.out.as_str()), (1, ""));
    let said = format!("{addr}: can't connect: Connection refused (os error 111)\n");
    assert_eq!(end.err, said);
}

#[test]
fn health_of_a_silent_server_ends_at_its_timeout() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let end = run(folder(&[]).path(), &["health", "--addr", &addr, "--timeout", "50ms"], &[], "");
    assert_eq!((end.code, end.err.as_str()), (1, format!("{addr}: no answer within 50ms\n").as_str()));
}

#[tokio::test]
async fn health_exits_0_only_for_a_serving_gateway() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (reporter, service) = tonic_health::server::health_reporter();
    let status = [("up", tonic_health::ServingStatus::Serving), ("down", tonic_health::ServingStatus::NotServing)];
    for (service, status) in status {
        reporter.set_service_status(service, status).await;
    }
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));

    let ask = |service: &'static str| {
        let addr = addr.clone();
        async move {
            let arguments = ["health", "--addr", &addr, "--service", service, "--timeout", "30s"].map(str::to_owned);
            let run = move || run(Path::new("."), &arguments.each_ref().map(String::as_str), &[], "");
            tokio::task::spawn_blocking(run).await.unwrap()
        }
    };
    let up = ask("up").await;
    assert_eq!((up.code, up.out.as_str(), up.err.as_str()), (0, "SERVING\n", ""));
    let down = ask("down").await;
    assert_eq!((down.code, down.out.as_str()), (1, "NOT_SERVING\n"));
    let other = ask("other").await;
    assert_eq!((other.code, other.err.as_str()), (1, format!("{addr}: the gateway has no such service\n").as_str()));
    server.abort();
}
