//! Everything that is tested over real sockets, in one binary: a module for each subject.

#![expect(clippy::unwrap_used, reason = "a test may panic, and its functions too")]

mod simulator;
