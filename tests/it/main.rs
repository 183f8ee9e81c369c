//! Tests of the gateway from outside, a module a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

mod cli;
