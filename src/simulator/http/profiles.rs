//! `/verify_profiles`.

use axum::Json;
use http::StatusCode;
use serde_json::Value;

use super::{
    extract::{ApiCall, JsonObject, PathSegment},
    paging::ListQuery,
};
use crate::{
    simulator::{
        account::AccountKey,
        error::{ApiError, IN_USE},
        fields::FieldReader,
        profile,
        settings::{DeleteProfileWithPending, EmptyProfileList, FilterName, PatchFlashcall, PatchNull},
        state::SimulatorState,
    },
    telnyx::{Data, List},
};

pub(super) async fn create(call: ApiCall, JsonObject(body): JsonObject) -> Result<Json<Data<Value>>, ApiError> {
    let mut state = call.state();
    let (account, settings) = state.account(call.key);
    let fields = profile::read(FieldReader::new(&body), None, settings, |id| account.template_text(id).is_some())?;
    let id = state.insert_profile(call.key, fields, call.now);
    view(&mut state, call.key, &id)
}

pub(super) async fn list(call: ApiCall, query: ListQuery) -> Result<Json<List<Value>>, ApiError> {
    let mut state = call.state();
    let (account, settings) = state.account(call.key);
    if account.profiles.is_empty() && settings.empty_profile_list == EmptyProfileList::Unauthorized {
        return Err(ApiError::unauthorized(settings));
    }
    let matches = |name: &str| {
        query.name.as_ref().is_none_or(|filter| match settings.filter_name {
            FilterName::Exact => name == filter,
            FilterName::Partial => name.to_lowercase().contains(&filter.to_lowercase()),
        })
    };
    let found = account.profiles.iter().filter(|profile| matches(profile.name()));
    let found = found.map(|profile| profile.view(settings)).collect();
    Ok(Json(query.page(found, settings, settings.max_page_size.into())))
}

pub(super) async fn get(call: ApiCall, PathSegment(id): PathSegment) -> Result<Json<Data<Value>>, ApiError> {
    view(&mut call.state(), call.key, &id)
}

pub(super) async fn update(
    call: ApiCall,
    PathSegment(id): PathSegment,
    JsonObject(body): JsonObject,
) -> Result<Json<Data<Value>>, ApiError> {
    let mut state = call.state();
    let (account, settings) = state.account(call.key);
    let mut stored = account.profile(&id).ok_or_else(not_found)?.fields.clone();
    let null_clears = settings.patch_null == PatchNull::Clear;
    if null_clears {
        let is_fixed = |name: &str| name == "flashcall" && settings.patch_flashcall != PatchFlashcall::Accept;
        stored.retain(|name, _| is_fixed(name) || !body.get(name).is_some_and(Value::is_null));
    }
    let reader = FieldReader::of_update(&body, null_clears);
    let fields = profile::read(reader, Some(&stored), settings, |id| account.template_text(id).is_some())?;
    let profile = account.profile_mut(&id).ok_or_else(not_found)?;
    (profile.fields, profile.updated_at) = (fields, call.now);
    view(&mut state, call.key, &id)
}

pub(super) async fn delete(call: ApiCall, PathSegment(id): PathSegment) -> Result<Json<Data<Value>>, ApiError> {
    let mut state = call.state();
    let deleted = view(&mut state, call.key, &id)?;
    let pending = state.verifications.pending(call.key, &id, call.now);
    match state.settings.delete_profile_with_pending {
        DeleteProfileWithPending::Keep => {}
        DeleteProfileWithPending::Remove => pending.into_iter().for_each(|number| state.verifications.remove(number)),
        DeleteProfileWithPending::Refuse if pending.is_empty() => {}
        DeleteProfileWithPending::Refuse => {
            let detail = "The profile has pending verifications.";
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, IN_USE, detail));
        }
    }
    state.account(call.key).0.profiles.retain(|profile| profile.id != id);
    Ok(deleted)
}

fn view(state: &mut SimulatorState, key: AccountKey, id: &str) -> Result<Json<Data<Value>>, ApiError> {
    let (account, settings) = state.account(key);
    let profile = account.profile(id).ok_or_else(not_found)?;
    Ok(Json(Data { data: profile.view(settings) }))
}

fn not_found() -> ApiError {
    ApiError::not_found("profile")
}
