//! What an identity may do. Each function refuses with a typed error.

mod allow;

pub use self::allow::{any_country, channel, country, profile, rpc};
