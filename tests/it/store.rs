//! The store in memory and at Redis servers, which the tests start, and gateways that share a server.

mod commands;
mod contract;
pub mod deployments;
mod kinds;
mod load;
mod marks;
mod outage;
mod replicas;
mod replication;
mod risks;
mod rolling;
mod soak;
