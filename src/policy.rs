//! What an identity may do, and how much a tenant may: typed refusals.

mod allow;
pub mod limits;

pub use self::allow::{any_country, channel, country, profile, rpc};
