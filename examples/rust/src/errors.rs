//! What to do about the gateway's errors.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What the gateway calls it: a name of the enum ErrorReason without its prefix. Empty where it never heard of the call.
pub fn reason(error: &Status) -> String {
    error.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// How long to wait, where the gateway says so.
fn retry_delay(error: &Status) -> Option<Duration> {
    error.get_details_retry_info()?.retry_delay
}

/// After how long a call with a `request_id` may be made again; none where that does not help.
pub fn try_again(error: &Status) -> Option<Duration> {
    // The gateway knows best where it says how long to wait.
    retry_delay(error).or_else(|| {
        // The connection broke, or the answer took too long: it may have been sent. Asking again finds out.
        let lost = matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled);
        (lost || reason(error) == "SEND_OUTCOME_UNKNOWN").then_some(Duration::from_secs(1))
    })
}

/// What to say to the person, or to whoever reads the log.
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
        "VERIFICATION_NOT_FOUND" => "the code is used up: please ask for a new one".into(),
        "SEND_OUTCOME_UNKNOWN" => "a message may be on its way: please wait for it before asking for another".into(),
        _ => match retry_delay(error) {
            Some(delay) => format!("please try again in {delay:?}"),
            None => {
                let call = error.get_details_request_info().map(|call| call.request_id).unwrap_or_default();
                format!("please try again later ({:?}: {}, call {call})", error.code(), error.message())
            }
        },
    }
}
