//! From the one error to a gRPC status: the only place that makes one.

use std::{collections::HashMap, time::Duration};

use http::Response;
use tonic::{
    Code, Status,
    body::Body,
    metadata::{Ascii, MetadataValue},
};
use tonic_types::{ErrorDetails, FieldViolation, QuotaViolation, StatusExt};

use super::translate::contract_path;
use crate::{domain::Error, pb::ErrorReason as Reason, telemetry::Call};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "verify-gateway";

/// The gRPC code of `reason`, as the comments of the contract give it.
const fn code(reason: Reason) -> Code {
    match reason {
        Reason::CredentialsInvalid => Code::Unauthenticated,
        Reason::RpcNotAllowed | Reason::ChannelNotAllowed | Reason::CountryNotAllowed | Reason::ProfileNotAllowed => {
            Code::PermissionDenied
        }
        Reason::InvalidRequest
        | Reason::MessageTooLarge
        | Reason::MessageMalformed
        | Reason::UpstreamInvalidRequest
        | Reason::DestinationNotEnabled => Code::InvalidArgument,
        Reason::UpstreamKeyRefused
        | Reason::AccountRestricted
        | Reason::InsufficientFunds
        | Reason::ChannelNotConfigured
        | Reason::TrafficBlocked
        | Reason::UpstreamConflict
        | Reason::RequestIdReused => Code::FailedPrecondition,
        Reason::ProfileNotFound | Reason::TemplateNotFound | Reason::VerificationNotFound => Code::NotFound,
        Reason::UpstreamRateLimited
        | Reason::SpendLimitReached
        | Reason::RequestLimitReached
        | Reason::ConcurrencyLimitReached
        | Reason::PhoneSendLimitReached
        | Reason::CountrySendLimitReached
        | Reason::DailySendLimitReached
        | Reason::SendCoolDown
        | Reason::CheckLimitReached
        | Reason::GuessLimitReached => Code::ResourceExhausted,
        Reason::GatewayOverloaded | Reason::UpstreamUnavailable | Reason::StoreUnavailable => Code::Unavailable,
        Reason::SendOutcomeUnknown | Reason::CheckOutcomeUnknown | Reason::CreateOutcomeUnknown => Code::Unknown,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        Reason::UpstreamAnswerUnreadable | Reason::Internal | Reason::Unspecified => Code::Internal,
        Reason::RpcUnknown => Code::Unimplemented,
    }
}

/// The name of `reason` as programs compare it: without the prefix that the enum's names share.
fn name(reason: Reason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}

/// What gRPC libraries with a retry policy obey before it (gRFC A6): the milliseconds to wait, or a negative number where
/// they must not retry at all.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

fn pushback(code: Code, wait: Option<Duration>) -> Option<MetadataValue<Ascii>> {
    // What may have been done is for the caller to decide, not for its library.
    if code == Code::Unknown {
        return Some(MetadataValue::from_static("-1"));
    }
    // Up, so that nobody is early; some libraries read an `int`.
    let millis = wait?.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(i32::MAX);
    Some(millis.into())
}

impl From<Error> for Status {
    fn from(mut error: Error) -> Self {
        let (code, source) = (code(error.reason), error.take_source());
        let mut metadata = HashMap::new();
        let limit = error.rule.as_ref().map(|rule| rule.name);
        if let Some(rule) = error.rule {
            metadata.insert("rule".to_owned(), rule.name.to_owned());
            metadata.extend(rule.identity.map(|identity| ("identity".to_owned(), identity.as_ref().to_owned())));
        }
        let mut details = ErrorDetails::new();
        details.set_error_info(name(error.reason), DOMAIN, metadata);
        if !error.violations.is_empty() {
            let violations = error.violations.into_iter();
            details.set_bad_request(
                violations
                    .map(|one| FieldViolation::new(contract_path(one.field), one.description))
                    .collect::<Vec<_>>(),
            );
        }
        if let Some(wait) = error.retry_after {
            details.set_retry_info(Some(wait));
        }
        if code == Code::ResourceExhausted {
            let subject = limit.unwrap_or(name(error.reason));
            details.set_quota_failure([QuotaViolation::new(subject, error.message.as_ref())]);
        }
        if let Some(call) = Call::current() {
            details.set_request_info(&call.request_id, "");
        }
        if let Some(resource) = error.resource {
            details.set_resource_info(resource.kind, resource.name, "", error.message.as_ref());
        }
        let mut status = Self::with_error_details(code, error.message, details);
        if let Some(pushback) = pushback(code, error.retry_after) {
            status.metadata_mut().insert(PUSHBACK, pushback);
        }
        if let Some(source) = source {
            // For the log; tonic does not send it.
            status.set_source(source);
        }
        status
    }
}

