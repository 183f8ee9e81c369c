//! TLS of a port: the certificate of the gateway, and the authorities of client certificates.
//!
//! New files take effect as a whole, for new connections. A connection keeps the files that it started with.

mod files;
mod handshake;
mod material;
mod reload;

pub use self::{
    handshake::{HandshakeError, accept},
    material::Material,
    reload::CertificateReloader,
};
use crate::config::{GrpcConfig, TlsConfig, WebhooksConfig};

/// The TLS of one port.
#[derive(Clone)]
pub struct TlsPort {
    /// The section of the port. Metrics have it too.
    name: &'static str,
    /// What logs, metrics and audit events call the files.
    files: &'static str,
    config: TlsConfig,
    /// What the port speaks, as handshakes name it (RFC 7301 §6).
    protocols: &'static [&'static [u8]],
}

impl TlsPort {
    /// The gRPC port.
    pub fn grpc(config: &GrpcConfig) -> Self {
        let protocols: &[&[u8]] = if config.web.enabled { &[b"h2", HTTP1] } else { &[b"h2"] };
        Self { name: "grpc", files: "certificate", config: config.tls.clone(), protocols }
    }

    /// The webhook port.
    pub fn webhooks(config: &WebhooksConfig) -> Self {
        Self { name: "webhooks", files: "webhook_certificate", config: config.tls.clone(), protocols: &[HTTP1] }
    }
}

/// HTTP/1.1 in handshakes.
const HTTP1: &[u8] = b"http/1.1";
