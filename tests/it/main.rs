//! The gateway and the simulator from outside, over real sockets: a module a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

mod cli;
