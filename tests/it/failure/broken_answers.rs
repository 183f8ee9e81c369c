//! An upstream that is down, silent, or answers with something else than the API's JSON.

use std::time::Duration;

use tonic::Code;
use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{
    Clients, Origin, PHONE, Refused, TOKEN, TestGateway,
    raw::{EMPTY, LIST_TEMPLATES, post},
};

async fn read(clients: &mut Clients) -> Refused {
    Refused::by(clients.templates.list_templates(ListTemplatesRequest::default()).await)
}

async fn send(clients: &mut Clients) -> Refused {
    Refused::by(clients.try_send(PHONE, "some-profile").await)
}

#[tokio::test]
async fn an_upstream_that_is_down_is_unavailable_for_reads_and_sends() {
    let gateway = TestGateway::builder().upstream(Origin::refusing().await).start().await;
    let mut clients = gateway.clients().await;
    // No request left the gateway, so the caller may repeat even a send.
    for refused in [read(&mut clients).await, send(&mut clients).await] {
        let refused = refused.is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
        assert!(refused.retry_after.is_some());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_unreadable_answer_fails_a_read_and_leaves_a_send_unknown() {
    const HTML: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>";
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"data\": ";
    const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    for answer in [HTML, HALF, EMPTY] {
        let origin = Origin::answering(answer).await;
        let gateway = TestGateway::builder().upstream(origin.addr).start().await;
        let mut clients = gateway.clients().await;
        read(&mut clients).await.is(Code::Internal, "UPSTREAM_ANSWER_UNREADABLE");
        send(&mut clients).await.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
        // The third request reconciles the send.
        assert_eq!(origin.requests(), 3);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_truncated_or_missing_answer_retries_a_read_and_never_a_send() {
    const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{\"data\": [";
    const NOTHING: &[u8] = b"";
    const NO_HTTP: &[u8] = b"220 smtp ready\r\n";
    for answer in [CUT, NOTHING, NO_HTTP] {
        let origin = Origin::answering(answer).await;
        let gateway = TestGateway::builder().upstream(origin.addr).start().await;
        let mut clients = gateway.clients().await;
        read(&mut clients).await.is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
        assert_eq!(origin.requests(), 3);
        send(&mut clients).await.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
        // One send, and the three attempts of the read that reconciles it.
        assert_eq!(origin.requests(), 3 + 1 + 3);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_not_read() {
    const LARGE: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n8\r\n[       \r\n1\r\n]\r\n";
    const ONE_CHUNK: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{\"data\": []}    \r\n0\r\n\r\n";
    // The rest would never come.
    const ANNOUNCED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{";
    for large in [LARGE, ONE_CHUNK, ANNOUNCED] {
        let origin = Origin::answering(large).await;
        let gateway = TestGateway::builder()
            .upstream(origin.addr)
            .config(|config| config.upstream.max_response_size = 15)
            .start()
            .await;
        let mut clients = gateway.clients().await;
        read(&mut clients).await.is(Code::Internal, "UPSTREAM_ANSWER_UNREADABLE");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_silent_upstream_fails_the_call_at_its_deadline() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "80m")];
    let late = post(&gateway, LIST_TEMPLATES, &headers, EMPTY).await;
    late.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    gateway.stop().await;

    // The bound of the gateway ends a call that allows more time. Nothing else would.
    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.grpc.max_deadline = Duration::from_millis(80);
            config.upstream.attempt_timeout = Duration::from_hours(1);
        })
        .start()
        .await;
    let patient = post(&gateway, LIST_TEMPLATES, &[headers[0], ("grpc-timeout", "1H")], EMPTY).await;
    patient.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    gateway.stop().await;

    let gateway = TestGateway::builder()
        .upstream(origin.addr)
        .config(|config| {
            config.grpc.default_deadline = Duration::from_millis(80);
        })
        .start()
        .await;
    let mut clients = gateway.clients().await;
    read(&mut clients).await.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    send(&mut clients).await.is(Code::Unknown, "SEND_OUTCOME_UNKNOWN");
    gateway.stop().await;
}
