//! The way of a call before its handler. `super::Server` puts the layers together, in order.

pub(super) mod authenticate;
pub(super) mod deadline;
pub(super) mod panics;
pub(super) mod shed;
pub(super) mod status;
pub(super) mod trace;

use axum::{extract::Request, response::Response};
use tonic::Status;

use crate::domain::Error;

/// The services that need no tenant: probes and tools call them. Everything that is not on this list does.
const OPEN: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Whether `request` is for one of the services that need no tenant.
fn is_open(request: &Request) -> bool {
    let service = request.uri().path().trim_start_matches('/').split('/').next();
    service.is_some_and(|service| OPEN.contains(&service))
}

/// The answer that refuses a call.
fn refuse(error: Error) -> Response {
    Status::from(error).into_http()
}
