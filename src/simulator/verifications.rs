//! `/verifications`, apart from the checks.

use axum::{Json, extract::State as Shared};
use http::{StatusCode, Uri};
use serde_json::{Map, Value};

use super::{
    auth::Caller,
    block,
    body::{Fields, Object},
    error::{Error, STRING_LENGTH},
    handle::Handle,
    limits, numbers,
    outbox::{Message, render},
    paging::Query,
    phone,
    records::{New, Record, Status},
    segment::Segment,
    settings::{
        Settings,
        choice::{BadNumber, PhoneListPaging, RawPlus},
    },
    state::State,
    templates,
};
use crate::telnyx::{Channel, Data, List, Verification, VerificationStatus, code};

/// What a send asks for.
struct Send<'a> {
    phone: &'a str,
    profile_id: &'a str,
    timeout_secs: Option<u64>,
    custom_code: Option<&'a str>,
}

pub(super) async fn send(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(channel): Segment,
    Object(body): Object,
) -> Result<Json<Data<Verification>>, Error> {
    let channel = Channel::from_name(&channel).ok_or_else(|| Error::not_found("channel"))?;
    let now = simulator.now();
    let mut guard = simulator.state();
    let state = &mut *guard;
    let send = read(&body, channel, &state.settings)?;

    let account = state.accounts.entry(key).or_default();
    let profile = account.profiles.iter().find(|profile| profile.id == send.profile_id);
    let profile = profile.ok_or_else(|| {
        let detail = "There is no such profile.";
        Error::field(StatusCode::NOT_FOUND, code::NOT_FOUND, "/verify_profile_id", detail)
    })?;
    let Some(block) = profile.fields.get(channel.as_str()) else {
        let detail = format!("No channel setting provided: {channel}");
        return Err(Error::new(StatusCode::BAD_REQUEST, &state.settings.bad_request_code.to_string(), detail));
    };
    if !block::allows(block, send.phone) {
        let detail = "The country is not in whitelisted_destinations.";
        return Err(Error::field(StatusCode::BAD_REQUEST, code::REGION_NOT_ALLOWED, "/phone_number", detail));
    }
    let timeout_secs = send.timeout_secs.unwrap_or_else(|| block::timeout_secs(block, &state.settings));
    let code = (channel != Channel::DtmfConfirm).then(|| {
        let length = block["code_length"].as_u64().and_then(|length| usize::try_from(length).ok());
        let length = length.unwrap_or_else(|| state.settings.code_length_default.into());
        let given = send.custom_code.map(str::to_owned).or_else(|| state.settings.fixed_code.clone());
        given.unwrap_or_else(|| state.ids.code(length))
    });
    let template = block["messaging_template_id"].as_str().and_then(|id| templates::text(account, id));
    let app_name = profile.app_name(channel);
    let text = render(template, channel, app_name, code.as_deref().unwrap_or_default(), timeout_secs.div_ceil(60));

    limits::send(state, key, send.phone, now)?;
    if let Some(profile) = state.accounts.entry(key).or_default().profile(send.profile_id) {
        limits::spend(profile, &state.settings, now)?;
    }
    let new = New {
        key,
        id: state.ids.uuid(),
        channel,
        phone: send.phone.to_owned(),
        profile_id: send.profile_id.to_owned(),
        timeout_secs,
        code,
        custom: send.custom_code.is_some(),
    };
    Ok(Json(Data { data: start(state, Record::new(new, now), text) }))
}

/// Puts the message into the outbox, and the verification on record.
fn start(state: &mut State, mut record: Record, text: String) -> Verification {
    let now = record.created_at;
    if record.phone == numbers::UNDELIVERED {
        record.decide(Status::Error, now);
    } else {
        let message = Message {
            phone_number: record.phone.clone(),
            channel: record.channel.as_str().to_owned(),
            text,
            code: record.code.clone(),
            verification_id: record.id.clone(),
            sent_at: now,
        };
        state.outbox.push(message, state.settings.keep);
    }
    let mut view = record.view(now);
    // The answer to a send comes before the message has failed.
    view.status = Some(VerificationStatus::Pending);
    state.records.insert(record, state.settings.keep);
    view
}

