//! What a connection may take: the limits of HTTP/2, each with its reason.
//!
//! `h2` has guards of its own, which no setting here weakens. Whoever runs into one loses that connection, by a GOAWAY
//! that says `ENHANCE_YOUR_CALM`; the others go on.
//!
//! | flood | guard, and the version of `h2` that brought it |
//! |---|---|
//! | streams opened and reset at once (CVE-2023-44487) | [`MAX_PENDING_RESETS`]; 0.3.17 |
//! | faults for which the server resets (RUSTSEC-2024-0003, CVE-2025-8671) | [`MAX_LOCAL_RESETS`]; 0.4.2, refused streams count since 0.4.20 |
//! | headers without end (RUSTSEC-2024-0332) | five CONTINUATION frames, at these sizes; 0.4.4. Four times [`MAX_HEADER_LIST_SIZE`]; 0.4.15 |
//! | DATA of a few bytes | what frames lack to 256 bytes, summed over those not read yet: half of [`CONNECTION_WINDOW`]; 0.4.16 |
//! | DATA of no bytes | 100 in the life of a connection, those not counted that end a stream; 0.4.16 |
//! | PING, SETTINGS | none is read before the answer to the last is written, so they pile up nowhere |
//!
//! A connection that is silent, or that does not take what it is sent, fails the next PING of the keep-alive.

use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;

use super::calls::ConnectionCalls;
use crate::config;

/// Calls at once on one connection. Above the hundred that clients count on (RFC 9113 §6.5.2) and that Envoy advises for
/// a public edge, since a service may well make all of its calls on one connection; far below a flood.
const MAX_CONCURRENT_STREAMS: u32 = 256;

/// Bytes of metadata of one call, decoded: twice gRPC's usual limit of 8 KiB. Larger ones are answered with 431, from
/// four times as many on the connection ends.
pub(super) const MAX_HEADER_LIST_SIZE: u32 = 16 << 10;

/// Bytes of one call's messages that may come in unread. Envoy's advice for an edge, and the largest message of the
/// default configuration.
const STREAM_WINDOW: u32 = 64 << 10;

/// Bytes of all calls of a connection that may come in unread. Envoy's advice for an edge; sixteen calls' worth.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Bytes of one frame: the least that HTTP/2 allows to ask for, and no message of ours gains by more.
const MAX_FRAME_SIZE: u32 = 16 << 10;

/// Bytes of one call's answer that may wait for the peer to read. Our answers are one piece and smaller, mostly.
const MAX_SEND_BUFFER: usize = 64 << 10;

/// How many streams that were reset by their peer may wait to be taken up. They count for nothing else.
const MAX_PENDING_RESETS: usize = 20;

/// How many streams the server may have to reset for faults of the peer. A client that keeps to the protocol can cause
/// some too, by DATA that was under way when its call was refused, so this is no small number.
const MAX_LOCAL_RESETS: usize = 1024;

/// The protocol of one connection, whose calls run on `calls`.
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
