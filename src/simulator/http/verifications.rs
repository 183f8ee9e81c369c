//! `/verifications`, without the checks.

use axum::{
    Json,
    routing::{MethodRouter, post},
};
use http::{Method, StatusCode, Uri};
use serde_json::{Map, Value};

use super::{
    extract::{ApiCall, JsonObject, PathSegment},
    paging::ListQuery,
};
use crate::{
    simulator::{
        error::ApiError,
        handle::Handle,
        phone,
        send::{self, SendInput},
        settings::{BadNumber, EmptyPhoneList, GenericSend, PhoneListPaging, RawPlus, Settings},
    },
    telnyx::{Channel, Data, List, Verification, code},
};

/// `POST /verifications/{channel}`.
pub(super) fn send(channel: Channel) -> MethodRouter<Handle> {
    post(async move |call: ApiCall, JsonObject(body): JsonObject| start(&call, channel, &body))
}

/// `POST /verifications`, which the setting `generic_send` allows.
pub(super) async fn send_generic(
    call: ApiCall,
    method: Method,
    body: Result<JsonObject, ApiError>,
) -> Result<Json<Data<Verification>>, ApiError> {
    if call.state().settings.generic_send == GenericSend::NotFound {
        return Err(ApiError::not_found("resource"));
    }
    if method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let JsonObject(mut body) = body?;
    let channel = match body.remove("type") {
        None => Some(Channel::Sms),
        Some(name) => name.as_str().and_then(Channel::from_name),
    };
    let channel = channel.ok_or_else(|| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        ApiError::field(status, code::NOT_IN_ENUM, "/type", "It must be a channel, such as sms.")
    })?;
    start(&call, channel, &body)
}

fn start(call: &ApiCall, channel: Channel, body: &Map<String, Value>) -> Result<Json<Data<Verification>>, ApiError> {
    let mut state = call.state();
    let input = SendInput::read(body, channel, &state.settings)?;
    Ok(Json(Data { data: send::send(&mut state, call.key, channel, &input, call.now)? }))
}

pub(super) async fn get(call: ApiCall, PathSegment(id): PathSegment) -> Result<Json<Data<Verification>>, ApiError> {
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
