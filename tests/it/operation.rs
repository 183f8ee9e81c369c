//! The process as operators run it: commands, probes, telemetry, audit, reload and drain.

mod admin;
mod audit;
mod cli;
mod denials;
mod drain;
mod phones;
mod process;
mod proxy;
mod reload;
mod secrecy;
mod tracing;
