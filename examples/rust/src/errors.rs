//! How a client handles the gateway's errors.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The name of the error in the enum ErrorReason, without its prefix. Empty if the error does not come from the gateway.
pub fn reason(error: &Status) -> String {
    error.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// How long the gateway asks the client to wait.
fn retry_delay(error: &Status) -> Option<Duration> {
    error.get_details_retry_info()?.retry_delay
}

/// How long to wait before a call with a `request_id` is repeated. None if a repetition does not help.
pub fn try_again(error: &Status) -> Option<Duration> {
    // The gateway's own advice comes first.
    retry_delay(error).or_else(|| {
        // The send may have happened. A call with the same request_id returns its outcome.
        let lost = matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled);
        (lost || reason(error) == "SEND_OUTCOME_UNKNOWN").then_some(Duration::from_secs(1))
    })
}

/// How long to wait before a stream is opened again, after so many failures in a row. None if that does not help.
pub fn open_again(error: &Status, failures: u32) -> Option<Duration> {
    match error.code() {
        Code::PermissionDenied | Code::Unauthenticated | Code::InvalidArgument | Code::Unimplemented => None,
        // With STREAM_ENDED the gateway asks for no wait. Otherwise the backoff is exponential, and the jitter keeps clients
        // from coming back all at once.
        _ => retry_delay(error).or_else(|| {
            let backoff = Duration::from_secs(1 << failures.min(5)).min(Duration::from_secs(30));
            Some(backoff.mul_f64(0.5 + fastrand::f64() / 2.0))
        }),
    }
}

/// A text for the person who verifies a phone, or for the log.
pub fn explain(error: &Status) -> String {
    match reason(error).as_str() {
        "INVALID_REQUEST" | "UPSTREAM_INVALID_REQUEST" => {
            let violations = error.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
            let texts = violations.iter().map(|one| format!(" {} {}.", one.field, one.description));
            format!("please correct:{}", texts.collect::<String>())
        }
        "COUNTRY_NOT_ALLOWED" | "DESTINATION_NOT_ENABLED" | "TRAFFIC_BLOCKED" => {
            "this number can't get a code: please give another one".into()
        }
        "VERIFICATION_NOT_FOUND" => "the code is used up: please request a new one".into(),
        "SEND_OUTCOME_UNKNOWN" => "a message may be on its way: please wait for it before you request another one".into(),
        _ => match retry_delay(error) {
            Some(delay) => format!("please try again in {delay:?}"),
            None => {
                let call = error.get_details_request_info().map(|call| call.request_id).unwrap_or_default();
                format!("please try again later ({:?}: {}, call {call})", error.code(), error.message())
            }
        },
    }
}
