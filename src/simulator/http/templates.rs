//! `/verify_profiles/templates`.

use axum::Json;
use http::StatusCode;
use serde_json::{Map, Value};

use super::extract::{ApiCall, JsonObject, PathSegment};
use crate::{
    simulator::{
        account::prebuilt_text,
        error::{AUTHORIZATION_FAILED, ApiError, STRING_LENGTH},
        fields::FieldReader,
        settings::{PrebuiltTemplates, Settings, TemplateWithoutCode},
    },
    telnyx::{Data, List, Template, code},
};

pub(super) async fn list(call: ApiCall) -> Json<List<Template>> {
    Json(List { data: call.state().account(call.key).0.templates(), meta: None })
}

pub(super) async fn create(call: ApiCall, JsonObject(body): JsonObject) -> Result<Json<Data<Template>>, ApiError> {
    let mut state = call.state();
    let text = read(&body, &state.settings)?;
    let id = state.ids.uuid();
    Ok(Json(Data { data: state.account(call.key).0.put_template(&id, text) }))
}

pub(super) async fn update(
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
    let text = read(&body, settings)?;
    Ok(Json(Data { data: account.put_template(&id, text) }))
}

fn read<'a>(body: &'a Map<String, Value>, settings: &Settings) -> Result<&'a str, ApiError> {
    let mut reader = FieldReader::new(body);
    let text = reader.required_text("text").unwrap_or_default();
    if reader.value("text").is_some_and(|value| value == "") {
        reader.refuse("text", STRING_LENGTH, "It must not be empty.");
    } else if settings.template_without_code == TemplateWithoutCode::Refuse && !text.contains("{{code}}") {
        reader.refuse("text", code::UNPROCESSABLE, "It must contain {{code}}.");
    }
    reader.finish().map(|()| text)
}
