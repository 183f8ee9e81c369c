//! A reason for every error: those that tonic makes by itself get one of ours.

use axum::{extract::Request, middleware::Next, response::Response};
use tonic::Status;

use super::is_open;
use crate::grpc::status::complete;

/// Replaces an error without details: a message that is too large, can't be decoded, or asks for an unknown rpc.
pub(in crate::grpc) async fn status(request: Request, next: Next) -> Response {
    if is_open(&request) {
        return next.run(request).await;
    }
    let response = next.run(request).await;
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != tonic::Code::Ok && status.details().is_empty() => {
            complete(&status).into_http()
        }
        _ => response,
    }
}
