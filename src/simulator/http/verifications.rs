//! `/verifications`, without the checks.

use axum::Json;
use http::Uri;

use super::{
    extract::{ApiCall, JsonObject, PathSegment},
    paging::ListQuery,
};
use crate::{
    simulator::{
        error::ApiError,
        phone,
        send::{self, SendInput},
        settings::{BadNumber, EmptyPhoneList, PhoneListPaging, RawPlus, Settings},
    },
    telnyx::{Channel, Data, List, Verification},
};

pub(super) async fn send(
    call: ApiCall,
    PathSegment(channel): PathSegment,
    JsonObject(body): JsonObject,
) -> Result<Json<Data<Verification>>, ApiError> {
    let channel = Channel::from_name(&channel).ok_or_else(|| ApiError::not_found("channel"))?;
    let mut state = call.state();
    let input = SendInput::read(&body, channel, &state.settings)?;
    Ok(Json(Data { data: send::send(&mut state, call.key, channel, &input, call.now)? }))
}

pub(super) async fn get(call: ApiCall, PathSegment(id): PathSegment) -> Result<Json<Data<Verification>>, ApiError> {
    if Channel::from_name(&id).is_some() {
        return Err(ApiError::method_not_allowed());
    }
    let mut state = call.state();
    let verification = state.verifications.get(call.key, &id).ok_or_else(|| ApiError::not_found("verification"))?;
    Ok(Json(Data { data: verification.view(call.now) }))
}

pub(super) async fn list(
    call: ApiCall,
    PathSegment(phone): PathSegment,
    uri: Uri,
    query: ListQuery,
) -> Result<Json<List<Verification>>, ApiError> {
    let state = call.state();
    // Telnyx's document declares no 422 for reads.
    check_path(&uri, &phone, &state.settings, BadNumber::BadRequest)?;
    let found = state.verifications.of_phone(call.key, &phone);
    let found: Vec<_> = found.map(|verification| verification.view(call.now)).collect();
    if found.is_empty() && state.settings.empty_phone_list == EmptyPhoneList::NotFound {
        return Err(ApiError::not_found("phone number"));
    }
    Ok(Json(match state.settings.phone_list_paging {
        PhoneListPaging::Paged => query.page(found, &state.settings, state.settings.max_page_size.into()),
        PhoneListPaging::OnePage => ListQuery::one_page(found.len()).page(found, &state.settings, u64::MAX),
    }))
}

/// Checks the phone number in a path.
pub(super) fn check_path(uri: &Uri, phone: &str, settings: &Settings, answer: BadNumber) -> Result<(), ApiError> {
    if settings.raw_plus == RawPlus::NotFound && uri.path().contains('+') {
        return Err(ApiError::not_found("resource"));
    }
    if phone::is_e164(phone) { Ok(()) } else { Err(send::bad_number(answer)) }
}
