//! What an identity may do. Each function refuses with a typed error.

mod allow;

pub use self::allow::{channel, country, number_type, profile, rpc};
