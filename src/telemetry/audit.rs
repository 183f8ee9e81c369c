//! Audit events: who did what, with which outcome. One event for each send, check, report, change of a profile or
//! template, denied call, and reload. Denials of strangers are summed up ([`Refusals`](super::Refusals)).
//!
//! The events have a target of their own and are written at every log level. They show phone numbers as the log does,
//! and no code, token or key.

use std::sync::Arc;

use tracing::info;

use super::call::{Call, JwtSource, Subject};
use crate::{
    domain::{NumberType, PhoneNumber, TenantId},
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
    /// Whether permissions were missing.
    pub denied: bool,
    /// The gRPC code.
    pub code: &'static str,
    /// The reason of the error.
    pub reason: Option<&'static str>,
    /// The rule that denied it.
    pub rule: Option<&'e str>,
    /// The cause of the error, for operators.
    pub cause: Option<&'e str>,
    /// How long the call took, in milliseconds.
    pub duration_ms: f64,
}

/// Why a call without an identity was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefusalKind {
    /// The gRPC code.
    pub code: &'static str,
    /// The reason of the error.
    pub reason: &'static str,
    /// What was wrong, for operators.
    pub cause: String,
    /// Whether credentials were missing. These refusals are audited.
    pub is_denial: bool,
}

/// Writes an audit event of a call. Denials have a name of their own: the log drops them first.
macro_rules! of_call {
    ($event:ident, $call:expr, { $($fields:tt)* }, $($message:tt)+) => {{
        let call: Option<&Call> = $call;
        let peer = call.and_then(|call| call.peer).map(|peer| peer.to_string());
        macro_rules! write {
            ($name:literal) => {
                info!(
                    name: $name,
                    target: TARGET,
                    event = $event,
                    rpc = call.map(|call| call.rpc),
                    $($fields)*
                    peer = peer.as_deref(),
                    request_id = call.and_then(|call| call.request_id.get()).map(ToString::to_string).as_deref(),
                    call_id = call.map(|call| call.call_id.as_str()),
                    trace_id = call.and_then(|call| call.trace).map(|(trace, _)| trace.to_string()).as_deref(),
                    $($message)+
                )
            };
        }
        if $event == DENIAL { write!("denial") } else { write!("audit") }
    }};
}

/// The event of calls that lack credentials or permissions, and the name of its callsite.
pub(super) const DENIAL: &str = "denial";

/// Writes the audit event of a call that ended, if its RPC is audited. Returns whether it is.
pub fn ended(call: &Call, end: CallEnd<'_>) -> bool {
    let CallEnd { outcome, denied, code, reason, rule, cause, duration_ms } = end;
    let Some(event) = denied.then_some(DENIAL).or_else(|| event(call.rpc)) else { return false };
    let subject = call.subject.lock();
    let outcome = subject.outcome.filter(|_| reason.is_none()).unwrap_or(outcome);
    let country = subject.country.map(|country| country.to_string());
    of_call!(event, Some(call), {
        tenant = call.tenant.get().map(TenantId::as_str),
        identity = call.identity.get().map(|identity| &**identity),
        issuer = subject.jwt.as_ref().map(JwtSource::issuer),
        key_id = subject.jwt.as_ref().and_then(JwtSource::key_id),
        outcome,
        code,
        reason,
        rule,
        cause,
        duration_ms,
        phone_number = subject.phone_number.as_deref(),
        phone_hash = subject.phone_hash.as_deref(),
        country = country.as_deref(),
        country_assumed = subject.country_assumed.then_some(true),
        number_type = subject.number_type.map(NumberType::as_str),
        channel = subject.channel.map(Channel::as_str),
        profile_id = subject.profile_id.as_deref(),
        template_id = subject.template_id.as_deref(),
        verification_id = subject.verification_id.as_deref(),
        test_number = subject.is_test_number.then_some(true),
    }, "{event}: {outcome}");
    true
}

/// Writes the audit event of `call`, whose caller went away, when its last work has ended: a send may still take effect.
/// Returns whether it has an audit event.
pub fn abandoned(call: &Arc<Call>, duration_ms: f64) -> bool {
    let _ = call.abandoned_after.set(duration_ms);
    let _ = call.at_end.set(|call| {
        let duration_ms = call.abandoned_after.get().copied().unwrap_or_default();
        ended(call, CallEnd { outcome: "abandoned", code: "CANCELLED", duration_ms, ..CallEnd::default() });
    });
    event(call.rpc).is_some()
}

/// The audit event of an RPC.
fn event(rpc: &str) -> Option<&'static str> {
    Some(match rpc.rsplit('/').next().unwrap_or_default() {
        "CreateVerification" => "send",
        "CheckVerification" => "check",
        "ReportVerification" => "report",
        "CreateProfile" => "profile_created",
        "UpdateProfile" => "profile_changed",
        "DeleteProfile" => "profile_deleted",
        "CreateTemplate" => "template_created",
        "UpdateTemplate" => "template_changed",
        _ => return None,
    })
}

/// Writes the audit event of `count` calls whose callers could not be authenticated. It may be one `call`.
pub(super) fn denied(call: Option<&Call>, count: usize, peers: &str, kind: &RefusalKind) {
    let RefusalKind { code, reason, cause, .. } = kind;
    let subject = call.map(|call| call.subject.lock());
    let jwt = subject.as_ref().and_then(|subject| subject.jwt.as_ref());
    of_call!(DENIAL, call, {
        issuer = jwt.map(JwtSource::issuer),
        key_id = jwt.and_then(JwtSource::key_id),
        outcome = "denied",
        code,
        reason,
        cause,
        count,
        peers,
    }, "denial: denied");
}

/// Writes the audit event of an operator who asked for a phone number (`phone_read`), or had what limits count of it
/// forgotten (`phone_unlocked`), at the admin port.
pub fn phone(event: &'static str, tenant: &str, phone_number: &PhoneNumber, phone_hash: &str, outcome: &'static str) {
    let phone_number = phone_number.to_string();
    info!(target: TARGET, event, tenant, outcome, phone_number, phone_hash, "{event}: {outcome}");
}

/// Writes the audit event of a reload. A reload that failed has a number of errors.
pub fn reloaded(what: &'static str, errors: Option<usize>) {
    let outcome = if errors.is_some() { "failed" } else { "ok" };
    info!(target: TARGET, event = "reload", what, outcome, errors, "reload: {outcome}");
}
