//! The start of a verification.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    account::{Account, AccountKey},
    error::{ApiError, STRING_LENGTH},
    faults::MagicNumber,
    fields::FieldReader,
    limits,
    outbox::{Message, render},
    phone, profile,
    settings::{BadNumber, SecondKeypadCall, Settings, UnknownProfile},
    state::SimulatorState,
    verification::{NewVerification, SimulatedVerification},
    webhook::{MessageDelivery, MessageOutcome},
};
use crate::telnyx::{Channel, Verification, VerificationStatus, code};

/// The body of a send.
pub(super) struct SendInput<'a> {
    phone: &'a str,
    profile_id: &'a str,
    timeout_secs: Option<u64>,
    custom_code: Option<&'a str>,
}

impl<'a> SendInput<'a> {
    /// # Errors
    /// 422 with every wrong field, or the answer of the setting `bad_number`.
    pub(super) fn read(body: &'a Map<String, Value>, channel: Channel, settings: &Settings) -> Result<Self, ApiError> {
        let mut reader = FieldReader::new(body);
        let phone = reader.required_text("phone_number").unwrap_or_default();
        let profile_id = reader.required_text("verify_profile_id").unwrap_or_default();
        let timeouts = u64::from(settings.timeout_min_secs)..=u64::from(settings.timeout_max_secs);
        let timeout_secs = reader.integer("timeout_secs", timeouts).filter(|_| channel != Channel::DtmfConfirm);
        let takes_codes = matches!(channel, Channel::Sms | Channel::Call | Channel::Whatsapp);
        let custom_code = if takes_codes { reader.nullable_text("custom_code").flatten() } else { None };
        if let Some(custom) = custom_code {
            let (min, max) = (settings.custom_code_min, settings.custom_code_max);
            if !(min.into()..=max.into()).contains(&custom.len()) {
                reader.refuse("custom_code", STRING_LENGTH, &format!("It must have {min} to {max} digits."));
            } else if !custom.bytes().all(|byte| byte.is_ascii_digit()) {
                reader.refuse("custom_code", code::UNPROCESSABLE, "It must have digits only.");
            }
        }
        if channel == Channel::Call
            && let Some(Some(extension)) = reader.nullable_text("extension")
            && !extension.bytes().all(|byte| b"0123456789ABCD*#wW".contains(&byte))
        {
            reader.refuse("extension", code::UNPROCESSABLE, "It must have only 0-9, A-D, *, #, w and W.");
        }
        let is_text = reader.value("phone_number").is_some_and(Value::is_string);
        let is_bad = is_text && !phone::is_e164(phone);
        if is_bad && settings.bad_number == BadNumber::Unprocessable {
            reader.refuse("phone_number", code::NOT_E164, NOT_E164);
        }
        reader.finish(settings)?;
        if is_bad {
            Err(bad_number(settings.bad_number))
        } else {
            Ok(Self { phone, profile_id, timeout_secs, custom_code })
        }
    }
}

const NOT_E164: &str = "It must be a phone number in E.164, such as +13035551234.";

/// The answer to a phone number that is not E.164.
pub(super) fn bad_number(answer: BadNumber) -> ApiError {
    let (status, code) = match answer {
        BadNumber::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, code::NOT_E164),
        BadNumber::BadRequest => (StatusCode::BAD_REQUEST, code::INVALID_NUMBER),
    };
    ApiError::field(status, code, "/phone_number", NOT_E164)
}

