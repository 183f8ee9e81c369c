//! What a tenant may do, and how much of it: typed refusals.

mod allow;
pub mod limits;

pub use self::allow::{channel, country, profile, rpc};
