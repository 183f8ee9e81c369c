//! `/verify_profiles/templates`.

use axum::{Json, extract::State as Shared};
use http::StatusCode;

use super::{
    auth::Caller,
    body::{Fields, Object},
    error::{AUTHORIZATION_FAILED, Error, STRING_LENGTH},
    handle::Handle,
    segment::Segment,
    settings::{
        Settings,
        choice::{PrebuiltTemplates, TemplateWithoutCode},
    },
    state::Account,
};
use crate::telnyx::{Data, List, Template, code};

/// The texts of the prebuilt templates, in the order of [`Template::PREBUILT`]. Telnyx publishes their ids and one text.
const PREBUILT_TEXTS: [&str; 6] = [
    "Your {{app_name}} verification code is: {{code}}.",
    "{{code}} is your {{app_name}} verification code.",
    "{{app_name}}: use {{code}} to verify your number.",
    "Your {{app_name}} code is {{code}}. It expires in {{default_verification_timeout_secs}} minutes.",
    "{{code}} is your {{app_name}} code. Do not share it with anyone.",
    "Use {{code}} to sign in to {{app_name}} within {{default_verification_timeout_secs}} minutes.",
];

pub(super) async fn list(Shared(simulator): Shared<Handle>, Caller(key): Caller) -> Json<List<Template>> {
    let mut state = simulator.state();
    let (_, account) = state.account_view(key);
    let prebuilt = Template::PREBUILT.into_iter().filter_map(|id| Some(template(id, text(account, id)?)));
    let own = account.templates.iter().filter(|own| own.id.as_deref().is_none_or(|id| prebuilt_text(id).is_none()));
    Json(List { data: prebuilt.chain(own.cloned()).collect(), meta: None })
}

pub(super) async fn create(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Object(body): Object,
) -> Result<Json<Data<Template>>, Error> {
    let mut state = simulator.state();
    let text = read(Fields::new(&body), &state.settings)?;
    let new = template(&state.ids.uuid(), text);
    state.account(key).templates.push(new.clone());
    Ok(Json(Data { data: new }))
}

pub(super) async fn update(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(id): Segment,
    Object(body): Object,
) -> Result<Json<Data<Template>>, Error> {
    let mut state = simulator.state();
    let fixed = state.settings.prebuilt_templates == PrebuiltTemplates::Fixed;
    let (settings, account) = state.account_view(key);
    if self::text(account, &id).is_none() {
        return Err(Error::not_found("template"));
    }
    if fixed && prebuilt_text(&id).is_some() {
        let detail = "A prebuilt template can't be changed.";
        return Err(Error::new(StatusCode::FORBIDDEN, AUTHORIZATION_FAILED, detail));
    }
    let new = template(&id, read(Fields::new(&body), settings)?);
    let own = &mut state.account(key).templates;
    match own.iter_mut().find(|own| own.id.as_ref() == Some(&id)) {
        Some(own) => *own = new.clone(),
        None => own.push(new.clone()),
    }
    Ok(Json(Data { data: new }))
}

/// The text of a template that an account may use.
pub(super) fn text<'a>(account: &'a Account, id: &str) -> Option<&'a str> {
    let own = account.templates.iter().find(|own| own.id.as_deref() == Some(id));
    own.and_then(|own| own.text.as_deref()).or_else(|| prebuilt_text(id))
}

fn prebuilt_text(id: &str) -> Option<&'static str> {
    Template::PREBUILT.iter().zip(PREBUILT_TEXTS).find_map(|(&prebuilt, text)| (prebuilt == id).then_some(text))
}

fn template(id: &str, text: &str) -> Template {
    Template { id: Some(id.to_owned()), text: Some(text.to_owned()) }
}

fn read<'a>(mut fields: Fields<'a>, settings: &Settings) -> Result<&'a str, Error> {
    let text = fields.required_text("text").unwrap_or_default();
    if fields.value("text").is_some_and(|value| value == "") {
        fields.refuse("text", STRING_LENGTH, "It must not be empty.");
    } else if settings.template_without_code == TemplateWithoutCode::Refuse && !text.contains("{{code}}") {
        fields.refuse("text", code::UNPROCESSABLE, "It must hold {{code}}.");
    }
    fields.finish().map(|()| text)
}