/// Starts a verification, and puts its message into the outbox.
///
/// # Errors
/// The profile is missing or does not allow the send, or a limit is reached.
pub(super) fn send(
    state: &mut SimulatorState,
    key: AccountKey,
    channel: Channel,
    input: &SendInput<'_>,
    now: Timestamp,
) -> Result<Verification, ApiError> {
    if channel == Channel::DtmfConfirm {
        check_keypad_call(state, key, input.phone, now)?;
    }
    let (account, settings, ids) = state.parts(key);
    if account.profile(input.profile_id).is_none() {
        add_unknown_profile(account, settings, input.profile_id, now)?;
    }
    let profile = account.profile(input.profile_id).ok_or_else(|| ApiError::not_found("profile"))?;
    let block = profile.fields.get(channel.as_str());
    let block =
        block.ok_or_else(|| ApiError::bad_request(settings, &format!("No channel setting provided: {channel}")))?;
    if !profile::allows(block, input.phone) {
        let detail = "The country is not in whitelisted_destinations.";
        return Err(ApiError::field(StatusCode::BAD_REQUEST, code::REGION_NOT_ALLOWED, "/phone_number", detail));
    }
    let timeout_secs = input.timeout_secs.unwrap_or_else(|| profile::timeout_secs(block, settings));
    let code = (channel != Channel::DtmfConfirm).then(|| {
        let length = block["code_length"].as_u64().and_then(|length| usize::try_from(length).ok());
        let length = length.unwrap_or_else(|| settings.code_length_default.into());
        let given = input.custom_code.map(str::to_owned).or_else(|| settings.fixed_code.clone());
        given.unwrap_or_else(|| ids.code(length))
    });
    let template = block["messaging_template_id"].as_str().and_then(|id| account.template_text(id));
    let app_name = profile.app_name(channel);
    let text = render(template, channel, app_name, code.as_deref().unwrap_or_default(), timeout_secs.div_ceil(60));

    limits::send(state, key, input.phone, now)?;
    let (account, settings) = state.account(key);
    if let Some(profile) = account.profile_mut(input.profile_id) {
        limits::spend(profile, settings, now)?;
    }
    let usual = MessageDelivery { outcome: MessageOutcome::Delivered, after_secs: settings.delivered_after_secs };
    let magic = MagicNumber::find(input.phone).and_then(|number| number.delivery);
    let new = NewVerification {
        key,
        id: state.ids.uuid(),
        channel,
        phone: input.phone.to_owned(),
        profile_id: input.profile_id.to_owned(),
        timeout_secs,
        code,
        text,
        custom: input.custom_code.is_some(),
        delivery: magic.unwrap_or(usual),
    };
    Ok(start(state, SimulatedVerification::new(new, now)))
}

/// Answers a send with an unknown profile, or creates the profile, as the setting `unknown_profile` says.
fn add_unknown_profile(account: &mut Account, settings: &Settings, id: &str, now: Timestamp) -> Result<(), ApiError> {
    let refuse = |status, code: &str| Err(ApiError::field(status, code, "/verify_profile_id", "Profile not found"));
    match settings.unknown_profile {
        UnknownProfile::NotFound => refuse(StatusCode::NOT_FOUND, code::NOT_FOUND),
        UnknownProfile::BadRequest => refuse(StatusCode::BAD_REQUEST, &settings.bad_request_code.to_string()),
        UnknownProfile::Create => {
            account.add_profile(id.to_owned(), profile::with_all_channels("Created by a send", settings), now);
            Ok(())
        }
    }
}

/// Checks a keypad confirmation against the setting `second_keypad_call`.
fn check_keypad_call(state: &SimulatorState, key: AccountKey, phone: &str, now: Timestamp) -> Result<(), ApiError> {
    let mut calls = state.verifications.of_phone(key, phone);
    let is_open = calls
        .any(|other| other.new.channel == Channel::DtmfConfirm && other.status(now) == VerificationStatus::Pending);
    if is_open && state.settings.second_keypad_call == SecondKeypadCall::Refuse {
        let detail = "The number has an open keypad confirmation.";
        return Err(ApiError::new(StatusCode::CONFLICT, code::BEING_PROCESSED, detail));
    }
    Ok(())
}

/// Stores the verification, and puts its message into the outbox.
fn start(state: &mut SimulatorState, mut verification: SimulatedVerification) -> Verification {
    let (now, keep) = (verification.created_at, state.settings.keep);
    if verification.new.delivery.outcome == MessageOutcome::SendingFailed {
        verification.decide(VerificationStatus::Error, now);
    }
    if verification.new.delivery.outcome.arrives() {
        let new = &verification.new;
        let message = Message {
            phone_number: new.phone.clone(),
            channel: new.channel.as_str().to_owned(),
            text: new.text.clone(),
            code: new.code.clone(),
            account: new.key.to_string(),
            profile_id: new.profile_id.clone(),
            verification_id: new.id.clone(),
            sent_at: now,
        };
        state.outbox.push(message, keep);
    }
    let mut view = verification.view(now);
    // The answer to a send is always pending: the outcome comes later.
    view.status = Some(VerificationStatus::Pending);
    state.plan_webhooks(&verification);
    state.verifications.insert(verification, keep);
    view
}
