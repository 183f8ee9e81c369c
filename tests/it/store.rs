//! The store in memory and at Redis servers, which the tests start, and gateways that share a server.

mod contract;
mod kinds;
mod marks;
mod outage;
mod replicas;
mod rolling;
