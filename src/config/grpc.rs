//! Settings of the gRPC port.

mod web;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::ValueEnum;

use super::{
    kinds::{DAY, HOUR, SECOND, address, choice, count, duration, optional, path, ratio, size, switch},
    setting::settings,
};

pub use self::web::WebConfig;

settings! {
    /// Settings of the gRPC port.
    pub struct GrpcConfig {
        /// The address to listen on. Port 0 takes a free one. `0.0.0.0` or `[::]` listens on all interfaces.
        listen: SocketAddr = "127.0.0.1:50051", address();
        /// The largest request message. The gateway refuses a larger one.
        max_message_size: usize = "64KiB", size(1 << 10..=4 << 20);
        /// Whether to offer the reflection services, by which tools such as grpcurl find the methods.
        reflection: bool = "true", switch();
        /// The deadline of calls that have none.
        default_deadline: Duration = "10s", duration(Duration::from_millis(100)..=HOUR);
        /// The longest deadline. A call with a longer one gets this one.
        max_deadline: Duration = "60s", duration(Duration::from_millis(100)..=HOUR);
        /// How many calls may run at the same time. The gateway sheds further ones: they fail at once and may be
        /// retried.
        max_concurrent_calls: usize = "1024", count(1..=1_000_000);
        /// Which share of `max_concurrent_calls` one tenant may have, from 0 to 1. Its further calls fail at once and may be
        /// retried. Calls of other tenants are not affected. 1: no tenant has a share of its own.
        tenant_share: f64 = "0.25", ratio();
        /// How long the message of a call may take to arrive. Until then the call has no permit, and counts for the share
        /// of its tenant alone.
        message_timeout: Duration = "5s", duration(Duration::from_millis(10)..=HOUR);
        /// How many calls of health and reflection may run at the same time on one connection. They need no credentials.
        max_unauthenticated_calls: usize = "8", count(1..=256);
        /// How many streams of health (`Watch`) and reflection may run at the same time on all connections.
        max_unauthenticated_streams: usize = "256", count(1..=1_000_000);
        /// At what age the gateway ends a stream of health or reflection. Clients begin another one.
        max_unauthenticated_stream_age: Duration = "10m", duration(Duration::from_millis(10)..=DAY);
        /// How many connections may be open at the same time. The gateway closes further ones. Each takes a file
        /// descriptor.
        max_connections: usize = "4096", count(1..=1_000_000);
        /// How many connections one peer address may have, and one /64 network of IPv6. The gateway closes further ones.
        /// Empty: no bound, for a gateway behind a load balancer or proxy whose address all connections have.
        max_connections_per_peer: Option<usize> = "1024", optional(count(1..=1_000_000));
        /// How many proxies before the gateway append the address of their peer to `x-forwarded-for`. The address in logs
        /// is then the entry of the outermost, that many from the end. 0: the address of the connection's peer.
        trusted_proxies: usize = "0", count(0..=32);
        /// How long a new connection has for its TLS handshake and the first bytes of its protocol.
        handshake_timeout: Duration = "10s", duration(Duration::from_millis(10)..=HOUR);
        /// After what time without traffic the gateway sends a keepalive PING.
        keepalive_interval: Duration = "30s", duration(SECOND..=HOUR);
        /// How long the answer to a keepalive PING may take before the gateway closes the connection.
        keepalive_timeout: Duration = "20s", duration(SECOND..=HOUR);
        /// After what time without a call the gateway asks a connection to close.
        max_connection_idle: Duration = "15m", duration(SECOND..=DAY);
        /// The same for a connection that has had no call with valid credentials.
        max_unauthenticated_idle: Duration = "1m", duration(SECOND..=DAY);
        /// How many frames of HTTP/2 without a call or a message a connection may send in a second, besides eight for each
        /// call. The gateway closes a connection that sends more.
        max_control_frames: u32 = "1000", count(100..=1_000_000);
        /// At what age the gateway asks a connection to close, plus or minus a tenth. Clients then spread over the
        /// replicas again.
        max_connection_age: Duration = "30m", duration(SECOND..=DAY);
        /// How long a connection then has to finish its calls.
        max_connection_age_grace: Duration = "90s", duration(SECOND..=DAY);
        /// Whether to serve without TLS. Tokens and codes then travel in the clear. It needs an empty
        /// `tls.certificate_file`.
        plaintext: bool = "false", switch();
        /// TLS: the certificate of the gateway, and which client certificates it accepts.
        tls: TlsConfig;
        /// gRPC-Web: calls from web pages.
        web: WebConfig;
    }
    rules(grpc) {
        ["plaintext"] !grpc.plaintext || grpc.tls.certificate_file.is_none(),
            "plaintext and tls.certificate_file exclude each other";
        ["default_deadline", "max_deadline"] grpc.default_deadline <= grpc.max_deadline,
            "default_deadline must not be longer than max_deadline";
        ["max_connection_age_grace", "max_deadline"] grpc.max_connection_age_grace >= grpc.max_deadline,
            "max_connection_age_grace must not be shorter than max_deadline";
    }
}

settings! {
    /// Settings of TLS on a port. Without a certificate there is no TLS.
    pub struct TlsConfig {
        /// A PEM file with the server's certificate, followed by the intermediate certificates. Empty: no TLS.
        certificate_file: Option<PathBuf> = "", optional(path());
        /// A PEM file with the private key of the certificate, not encrypted.
        key_file: Option<PathBuf> = "", optional(path());
        /// A PEM file with the authorities that client certificates must come from.
        client_ca_file: Option<PathBuf> = "", optional(path());
        /// Whether clients present a certificate. With `optional`, a presented certificate must still be valid.
        client_certificate: ClientCertificate = "none", choice();
        /// The lowest TLS version that is accepted.
        min_version: TlsVersion = "1.2", choice();
        /// How often the gateway looks for changes of the three files. Changes take effect without a restart.
        reload_interval: Duration = "30s", duration(Duration::from_millis(10)..=DAY);
    }
    rules(tls) {
        ["certificate_file", "key_file"] tls.certificate_file.is_some() == tls.key_file.is_some(),
            "certificate_file and key_file need each other";
        ["client_certificate", "client_ca_file"]
            (tls.client_certificate == ClientCertificate::None) == tls.client_ca_file.is_none(),
            "client_ca_file is needed if, and only if, client_certificate is optional or required";
        ["client_ca_file", "certificate_file"] tls.client_ca_file.is_none() || tls.certificate_file.is_some(),
            "client_ca_file needs certificate_file";
    }
}

/// Whether clients present a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClientCertificate {
    /// The gateway requests none.
    None,
    /// Clients may present one. It must be valid.
    Optional,
    /// The gateway refuses clients without a valid one.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsVersion {
    /// RFC 5246.
    #[value(name = "1.2")]
    V1_2,
    /// RFC 8446.
    #[value(name = "1.3")]
    V1_3,
}