/// How the streams of health and reflection end when the gateway does. They are not of this contract, so this has none of
/// its reasons.
pub(super) fn stopping() -> Status {
    Status::unavailable("the gateway stops")
}

/// Gives the errors that tonic makes by itself a reason of ours: a message that is too large or can't be decoded, an
/// unknown rpc. They are those without details. tonic's own texts may quote the request: they stay here.
pub(super) fn completed(response: Response<Body>) -> Response<Body> {
    let code = match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => status.code(),
        _ => return response,
    };
    let (reason, message) = match code {
        Code::OutOfRange | Code::ResourceExhausted => (Reason::MessageTooLarge, "the message is too large"),
        Code::Unimplemented => (Reason::RpcUnknown, "there is no such rpc, or not in this encoding"),
        Code::Internal | Code::InvalidArgument => (Reason::MessageMalformed, "the message can't be decoded"),
        _ => (Reason::Internal, "the gateway failed"),
    };
    Status::from(Error::new(reason, message)).into_http()
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::{domain::Violation, pb::FILE_DESCRIPTOR_SET};

    /// The values of `ErrorReason` with their comments.
    fn documented() -> Vec<(Reason, String)> {
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        let file = files.into_iter().find(|file| file.name().ends_with("error_reason.proto")).unwrap();
        let source = file.source_code_info.unwrap();
        // Paths of descriptor.proto: enum 0 of the file is [5, 0], its value n is [5, 0, 2, n].
        let values =
            source.location.iter().filter(|location| location.path.len() == 4 && location.path[..3] == [5, 0, 2]);
        values
            .map(|location| {
                let index = usize::try_from(location.path[3]).unwrap();
                let number = file.enum_type[0].value[index].number();
                (Reason::try_from(number).unwrap(), location.leading_comments().to_owned())
            })
            .collect()
    }

    #[test]
    fn every_reason_has_the_code_that_the_contract_gives_it() {
        let documented = documented();
        assert!(documented.len() > 25);
        for (reason, comment) in documented {
            if reason == Reason::Unspecified {
                continue;
            }
            let given = comment.trim().split_once(']').unwrap().0.trim_start_matches('[').replace('_', "");
            let ours = format!("{:?}", code(reason)).to_uppercase();
            assert_eq!(ours, given, "{reason:?}");
        }
    }

    #[test]
    fn all_that_an_error_holds_is_in_the_details_and_its_source_is_not() {
        let status: Status = Error::new(Reason::UpstreamRateLimited, "too much")
            .retry_after(Duration::from_millis(1500))
            .resource("profile", "p1")
            .rule("channels")
            .identity("service".into())
            .violations(vec![Violation::new("a.b", "must be c")])
            .source("the secret of it")
            .into();
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "too much"));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("UPSTREAM_RATE_LIMITED", DOMAIN));
        assert_eq!((info.metadata["rule"].as_str(), info.metadata["identity"].as_str()), ("channels", "service"));
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_millis(1500)));
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "a.b");
        assert_eq!(details.resource_info().unwrap().resource_name, "p1");
        assert_eq!(details.quota_failure().unwrap().violations.len(), 1);
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
    }

    #[test]
    fn retry_policies_are_told_how_long_to_wait_and_to_leave_alone_what_may_have_been_done() {
        let pushback = |error: Error| {
            let response = Status::from(error).into_http::<()>();
            response.headers().get(PUSHBACK).map(|value| value.to_str().unwrap().to_owned())
        };
        let after = |wait| Error::new(Reason::UpstreamRateLimited, "too much").retry_after(wait);
        assert_eq!(pushback(after(Duration::from_millis(1500))).as_deref(), Some("1500"));
        assert_eq!(pushback(after(Duration::from_nanos(1))).as_deref(), Some("1"));
        assert_eq!(pushback(after(Duration::ZERO)).as_deref(), Some("0"));
        assert_eq!(pushback(after(Duration::MAX)).as_deref(), Some("2147483647"));
        assert_eq!(pushback(Error::new(Reason::ProfileNotFound, "no such profile")), None);
        for reason in [Reason::SendOutcomeUnknown, Reason::CheckOutcomeUnknown, Reason::CreateOutcomeUnknown] {
            let error = Error::new(reason, "it may have been done").retry_after(Duration::from_secs(1));
            assert_eq!(pushback(error).as_deref(), Some("-1"), "{reason:?}");
        }
    }
}
