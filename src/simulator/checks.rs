//! The checks of codes.

use axum::{Json, extract::State as Shared};
use http::{StatusCode, Uri};
use jiff::Timestamp;

use super::{
    auth::Caller,
    body::{Fields, Object},
    error::Error,
    handle::Handle,
    records::{Record, Status},
    segment::Segment,
    settings::{
        Settings,
        choice::{AfterAttemptLimit, ByPhoneTarget, CodeAndStatus, ExpiredAnswer, UsedAnswer},
    },
    verifications::check_path,
};
use crate::telnyx::{Channel, CheckResponse, Data, ResponseCode, code};

type Answer = Result<Json<Data<CheckResponse>>, Error>;

/// What a check brings: a code to compare, or how the caller's own comparison ended.
enum Check<'a> {
    Code(&'a str),
    Report(Status),
}

pub(super) async fn by_id(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(id): Segment,
    Object(body): Object,
) -> Answer {
    let now = simulator.now();
    let mut guard = simulator.state();
    let state = &mut *guard;
    let record = state.records.get(key, &id).ok_or_else(not_found)?;

    let mut fields = Fields::new(&body);
    let code = fields.text("code");
    let status = fields.text("status");
    let report = match status.map(|status| ResponseCode::from(status.to_owned())) {
        Some(ResponseCode::Accepted) => Some(Status::Accepted),
        Some(ResponseCode::Rejected) => Some(Status::Invalid),
        Some(_) => {
            fields.refuse("status", code::NOT_IN_ENUM, "It must be accepted or rejected.");
            None
        }
        None => None,
    };
    if report.is_some() && !record.custom {
        fields.refuse("status", code::UNPROCESSABLE, "It is only for a verification with a custom_code.");
    }
    let check = match (code, report) {
        (Some(_), Some(_)) if state.settings.code_and_status == CodeAndStatus::Refuse => {
            fields.refuse("status", code::UNPROCESSABLE, "A check holds a code or a status.");
            None
        }
        (Some(code), Some(_)) if state.settings.code_and_status == CodeAndStatus::CodeWins => Some(Check::Code(code)),
        (_, Some(report)) => Some(Check::Report(report)),
        (Some(code), None) => Some(Check::Code(code)),
        (None, None) => {
            if body.get("code").is_none() && body.get("status").is_none() {
                fields.refuse("code", code::MISSING_PARAMETER, "A code or a status is required.");
            }
            None
        }
    };
    fields.finish()?;
    if record.channel == Channel::DtmfConfirm {
        let detail = "A keypad confirmation has no code.";
        return Err(Error::new(StatusCode::UNPROCESSABLE_ENTITY, code::UNPROCESSABLE, detail));
    }
    let check = check.ok_or_else(not_found)?;
    decide(record, &check, &state.settings, now)
}

pub(super) async fn by_phone(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(phone): Segment,
    uri: Uri,
    Object(body): Object,
) -> Answer {
    let now = simulator.now();
    let mut guard = simulator.state();
    let state = &mut *guard;
    let mut fields = Fields::new(&body);
    let code = fields.required_text("code").unwrap_or_default();
    let profile_id = fields.required_text("verify_profile_id").unwrap_or_default();
    check_path(&uri, &phone, &state.settings, state.settings.bad_number)?;
    fields.finish()?;

    if state.account(key).profile(profile_id).is_none() {
        return Err(Error::not_found("profile"));
    }
    let of_profile = |record: &&Record| record.profile_id == profile_id && record.channel != Channel::DtmfConfirm;
    let id = {
        let all = || state.records.of_phone(key, &phone).filter(of_profile);
        let mut pending = all().filter(|record| record.status(now) == Status::Pending);
        let target = match state.settings.by_phone_target {
            ByPhoneTarget::Newest => pending.next_back(),
            ByPhoneTarget::Oldest => pending.next(),
        };
        // With nothing pending, what became of the last one decides the answer.
        target.or_else(|| all().next_back()).ok_or_else(not_found)?.id.clone()
    };
    let record = state.records.get(key, &id).ok_or_else(not_found)?;
    decide(record, &Check::Code(code), &state.settings, now)
}

/// Answers a check, and keeps what came of it.
fn decide(record: &mut Record, check: &Check<'_>, settings: &Settings, now: Timestamp) -> Answer {
    let response_code = match record.status(now) {
        Status::Pending => pending(record, check, settings, now),
        Status::Expired => match settings.expired_answer {
            ExpiredAnswer::Rejected => ResponseCode::Rejected,
            ExpiredAnswer::Expired => ResponseCode::Expired,
            ExpiredAnswer::NotFound => return Err(not_found()),
        },
        Status::Invalid if over_limit(record, settings) => match settings.after_attempt_limit {
            AfterAttemptLimit::Rejected => ResponseCode::Rejected,
            AfterAttemptLimit::MaxAttemptsExceeded => ResponseCode::MaxAttemptsExceeded,
            AfterAttemptLimit::NotFound => return Err(not_found()),
        },
        Status::Accepted | Status::Invalid | Status::Error => match settings.used_answer {
            UsedAnswer::NotFound => return Err(not_found()),
            UsedAnswer::Rejected => ResponseCode::Rejected,
        },
    };
    let answer = CheckResponse { phone_number: Some(record.phone.clone()), response_code: Some(response_code) };
    Ok(Json(Data { data: answer }))
}

fn pending(record: &mut Record, check: &Check<'_>, settings: &Settings, now: Timestamp) -> ResponseCode {
    match check {
        Check::Report(status) => record.decide(*status, now),
        Check::Code(code) if record.code.as_deref() == Some(code) => record.decide(Status::Accepted, now),
        Check::Code(_) => {
            record.failed_attempts += 1;
            if over_limit(record, settings) {
                record.decide(Status::Invalid, now);
            }
        }
    }
    if record.status(now) == Status::Accepted { ResponseCode::Accepted } else { ResponseCode::Rejected }
}

fn over_limit(record: &Record, settings: &Settings) -> bool {
    settings.attempt_limit > 0 && record.failed_attempts >= settings.attempt_limit
}

fn not_found() -> Error {
    Error::not_found("verification")
}
