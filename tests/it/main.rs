//! The gateway and the simulator from outside, over real sockets: a module a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]
#![expect(unreachable_pub, reason = "a module of a binary reaches no further than its crate")]

mod admin;
mod channels;
mod cli;
mod connections;
mod drain;
mod edge;
mod errors;
mod faults;
mod flow;
mod hostile;
mod model;
mod once;
mod process;
mod profiles;
mod reasons;
mod redis;
mod replay;
mod simulator;
mod support;
mod templates;
mod tenants;
mod tracing;
