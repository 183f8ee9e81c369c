//! Flows that are more than one call upstream.

mod check;
mod send;

pub use self::{
    check::{Check, Target},
    send::Send,
};

use crate::upstream::Client;

/// Starts, checks and reports verifications.
#[derive(Clone)]
pub struct Verifications {
    upstream: Client,
}

impl Verifications {
    /// The flows over `upstream`.
    #[must_use]
    pub const fn new(upstream: Client) -> Self {
        Self { upstream }
    }
}
