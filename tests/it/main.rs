//! The gateway and the simulator from outside, over real sockets: a module a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]
#![expect(unreachable_pub, reason = "a module of a binary reaches no further than its crate")]

mod admin;
mod audit;
mod channels;
mod cli;
mod connections;
mod drain;
mod edge;
mod errors;
mod faults;
mod flow;
mod hostile;
mod identities;
mod includes;
mod limits;
mod model;
mod mutations;
mod once;
mod process;
mod profiles;
mod reasons;
mod redis;
mod reload;
mod replay;
mod secrecy;
mod simulator;
mod support;
mod templates;
mod tenants;
mod test_numbers;
mod tls;
mod tracing;
mod web;
