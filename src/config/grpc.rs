//! Settings of the gRPC port.

mod tls;
mod web;

use std::{net::SocketAddr, time::Duration};

use super::{
    kinds::{DAY, HOUR, SECOND, address, count, duration, size, switch},
    setting::settings,
};

pub use self::{
    tls::{ClientCertificate, TlsConfig, TlsVersion},
    web::WebConfig,
};

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
        /// How many connections may be open at the same time. The gateway closes further ones. Each takes a file
        /// descriptor.
        max_connections: usize = "4096", count(1..=1_000_000);
        /// How long a new connection has for its TLS handshake and the first bytes of its protocol.
        handshake_timeout: Duration = "10s", duration(Duration::from_millis(10)..=HOUR);
        /// After what time without traffic the gateway sends a keepalive PING.
        keepalive_interval: Duration = "30s", duration(SECOND..=HOUR);
        /// How long the answer to a keepalive PING may take before the gateway closes the connection.
        keepalive_timeout: Duration = "20s", duration(SECOND..=HOUR);
        /// After what time without a call the gateway asks a connection to close.
        max_connection_idle: Duration = "15m", duration(SECOND..=DAY);
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
