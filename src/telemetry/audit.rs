//! The audit: who did what, and what became of it. One event for each send, check, report and change of a profile or
//! template, for each call that is denied, and for each reload.
//!
//! The events have a target of their own, so that they can be told from the log, and are written whatever its level is.
//! They show of a phone number what the log does, and no code, token or key.

use std::sync::MutexGuard;

use tracing::info;

use super::Call;
use crate::{
    domain::{Country, PhoneNumber, TenantId},
    telnyx::Channel,
};

/// The target of all events.
pub const TARGET: &str = "audit";

/// What a call is about, as far as it is known.
#[derive(Debug, Default)]
pub struct Subject {
    /// The number, in the form that may be shown.
    phone_number: Option<String>,
    country: Option<Country>,
    /// The channel.
    pub channel: Option<Channel>,
    /// The profile.
    pub profile_id: Option<String>,
    /// The template.
    pub template_id: Option<String>,
    /// The verification.
    pub verification_id: Option<String>,
    /// What became of it, where that is more than that it was done.
    pub outcome: Option<&'static str>,
    /// Whether it is about a test number: nothing went to a phone, and a right code came from the tenants file.
    pub is_test_number: bool,
}

impl Subject {
    /// Notes the number.
    pub fn phone_number(&mut self, phone_number: &PhoneNumber) {
        self.phone_number = Some(phone_number.to_string());
        self.country = phone_number.country();
    }
}

/// Notes what the present call is about.
pub fn annotate(note: impl FnOnce(&mut Subject)) {
    if let Some(call) = Call::current() {
        note(&mut subject(&call));
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallEnd<'e> {
    /// What became of it in a word, but for what is known better.
    pub outcome: &'static str,
    /// Whether it was for want of credentials or permissions.
    pub denied: bool,
    /// Why it was not done.
    pub reason: Option<&'static str>,
    /// The rule that denied it.
    pub rule: Option<&'e str>,
    /// Why nobody is known to call.
    pub cause: Option<&'e str>,
}

/// Tells how `call` ended, if it is one of those that are audited.
pub fn ended(call: &Call, end: CallEnd<'_>) {
    let CallEnd { outcome, denied, reason, rule, cause } = end;
    let rpc = call.rpc.rsplit('/').next().unwrap_or_default();
    let event = match rpc {
        _ if denied => "denial",
        "CreateVerification" => "send",
        "CheckVerification" => "check",
        "ReportVerification" => "report",
        "CreateProfile" => "profile_created",
        "UpdateProfile" => "profile_changed",
        "DeleteProfile" => "profile_deleted",
        "CreateTemplate" => "template_created",
        "UpdateTemplate" => "template_changed",
        _ => return,
    };
    let about = subject(call);
    let outcome = about.outcome.filter(|_| reason.is_none()).unwrap_or(outcome);
    let country = about.country.map(|country| country.to_string());
    info!(
        target: TARGET,
        event,
        rpc = call.rpc,
        tenant = call.tenant.get().map(TenantId::as_str),
        identity = call.identity.get().map(|identity| &**identity),
        outcome,
        reason,
        rule,
        cause,
        phone_number = about.phone_number.as_deref(),
        country = country.as_deref(),
        channel = about.channel.map(Channel::as_str),
        profile_id = about.profile_id.as_deref(),
        template_id = about.template_id.as_deref(),
        verification_id = about.verification_id.as_deref(),
        test_number = about.is_test_number.then_some(true),
        request_id = call.request_id.as_str(),
        trace_id = call.trace.map(|(trace, _)| trace.to_string()).as_deref(),
        "{event}: {outcome}"
    );
}

/// Tells that `what` was read again, with so many errors.
pub fn reloaded(what: &'static str, errors: Option<usize>) {
    let outcome = if errors.is_some() { "failed" } else { "ok" };
    info!(target: TARGET, event = "reload", what, outcome, errors, "reload: {outcome}");
}

fn subject(call: &Call) -> MutexGuard<'_, Subject> {
    call.subject.lock()
}
