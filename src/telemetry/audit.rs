//! Audit events: who did what, with which outcome. One event for each send, check, report, change of a profile or
//! template, denied call, and reload.
//!
//! The events have a target of their own and are written at every log level. They show phone numbers as the log does,
//! and no code, token or key.

use tracing::info;

use super::call::{Call, Subject};
use crate::{
    domain::{NumberType, TenantId},
    telnyx::Channel,
};

/// The target of all audit events.
pub const TARGET: &str = "audit";

/// Adds to the subject of the current call.
pub fn annotate(set: impl FnOnce(&mut Subject)) {
    if let Some(call) = Call::current() {
        set(&mut call.subject.lock());
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallEnd<'e> {
    /// The outcome, unless the subject has a more precise one.
    pub outcome: &'static str,
    /// Whether credentials or permissions were missing.
    pub denied: bool,
    /// The reason of the error.
    pub reason: Option<&'static str>,
    /// The rule that denied it.
    pub rule: Option<&'e str>,
    /// Why the caller could not be authenticated.
    pub cause: Option<&'e str>,
}

/// Writes the audit event of a call that ended, if its RPC is audited.
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
    let subject = call.subject.lock();
    let outcome = subject.outcome.filter(|_| reason.is_none()).unwrap_or(outcome);
    let country = subject.country.map(|country| country.to_string());
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
        phone_number = subject.phone_number.as_deref(),
        country = country.as_deref(),
        country_assumed = subject.country_assumed.then_some(true),
        number_type = subject.number_type.map(NumberType::as_str),
        channel = subject.channel.map(Channel::as_str),
        profile_id = subject.profile_id.as_deref(),
        template_id = subject.template_id.as_deref(),
        verification_id = subject.verification_id.as_deref(),
        test_number = subject.is_test_number.then_some(true),
        request_id = call.request_id.as_str(),
        trace_id = call.trace.map(|(trace, _)| trace.to_string()).as_deref(),
        "{event}: {outcome}"
    );
}

/// Writes the audit event of a reload. A reload that failed has a number of errors.
pub fn reloaded(what: &'static str, errors: Option<usize>) {
    let outcome = if errors.is_some() { "failed" } else { "ok" };
    info!(target: TARGET, event = "reload", what, outcome, errors, "reload: {outcome}");
}
