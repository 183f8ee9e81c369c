//! Tests of the gateway from outside, a module a behaviour.

mod cli;
