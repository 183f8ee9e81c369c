//! Settings of the admin port.

use std::net::SocketAddr;

use super::{
    kinds::{address, optional},
    setting::settings,
};

settings! {
    /// Settings of the admin port.
    pub struct AdminConfig {
        /// The address to listen on. Port 0 takes a free one. Empty: there is no admin port. It needs no credentials,
        /// so keep it private.
        listen: Option<SocketAddr> = "127.0.0.1:9090", optional(address());
    }
}