pub(super) async fn get(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(id): Segment,
) -> Result<Json<Data<Verification>>, Error> {
    let now = simulator.now();
    let mut state = simulator.state();
    let record = state.records.get(key, &id).ok_or_else(|| Error::not_found("verification"))?;
    Ok(Json(Data { data: record.view(now) }))
}

pub(super) async fn list(
    Shared(simulator): Shared<Handle>,
    Caller(key): Caller,
    Segment(phone): Segment,
    uri: Uri,
    query: Query,
) -> Result<Json<List<Verification>>, Error> {
    let now = simulator.now();
    let state = simulator.state();
    // The document declares no 422 for reads.
    check_path(&uri, &phone, &state.settings, BadNumber::BadRequest)?;
    let found: Vec<_> = state.records.of_phone(key, &phone).map(|record| record.view(now)).collect();
    Ok(Json(match state.settings.phone_list_paging {
        PhoneListPaging::Paged => query.page(found, &state.settings, state.settings.max_page_size.into()),
        PhoneListPaging::OnePage => Query::one_page(found.len()).page(found, &state.settings, u64::MAX),
    }))
}

/// Refuses a path whose phone number is none, or is written in a way that is not taken.
pub(super) fn check_path(uri: &Uri, number: &str, settings: &Settings, bad: BadNumber) -> Result<(), Error> {
    if settings.raw_plus == RawPlus::NotFound && uri.path().contains('+') {
        return Err(Error::not_found("resource"));
    }
    if phone::is_e164(number) { Ok(()) } else { Err(bad_number(bad)) }
}

fn bad_number(answer: BadNumber) -> Error {
    let (status, code) = match answer {
        BadNumber::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, code::NOT_E164),
        BadNumber::BadRequest => (StatusCode::BAD_REQUEST, code::INVALID_NUMBER),
    };
    Error::field(status, code, "/phone_number", "It must be a phone number in E.164, such as +13035551234.")
}

fn read<'a>(body: &'a Map<String, Value>, channel: Channel, settings: &Settings) -> Result<Send<'a>, Error> {
    let mut fields = Fields::new(body);
    let phone = fields.required_text("phone_number").unwrap_or_default();
    let profile_id = fields.required_text("verify_profile_id").unwrap_or_default();
    let timeouts = u64::from(settings.timeout_min_secs)..=u64::from(settings.timeout_max_secs);
    let timeout_secs = fields.integer("timeout_secs", timeouts).filter(|_| channel != Channel::DtmfConfirm);
    let takes_codes = matches!(channel, Channel::Sms | Channel::Call | Channel::Whatsapp);
    let custom_code = if takes_codes { fields.nullable_text("custom_code").flatten() } else { None };
    if let Some(custom) = custom_code {
        if !(4..=10).contains(&custom.len()) {
            fields.refuse("custom_code", STRING_LENGTH, "It must have 4 to 10 digits.");
        } else if !custom.bytes().all(|byte| byte.is_ascii_digit()) {
            fields.refuse("custom_code", code::UNPROCESSABLE, "It must hold digits only.");
        }
    }
    if channel == Channel::Call
        && let Some(Some(extension)) = fields.nullable_text("extension")
        && !extension.bytes().all(|byte| b"0123456789ABCD*#wW".contains(&byte))
    {
        fields.refuse("extension", code::UNPROCESSABLE, "It must hold 0-9, A-D, *, #, w and W only.");
    }
    let is_text = fields.value("phone_number").is_some_and(Value::is_string);
    let is_bad = is_text && !phone::is_e164(phone);
    if is_bad && settings.bad_number == BadNumber::Unprocessable {
        fields.refuse("phone_number", code::NOT_E164, "It must be a phone number in E.164, such as +13035551234.");
    }
    fields.finish()?;
    if is_bad {
        return Err(bad_number(settings.bad_number));
    }
    Ok(Send { phone, profile_id, timeout_secs, custom_code })
}
