//! A gRPC gateway in front of the Telnyx Verify API, and a simulator of that API.
//!
//! `docs/ARCHITECTURE.md` describes the modules, floor by floor.

// They panic where the stream is closed.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod admin;
pub mod app;
pub mod authn;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod events;
pub mod files;
pub mod grpc;
pub mod http_client;
pub mod http_server;
pub mod limits;
pub mod pb;
pub mod policy;
pub mod reload;
pub mod secret;
pub mod services;
pub mod simulator;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod telnyx;
pub mod tenant;
pub mod tls;
pub mod upstream;
pub mod webhooks;
