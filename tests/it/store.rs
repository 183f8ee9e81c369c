//! Gateways that share a Redis server, which a test of this module starts for itself.

mod contract;
mod kinds;
mod outage;
mod replicas;
mod rolling;
