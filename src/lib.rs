//! A gRPC gateway in front of the Telnyx Verify API, and a simulator of that API.
//!
//! `docs/ARCHITECTURE.md` leads through the house, floor by floor.

pub mod clock;
pub mod domain;
pub mod pb;
pub mod secret;
pub mod services;
pub mod simulator;
pub mod telnyx;
pub mod tenant;
pub mod upstream;
