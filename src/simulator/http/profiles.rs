//! `/verify_profiles` and `/verify_profiles/templates`.

use axum::Json;
use http::StatusCode;
use serde_json::{Map, Value};

use super::{
    extract::{ApiCall, JsonObject, PathSegment},
    paging::ListQuery,
};
use crate::{
    simulator::{
        account::{AccountKey, prebuilt_text},
        error::{AUTHORIZATION_FAILED, ApiError, IN_USE, STRING_LENGTH},
        fields::FieldReader,
        profile,
        settings::{
            DeleteProfileWithPending, EmptyProfileList, FilterName, PatchFlashcall, PatchNull, PrebuiltTemplates,
            Settings, TemplateWithoutCode,
        },
        state::SimulatorState,
    },
    telnyx::{Data, List, Template, code},
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

pub(super) async fn list_templates(call: ApiCall) -> Json<List<Template>> {
    Json(List { data: call.state().account(call.key).0.templates(), meta: None })
}

pub(super) async fn create_template(
    call: ApiCall,
    JsonObject(body): JsonObject,
) -> Result<Json<Data<Template>>, ApiError> {
    let mut state = call.state();
    let text = template_text(&body, &state.settings)?;
    let id = state.ids.uuid();
    Ok(Json(Data { data: state.account(call.key).0.put_template(&id, text) }))
}

pub(super) async fn update_template(
    call: ApiCall,
    PathSegment(id): PathSegment,
    JsonObject(body): JsonObject,
) -> Result<Json<Data<Template>>, ApiError> {
    let mut state = call.state();
    let (account, settings) = state.account(call.key);
    if account.template_text(&id).is_none() {
        return Err(ApiError::not_found("template"));
    }
    if settings.prebuilt_templates == PrebuiltTemplates::Fixed && prebuilt_text(&id).is_some() {
        let detail = "A prebuilt template cannot be changed.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, AUTHORIZATION_FAILED, detail));
    }
    let text = template_text(&body, settings)?;
    Ok(Json(Data { data: account.put_template(&id, text) }))
}

fn template_text<'a>(body: &'a Map<String, Value>, settings: &Settings) -> Result<&'a str, ApiError> {
    let mut reader = FieldReader::new(body);
    let text = reader.required_text("text").unwrap_or_default();
    if reader.value("text").is_some_and(|value| value == "") {
        reader.refuse("text", STRING_LENGTH, "It must not be empty.");
    } else if settings.template_without_code == TemplateWithoutCode::Refuse && !text.contains("{{code}}") {
        reader.refuse("text", code::UNPROCESSABLE, "It must contain {{code}}.");
    }
    reader.finish(settings).map(|()| text)
}
