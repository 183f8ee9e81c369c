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
        | Reason::RequestIdReused
        | Reason::ResumeTokenExpired => Code::FailedPrecondition,
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
        | Reason::GuessLimitReached
        | Reason::StreamTooSlow => Code::ResourceExhausted,
        Reason::GatewayOverloaded
        | Reason::UpstreamUnavailable
        | Reason::StoreUnavailable
        | Reason::IssuerUnavailable
        | Reason::StreamEnded => Code::Unavailable,
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

/// The longest message, in bytes. Each error has it up to four times.
const MAX_MESSAGE: usize = 200;

/// The longest other text of a caller or of the configuration, in bytes. IDs and names are not longer.
const MAX_TEXT: usize = 128;

/// The bytes that the violations of an error may take. With all else, the trailers then stay below 6 KiB, of which a quarter
/// is base64. Many clients accept 8 KiB, and report `RESOURCE_EXHAUSTED` in place of an error with more.
const MAX_VIOLATIONS: usize = 1200;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, message) = (code(error.reason), shortened(&error.message, MAX_MESSAGE));
        let mut details = ErrorDetails::new();
        let mut metadata = HashMap::new();
        if let Some(rule) = &error.rule {
            metadata.insert("rule".to_owned(), rule.name.to_owned());
            let identity = rule.identity.as_deref().map(|identity| ("identity", identity));
            let subject = rule.subject.iter().map(|(key, value)| (*key, value.as_str()));
            let entries = identity.into_iter().chain(subject);
            metadata.extend(entries.map(|(key, value)| (key.to_owned(), shortened(value, MAX_TEXT).to_owned())));
        }
        metadata.extend(error.resume_token.as_ref().map(|token| ("resume_token".to_owned(), token.to_string())));
        details.set_error_info(error.reason.short_name(), DOMAIN, metadata);
        if !error.violations.is_empty() {
            details.set_bad_request(violations(&error));
        }
        if let Some(wait) = error.retry_after {
            details.set_retry_info(Some(wait));
        }
        if code == Code::ResourceExhausted {
            let subject = error.rule.as_ref().map_or(error.reason.short_name(), |rule| rule.name);
            details.set_quota_failure([QuotaViolation::new(subject, message)]);
        }
        if let Some(call) = Call::current() {
            details.set_request_info(&call.call_id, "");
        }
        if let Some(resource) = &error.resource {
            details.set_resource_info(resource.kind, shortened(&resource.name, MAX_TEXT), "", message);
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

/// The violations of `error`, as many as there is room for. The last one then says how many more there are.
fn violations(error: &Error) -> Vec<FieldViolation> {
    // The tags and lengths of a violation, which the details hold twice over: as a message in a message.
    const FRAME: usize = 8;
    let (mut room, mut taken) = (MAX_VIOLATIONS, Vec::new());
    for one in &error.violations {
        let field = shortened(&contract_path(&one.field), MAX_TEXT).to_owned();
        let violation = FieldViolation::new(field, shortened(&one.description, MAX_MESSAGE));
        let size = FRAME + violation.field.len() + violation.description.len();
        let Some(left) = room.checked_sub(size) else {
            let more = error.violations.len() - taken.len();
            taken.push(FieldViolation::new("", format!("and {more} more violations")));
            break;
        };
        room = left;
        taken.push(violation);
    }
    taken
}

/// The beginning of `text`, of at most `max` bytes.
fn shortened(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
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
/// are replaced. tonic's texts may quote the request, so they are dropped. Its other headers stay, such as the encodings that
/// a caller may use.
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
    let mut completed = self::response(Error::new(reason, message));
    let mut headers = std::mem::take(response.headers_mut());
    headers.extend(std::mem::take(completed.headers_mut()));
    *completed.headers_mut() = headers;
    completed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_trailers_of_every_error_stay_below_6_kib(
            reason in 0..60_i32,
            message in ".{0,600}",
            resource in ".{0,600}",
            identity in ".{0,600}",
            violations in prop::collection::vec((".{0,300}", ".{0,300}"), 0..100),
            many in prop::collection::vec(any::<bool>(), 0..2000),
        ) {
            let violations = violations.into_iter().map(|(field, description)| Violation::new(field, description));
            let many = many.into_iter().map(|_| Violation::new("a", "b"));
            let mut error = Error::new(Reason::try_from(reason).unwrap_or_default(), message)
                .retry_after(Duration::MAX)
                .resource("verification", resource)
                .rule("limits.guesses_per_phone_number")
                .identity(identity.into())
                .resume_token("t".repeat(71))
                .violations(violations.chain(many).collect());
            let subject = [("country", "US"), ("country_assumed", "true"), ("number_type", "fixed_line_or_mobile")];
            let subject = subject.map(|(key, value)| (key, value.to_owned()));
            error.rule.as_mut().unwrap().subject = subject.into();
            let response = Status::from(error).into_http::<()>();
            // As HTTP/2 counts them (RFC 9113 §10.5.1). The call adds its request ID, as a header and in the details.
            let request_id = (12 + 128 + 32) + (128 + 60) * 4 / 3;
            let headers = response.headers().iter();
            let size: usize = headers.map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            prop_assert!(size + request_id < 6 << 10, "{size}");
        }
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
