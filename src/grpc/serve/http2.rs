//! The limits of HTTP/2, each with its reason.
//!
//! `h2` has guards of its own, which no setting here weakens. A peer that exceeds one loses its connection by a GOAWAY with
//! `ENHANCE_YOUR_CALM`. Other connections are not affected.
//!
//! | flood | guard, and the version of `h2` that brought it |
//! |---|---|
//! | streams opened and reset at once (CVE-2023-44487) | [`MAX_PENDING_RESETS`]; 0.3.17 |
//! | errors for which the server resets streams (RUSTSEC-2024-0003, CVE-2025-8671) | [`MAX_LOCAL_RESETS`]; 0.4.2, refused streams count since 0.4.20 |
//! | endless headers (RUSTSEC-2024-0332) | five CONTINUATION frames, at these sizes; 0.4.4. Four times [`MAX_HEADER_LIST_SIZE`]; 0.4.15 |
//! | DATA of a few bytes | the bytes that unread frames lack to 256, summed: half of [`CONNECTION_WINDOW`]; 0.4.16 |
//! | DATA without bytes | 100 for each connection, without those that end a stream; 0.4.16 |
//! | PING, SETTINGS | the next one is read only after the answer to the last is written |
//!
//! A peer that is silent, or that does not read what it is sent, fails the next PING of the keep-alive.

use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;

use super::calls::ConnectionCalls;
use crate::{config, grpc::edge::MAX_METADATA};

/// Concurrent calls on one connection. A service may make all of its calls on one connection, so this is more than the
/// hundred that clients expect (RFC 9113 §6.5.2) and that Envoy recommends for an edge. It is far below a flood.
const MAX_CONCURRENT_STREAMS: u32 = 256;

/// Decoded bytes of the headers of one call. The edge refuses far fewer with a reason. More get a 431 without one. Four
/// times as much ends the connection.
pub(super) const MAX_HEADER_LIST_SIZE: u32 = 4 * MAX_METADATA;

/// Unread bytes of the messages of one call. Envoy recommends it for an edge, and it is the default of
/// `grpc.max_message_size`.
const STREAM_WINDOW: u32 = 64 << 10;

/// Unread bytes of all calls of a connection: as many as of sixteen calls. Envoy recommends it for an edge.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Bytes of one frame: the smallest limit that HTTP/2 allows. The messages of the contract gain nothing from more.
const MAX_FRAME_SIZE: u32 = 16 << 10;

/// Bytes of the response of one call that may wait for the peer. Most responses are one smaller piece.
const MAX_SEND_BUFFER: usize = 64 << 10;

/// Streams that the peer has reset and that still wait to be accepted. No other limit counts them.
const MAX_PENDING_RESETS: usize = 20;

/// Streams that the server resets for errors of the peer. It is not small: a correct client causes some too, by DATA that
/// was under way when its call was refused.
const MAX_LOCAL_RESETS: usize = 1024;

/// The protocol of one connection. Its calls run on `calls`.
pub(super) fn protocol(config: &config::GrpcConfig, calls: ConnectionCalls) -> Builder<ConnectionCalls> {
    let mut http2 = Builder::new(calls);
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST_SIZE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME_SIZE)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS);
    http2
}
