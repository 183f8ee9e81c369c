//! The gateway and the simulator from outside, over real sockets. Each folder has one subject.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]
#![expect(unreachable_pub, reason = "a module of a binary reaches no further than its crate")]

mod connection;
mod docs;
mod events;
mod failure;
mod hostile;
mod identity;
mod limits;
mod model;
mod operation;
mod rpc;
mod simulator;
mod store;
mod support;
mod webhooks;
