//! Settings of the gRPC surface.

mod tls;
mod web;

use std::{net::SocketAddr, time::Duration};

use super::section::Section;

pub use self::{
    tls::{ClientCertificate, Tls, TlsVersion},
    web::Web,
};

/// Settings of the gRPC surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Grpc {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The largest request message, in bytes.
    pub max_message_size: usize,
    /// Whether the reflection services are offered.
    pub reflection: bool,
    /// The deadline of calls that come without one.
    pub default_deadline: Duration,
    /// The longest deadline; a longer one is cut to it.
    pub max_deadline: Duration,
    /// How many calls may run at once; further ones are shed.
    pub max_concurrent_calls: usize,
    /// How many connections there may be at once; further ones are closed.
    pub max_connections: usize,
    /// How long a connection has for its TLS handshake, and to say what it speaks.
    pub handshake_timeout: Duration,
    /// How often a silent connection is asked for a sign of life.
    pub keepalive_interval: Duration,
    /// How long that sign may take.
    pub keepalive_timeout: Duration,
    /// When a connection without a call is asked to close.
    pub max_connection_idle: Duration,
    /// When a connection is asked to close.
    pub max_connection_age: Duration,
    /// How long it then has to finish its calls.
    pub max_connection_age_grace: Duration,
    /// Whether it may be spoken to without TLS.
    pub plaintext: bool,
    /// The certificate and whose certificates are taken.
    pub tls: Tls,
    /// Calls from pages in browsers.
    pub web: Web,
}

impl Grpc {
    #[expect(clippy::too_many_lines, reason = "it is a list")]
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        let grpc = Self {
            listen: section.address(
                "listen",
                "127.0.0.1:50051",
                "The address to listen on. Port 0 takes a free one; 0.0.0.0 or [::] listens on all interfaces.",
            ),
            max_message_size: section.size(
                "max_message_size",
                "64KiB",
                1 << 10..=4 << 20,
                "The largest request message. A larger one is refused.",
            ),
            reflection: section.switch(
                "reflection",
                "true",
                "Whether the reflection services are offered, by which tools such as grpcurl find the methods.",
            ),
            default_deadline: section.duration(
                "default_deadline",
                "10s",
                Duration::from_millis(100)..=hour,
                "The deadline of calls that come without one.",
            ),
            max_deadline: section.duration(
                "max_deadline",
                "60s",
                Duration::from_millis(100)..=hour,
                "The longest deadline. A call that asks for more gets this.",
            ),
            max_concurrent_calls: section.count(
                "max_concurrent_calls",
                "1024",
                1..=1_000_000,
                "How many calls may run at once. Further ones are shed: they fail at once and may be retried.",
            ),
            max_connections: section.count(
                "max_connections",
                "4096",
                1..=1_000_000,
                "How many connections there may be at once. Further ones are closed. Each takes a file descriptor.",
            ),
            handshake_timeout: section.duration(
                "handshake_timeout",
                "10s",
                Duration::from_millis(10)..=hour,
                "How long a new connection has for its TLS handshake and to say what it speaks.",
            ),
            keepalive_interval: section.duration(
                "keepalive_interval",
                "30s",
                second..=hour,
                "How often a silent connection is asked for a sign of life.",
            ),
            keepalive_timeout: section.duration(
                "keepalive_timeout",
                "20s",
                second..=hour,
                "How long that sign may take before the connection is closed.",
            ),
            max_connection_idle: section.duration(
                "max_connection_idle",
                "15m",
                second..=hour * 24,
                "When a connection without a call is asked to close.",
            ),
            max_connection_age: section.duration(
                "max_connection_age",
                "30m",
                second..=hour * 24,
                "When a connection is asked to close, give or take a tenth, so that clients spread over replicas again.",
            ),
            max_connection_age_grace: section.duration(
                "max_connection_age_grace",
                "90s",
                second..=hour * 24,
                "How long a connection that was asked to close has to finish its calls.",
            ),
            plaintext: section.switch(
                "plaintext",
                "false",
                "Whether it is spoken to without TLS: tokens and codes travel in the clear. Needs tls.certificate_file to be empty.",
            ),
            tls: section.section("tls", "TLS: who the gateway is, and whose clients it takes.", Tls::read),
            web: section.section("web", "gRPC-Web: calls from pages in browsers.", Web::read),
        };
        section.rule(
            !grpc.plaintext || grpc.tls.certificate_file.is_none(),
            &["plaintext"],
            "plaintext and tls.certificate_file exclude each other",
        );
        section.rule(
            grpc.default_deadline <= grpc.max_deadline,
            &["default_deadline", "max_deadline"],
            "default_deadline must not be longer than max_deadline",
        );
        section.rule(
            grpc.max_connection_age_grace >= grpc.max_deadline,
            &["max_connection_age_grace", "max_deadline"],
            "max_connection_age_grace must not be shorter than max_deadline",
        );
        grpc
    }
}
