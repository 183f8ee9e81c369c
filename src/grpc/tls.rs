//! TLS of the gRPC port: the certificate of the gateway, and the authorities of client certificates.
//!
//! New files take effect as a whole, for new connections. A connection keeps the files that it started with.

mod files;
mod handshake;
mod material;
mod reload;

pub use self::material::Material;
pub(super) use self::{
    handshake::{HandshakeError, accept},
    reload::CertificateReloader,
};
