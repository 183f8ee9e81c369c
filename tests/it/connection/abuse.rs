//! Connections that flood the gateway or exceed a limit. Other connections are not affected.

use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{
    Origin, TOKEN, TestGateway,
    peer::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame, GOAWAY, HEADERS, LIST, Peer,
        REFUSED_STREAM, RST_STREAM, list, literal,
    },
};

const TEMPLATES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 41\r\n\r\n\
    {\"data\":[{\"id\":\"t1\",\"text\":\"{{code}}\"}]}   ";

#[tokio::test]
async fn a_flood_of_resets_closes_its_connection_and_no_other() {
    let origin = Origin::holding(TEMPLATES).await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let mut clients = gateway.clients().await;
    let healthy = tokio::spawn(async move { clients.templates.list_templates(ListTemplatesRequest::default()).await });
    origin.until(|seen| seen.requests == 1).await;

    let opened_and_reset = |n: u32| [Frame::request(2 * n + 1, LIST, &[]), Frame::reset(2 * n + 1)];
    let mut flood = Peer::begin(gateway.addr, (0..1000).flat_map(opened_and_reset)).await;
    assert_eq!(flood.until(GOAWAY).await.code(), ENHANCE_YOUR_CALM);
    flood.closed().await;

    origin.release();
    healthy.await.unwrap().unwrap();
    gateway.stop().await;
}

#[tokio::test]
async fn too_large_metadata_is_refused_and_far_too_large_metadata_closes_the_connection() {
    let gateway = TestGateway::start().await;
    let request = |length| {
        let mut first = Frame::request(1, LIST, &[]);
        let mut rest = Vec::new();
        literal(&mut rest, "a", &"a".repeat(length));
        first.flags = 0;
        let mut frames = vec![first];
        frames.extend(rest.chunks(16 << 10).map(|piece| Frame::new(CONTINUATION, 0, 1, piece)));
        frames.last_mut().unwrap().flags = END_HEADERS;
        frames
    };
    let mut peer = Peer::begin(gateway.addr, request(17 << 10)).await;
    assert_eq!(peer.until(HEADERS).await.flags & END_STREAM, END_STREAM);
    peer.send(list(3)).await;
    assert_eq!(peer.until(DATA).await.stream, 3);
    drop(peer);

    let mut peer = Peer::begin(gateway.addr, request(300 << 10)).await;
    assert_eq!(peer.until(GOAWAY).await.code(), ENHANCE_YOUR_CALM);
    peer.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn endless_headers_close_the_connection() {
    let gateway = TestGateway::start().await;
    let mut first = Frame::request(1, LIST, &[]);
    first.flags = 0;
    let endless = (0..1000).map(|_| Frame::new(CONTINUATION, 0, 1, []));
    let mut peer = Peer::begin(gateway.addr, std::iter::once(first).chain(endless)).await;
    assert_eq!(peer.until(GOAWAY).await.code(), ENHANCE_YOUR_CALM);
    peer.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn calls_over_the_limit_of_a_connection_are_refused_and_the_others_go_on() {
    let origin = Origin::holding(TEMPLATES).await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let mut peer = Peer::begin(gateway.addr, (0..257).flat_map(|n| list(2 * n + 1))).await;
    let refused = peer.until(RST_STREAM).await;
    assert_eq!((refused.code(), refused.stream), (REFUSED_STREAM, 2 * 256 + 1));
    origin.until(|seen| seen.requests == 256).await;
    origin.release();
    peer.until(DATA).await;
    drop(peer);
    gateway.stop().await;
}

#[tokio::test]
async fn a_flood_of_refused_calls_closes_the_connection() {
    let origin = Origin::silent().await;
    let gateway = TestGateway::builder().upstream(origin.addr).start().await;
    let mut peer = Peer::begin(gateway.addr, (0..256).flat_map(|n| list(2 * n + 1))).await;
    origin.until(|seen| seen.requests == 256).await;
    peer.send((256..2000).map(|n| Frame::request(2 * n + 1, LIST, &[]))).await;
    assert_eq!(peer.until(GOAWAY).await.code(), ENHANCE_YOUR_CALM);
    peer.closed().await;
    // The calls end with the connection.
    origin.until(|seen| seen.given_up == 256).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_flood_of_empty_data_closes_the_connection() {
    let gateway = TestGateway::start().await;
    let [open, _] = list(1);
    let empty = (0..1000).map(|_| Frame::new(DATA, 0, 1, []));
    let mut peer = Peer::begin(gateway.addr, std::iter::once(open).chain(empty)).await;
    assert_eq!(peer.until(GOAWAY).await.code(), ENHANCE_YOUR_CALM);
    peer.closed().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_slow_message_ends_at_its_deadline_and_not_before() {
    let gateway = TestGateway::start().await;
    let bearer = format!("Bearer {TOKEN}");
    let open = Frame::request(1, LIST, &[("authorization", &bearer), ("grpc-timeout", "50m")]);
    let mut peer = Peer::begin(gateway.addr, [open, Frame::new(DATA, 0, 1, [0; 1])]).await;
    assert_eq!(peer.until(HEADERS).await.flags & END_STREAM, END_STREAM);
    peer.send(list(3)).await;
    assert_eq!(peer.until(DATA).await.stream, 3);
    drop(peer);
    gateway.stop().await;
}
