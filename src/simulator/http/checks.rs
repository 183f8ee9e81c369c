//! The checks of codes.

use axum::Json;
use http::{StatusCode, Uri};
use serde_json::{Map, Value};

use super::{
    extract::{ApiCall, JsonObject, PathSegment},
    verifications::check_path,
};
use crate::{
    simulator::{
        check::{CheckInput, check},
        error::ApiError,
        fields::FieldReader,
        limits,
        settings::{ByPhoneTarget, CodeAndStatus, Settings},
        state::SimulatorState,
        verification::SimulatedVerification,
    },
    telnyx::{Channel, CheckResponse, Data, ResponseCode, VerificationStatus, code},
};

pub(super) async fn by_id(
    call: ApiCall,
    PathSegment(id): PathSegment,
    JsonObject(body): JsonObject,
) -> Result<Json<Data<CheckResponse>>, ApiError> {
    let mut state = call.state();
    let SimulatorState { verifications, settings, .. } = &mut *state;
    let verification = verifications.get(call.key, &id).ok_or_else(not_found)?;
    let input = read(&body, verification, settings)?;
    let response_code = check(verification, input, settings, call.now)?;
    Ok(answer(&call, &mut state, &id, response_code))
}

pub(super) async fn by_phone(
    call: ApiCall,
    PathSegment(phone): PathSegment,
    uri: Uri,
    JsonObject(body): JsonObject,
) -> Result<Json<Data<CheckResponse>>, ApiError> {
    let mut state = call.state();
    let mut reader = FieldReader::new(&body);
    let code = reader.required_text("code").unwrap_or_default();
    let profile_id = reader.required_text("verify_profile_id").unwrap_or_default();
    check_path(&uri, &phone, &state.settings, state.settings.bad_number)?;
    reader.finish(&state.settings)?;
    if state.account(call.key).0.profile(profile_id).is_none() {
        return Err(ApiError::not_found("profile"));
    }

    let SimulatorState { verifications, settings, .. } = &mut *state;
    let of_profile = |verification: &&SimulatedVerification| {
        verification.new.profile_id == profile_id && verification.new.channel != Channel::DtmfConfirm
    };
    let id = {
        let all = || verifications.of_phone(call.key, &phone).filter(of_profile);
        let mut pending = all().filter(|verification| verification.status(call.now) == VerificationStatus::Pending);
        let target = match settings.by_phone_target {
            ByPhoneTarget::Newest => pending.next_back(),
            ByPhoneTarget::Oldest => pending.next(),
        };
        // If nothing is pending, the newest verification decides the answer.
        target.or_else(|| all().next_back()).ok_or_else(not_found)?.new.id.clone()
    };
    let verification = verifications.get(call.key, &id).ok_or_else(not_found)?;
    let response_code = check(verification, CheckInput::Code(code), settings, call.now)?;
    Ok(answer(&call, &mut state, &id, response_code))
}

/// Reads the body of a check by ID: a code or a status.
fn read<'a>(
    body: &'a Map<String, Value>,
    verification: &SimulatedVerification,
    settings: &Settings,
) -> Result<CheckInput<'a>, ApiError> {
    let mut reader = FieldReader::new(body);
    let code = reader.text("code");
    let report = match reader.text("status").map(|status| ResponseCode::from(status.to_owned())) {
        Some(ResponseCode::Accepted) => Some(VerificationStatus::Accepted),
        Some(ResponseCode::Rejected) => Some(VerificationStatus::Invalid),
        Some(_) => {
            reader.refuse("status", code::NOT_IN_ENUM, "It must be accepted or rejected.");
            None
        }
        None => None,
    };
    if report.is_some() && !verification.new.custom {
        reader.refuse("status", code::UNPROCESSABLE, "It requires a verification with a custom_code.");
    }
    if code.is_some() && report.is_some() && settings.code_and_status == CodeAndStatus::Refuse {
        reader.refuse("status", code::UNPROCESSABLE, "It must not come together with a code.");
    }
    if body.get("code").is_none() && body.get("status").is_none() {
        reader.refuse("code", code::MISSING_PARAMETER, "A code or a status is required.");
    }
    reader.finish(settings)?;
    if verification.new.channel == Channel::DtmfConfirm {
        let detail = "A keypad confirmation has no code.";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code::UNPROCESSABLE, detail));
    }
    match (code, report) {
        (Some(code), Some(_)) if settings.code_and_status == CodeAndStatus::CodeWins => Ok(CheckInput::Code(code)),
        (_, Some(report)) => Ok(CheckInput::Report(report)),
        (Some(code), None) => Ok(CheckInput::Code(code)),
        (None, None) => Err(not_found()),
    }
}

/// Answers a check. An accepted verification costs its fee.
fn answer(
    call: &ApiCall,
    state: &mut SimulatorState,
    id: &str,
    response_code: ResponseCode,
) -> Json<Data<CheckResponse>> {
    state.plan_decision(id, call.now);
    let verification = state.verifications.get(call.key, id);
    let checked =
        verification.map(|verification| (verification.new.phone.clone(), verification.new.profile_id.clone()));
    let (phone_number, profile_id) = checked.unzip();
    if let (ResponseCode::Accepted, Some(profile_id)) = (&response_code, profile_id) {
        limits::charge_acceptance(state, call.key, &profile_id, call.now);
    }
    Json(Data { data: CheckResponse { phone_number, response_code: Some(response_code) } })
}

fn not_found() -> ApiError {
    ApiError::not_found("verification")
}
