//! Turns a `domain::Error` into a gRPC status. No other module makes a status.

use std::{collections::HashMap, error::Error as _, sync::Arc, time::Duration};

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
pub(super) const fn code(reason: Reason) -> Code {
    match reason {
        Reason::CredentialsInvalid => Code::Unauthenticated,
        Reason::RpcNotAllowed
        | Reason::ChannelNotAllowed
        | Reason::CountryNotAllowed
        | Reason::NumberTypeNotAllowed
        | Reason::ProfileNotAllowed => Code::PermissionDenied,
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

/// The pushback of the server, which overrides the retry policy of a gRPC client (gRFC A6): the milliseconds to wait, or a
/// negative number if the client must not retry.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

fn pushback(code: Code, wait: Option<Duration>) -> Option<MetadataValue<Ascii>> {
    // The operation may have taken effect. Its caller must decide what to do, not a library.
    if code == Code::Unknown {
        return Some(MetadataValue::from_static("-1"));
    }
    // Rounded up, so that no client is early. Some libraries parse an `int`.
    let millis = wait?.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(i32::MAX);
    Some(millis.into())
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, message) = (code(error.reason), error.message.as_ref());
        let mut details = ErrorDetails::new();
        let mut metadata = HashMap::new();
        if let Some(rule) = &error.rule {
            metadata.insert("rule".to_owned(), rule.name.to_owned());
            metadata.extend(rule.identity.as_ref().map(|identity| ("identity".to_owned(), identity.to_string())));
            metadata.extend(rule.subject.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        }
        details.set_error_info(error.reason.short_name(), DOMAIN, metadata);
        if !error.violations.is_empty() {
            let violations = error.violations.iter();
            let violations =
                violations.map(|one| FieldViolation::new(contract_path(&one.field), one.description.as_ref()));
            details.set_bad_request(violations.collect::<Vec<_>>());
        }
        if let Some(wait) = error.retry_after {
            details.set_retry_info(Some(wait));
        }
        if code == Code::ResourceExhausted {
            let subject = error.rule.as_ref().map_or(error.reason.short_name(), |rule| rule.name);
            details.set_quota_failure([QuotaViolation::new(subject, message)]);
        }
        if let Some(call) = Call::current() {
            details.set_request_info(&call.request_id, "");
        }
        if let Some(resource) = &error.resource {
            details.set_resource_info(resource.kind, &resource.name, "", message);
        }
        let mut status = Self::with_error_details(code, message, details);
        if let Some(pushback) = pushback(code, error.retry_after) {
            status.metadata_mut().insert(PUSHBACK, pushback);
        }
        // For `complete`. tonic does not send it.
        status.set_source(Arc::new(error));
        status
    }
}

/// The status at the end of the streams of health and reflection when the gateway stops. They are not part of this
/// contract, so the status has no reason.
pub(super) fn stopping() -> Status {
    Status::unavailable("the gateway stops")
}

/// The response of a call that failed with `error`, which is in its extensions.
pub(super) fn response(error: Error) -> Response<Body> {
    let mut response = Status::from(error.clone()).into_http();
    response.extensions_mut().insert(error);
    response
}

/// Puts the [`Error`] of a failed call into the response's extensions, where the log, the metrics and the audit find it.
///
/// tonic itself refuses messages that are too large or malformed, and unknown RPCs. These refusals have no error, so they
/// are replaced. tonic's texts may quote the request, so they are dropped.
pub(super) fn complete(mut response: Response<Body>) -> Response<Body> {
    let of_handler = |status: &Status| status.source()?.downcast_ref::<Error>().cloned();
    if let Some(error) = response.extensions().get().and_then(of_handler) {
        response.extensions_mut().insert(error);
        return response;
    }
    let (reason, message) = match Status::from_header_map(response.headers()).map(|status| status.code()) {
        None | Some(Code::Ok) => return response,
        Some(Code::OutOfRange | Code::ResourceExhausted) => (Reason::MessageTooLarge, "the message is too large"),
        Some(Code::Unimplemented) => (Reason::RpcUnknown, "there is no such rpc, or not in this encoding"),
        Some(Code::Internal | Code::InvalidArgument) => (Reason::MessageMalformed, "the message can't be decoded"),
        Some(_) => (Reason::Internal, "the gateway failed"),
    };
    self::response(Error::new(reason, message))
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
    fn the_details_hold_all_of_an_error_but_its_source() {
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
    fn the_pushback_is_the_wait_and_forbids_retries_of_unknown_outcomes() {
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
