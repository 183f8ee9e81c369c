//! TLS of the gRPC port: who the gateway is, and whose certificates it takes.
//!
//! A connection keeps what it began with. What the files hold is taken up as a whole or not at all.

mod files;
mod handshake;
mod material;
mod reload;

pub use self::material::Material;
pub(super) use self::{
    handshake::{HandshakeError, accept},
    reload::CertificateReloader,
};
