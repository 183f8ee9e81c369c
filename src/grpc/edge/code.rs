//! What the codes of gRPC mean to spans and audits.

use tonic::Code;

/// The code as the specification of gRPC writes it.
pub(super) const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Whether OpenTelemetry's conventions count `code` as an error of the server. All others are errors of the caller.
pub(super) const fn is_server_error(code: Code) -> bool {
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    matches!(code, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
}

/// The audit outcome of a call that lacks credentials or permissions.
pub(super) const DENIED: &str = "denied";

/// The outcome of a call in its audit event.
pub(super) const fn audit_outcome(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Unauthenticated | Code::PermissionDenied => DENIED,
        Code::Unknown => "unknown",
        _ => "failed",
    }
}
