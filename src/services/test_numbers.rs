//! Test numbers: nothing of them reaches Telnyx.
//!
//! The tenants file alone decides whether a code is right, so that this holds on every replica and after every restart.
//! What a verification looks like is remembered in the store for a day, as far as that can be written.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Builder;

use super::{
    Check, Origin, Outcome, Send, VerificationRef, Verifications, check::Report, idempotency::IdempotentOperation,
};
use crate::{
    domain::{CallContext, Error, TestNumber},
    limits::{CheckResult, VerificationKey},
    pb::ErrorReason,
    store::Change,
    telemetry::audit,
    telnyx::{CheckResponse, List, ResponseCode, Time, Verification, VerificationStatus},
};

/// How long it is remembered what a verification looks like.
const KEEP: Duration = Duration::from_hours(24);
/// What the ids of their verifications begin with, so that people know them: "TEST".
const MARK: [u8; 2] = [0x7e, 0x57];

impl Verifications {
    /// Starts a verification of a test number, if it is about one: the same for every channel and profile.
    pub(super) async fn answer_send_for_test_number(
        &self,
        context: &CallContext,
        send: &Send,
    ) -> Option<Outcome<Verification>> {
        let number = context.tenant.test_numbers.get(&send.phone_number, self.deps.clock.now())?;
        let now = Some(Time(self.deps.clock.now()));
        let verification = Verification {
            id: Some(id(context, number)),
            verify_profile_id: Some(send.profile_id.clone()),
            channel: Some(send.channel.as_str().to_owned()),
            status: Some(VerificationStatus::Pending),
            timeout_secs: send.timeout_secs,
            // That there was one is all that is told.
            custom_code: send.custom_code.as_ref().map(|_| String::new()),
            created_at: now,
            updated_at: now,
            ..Verification::default()
        };
        self.remember(context, number, |_| Some(verification.clone())).await;
        audited(number, id(context, number), "started");
        let verification = with_number(verification, number);
        Some(Outcome { answer: verification, origin: Origin::TestNumber })
    }

    /// Checks a code for a test number, if it is about one.
    pub(super) async fn answer_check_for_test_number(
        &self,
        context: &CallContext,
        check: &Check,
    ) -> Option<Result<Outcome<CheckResponse>, Error>> {
        let number = match &check.target {
            VerificationRef::Id(id) => self.test_number(context, id),
            VerificationRef::Phone { phone_number, .. } => {
                context.tenant.test_numbers.get(phone_number, self.deps.clock.now())
            }
        }?;
        // Its code is fixed, so guesses of it are bounded like those of any number; its one verification never ends.
        let key = VerificationKey::PhoneNumber { phone_number: number.phone_number.as_e164(), profile_id: "" };
        let reservation = match self.deps.limiter.reserve_check(&context.tenant, key).await {
            Ok(reservation) => reservation,
            Err(refused) => {
                audited(number, id(context, number), "refused");
                return Some(Err(refused));
            }
        };
        let is_right = check.code == number.code;
        let (response_code, status, result) = if is_right {
            (ResponseCode::Accepted, Some(VerificationStatus::Accepted), CheckResult::Over)
        } else {
            (ResponseCode::Rejected, None, CheckResult::Wrong)
        };
        self.deps.limiter.finish_check(&context.tenant, reservation, result, None).await;
        Some(Ok(self.record_check_for_test_number(context, number, response_code, status).await))
    }

    /// Takes the report of a check for a test number, if it is about one.
    pub(super) async fn answer_report_for_test_number(
        &self,
        context: &CallContext,
        report: &Report,
    ) -> Option<Outcome<CheckResponse>> {
        let number = self.test_number(context, &report.verification_id)?;
        let (response_code, status) = (report.response_code(), Some(report.status()));
        Some(self.record_check_for_test_number(context, number, response_code, status).await)
    }

    /// Reads the verification of a test number, if it is about one.
    pub(super) async fn answer_get_for_test_number(
        &self,
        context: &CallContext,
        id: &str,
    ) -> Option<Result<Outcome<Verification>, Error>> {
        let number = self.test_number(context, id)?;
        let not_found = || {
            let message = "nothing was started for this test number of late";
            Error::new(ErrorReason::VerificationNotFound, message).resource("verification", id)
        };
        let answer = self.recall(context, number).await.ok_or_else(not_found);
        Some(answer.map(|answer| Outcome { answer, origin: Origin::TestNumber }))
    }

    /// Lists the one verification of a test number, or none, if it is about one.
    pub(super) async fn answer_list_for_test_number(
        &self,
        context: &CallContext,
        number: &TestNumber,
    ) -> Outcome<List<Verification>> {
        let data = self.recall(context, number).await.into_iter().collect();
        Outcome { answer: List { data, meta: None }, origin: Origin::TestNumber }
    }

    /// The test number whose verification has this id.
    fn test_number<'c>(&self, context: &'c CallContext, of: &str) -> Option<&'c TestNumber> {
        let begins = of.as_bytes().starts_with(b"7e57");
        begins
            .then(|| context.tenant.test_numbers.live(self.deps.clock.now()).find(|number| id(context, number) == of))?
    }

    async fn record_check_for_test_number(
        &self,
        context: &CallContext,
        number: &TestNumber,
        response_code: ResponseCode,
        status: Option<VerificationStatus>,
    ) -> Outcome<CheckResponse> {
        if let Some(status) = status {
            let now = Some(Time(self.deps.clock.now()));
            self.remember(context, number, |verification| {
                let status = Some(status.clone());
                verification.map(|verification| Verification { status, updated_at: now, ..verification })
            })
            .await;
        }
        audited(number, id(context, number), response_code.known().unwrap_or_default());
        let phone_number = Some(number.phone_number.as_e164().to_owned());
        let answer = CheckResponse { phone_number, response_code: Some(response_code) };
        Outcome { answer, origin: Origin::TestNumber }
    }

    /// Remembers what the verification of a test number looks like. It is a courtesy: no answer fails for want of it.
    async fn remember(
        &self,
        context: &CallContext,
        number: &TestNumber,
        change: impl Fn(Option<Verification>) -> Option<Verification>,
    ) {
        let key = key(context, number);
        let remembered = self.deps.store.update(&key, |verification| match change(verification) {
            Some(verification) => (Change::Put(Send::redact(&verification), KEEP), ()),
            None => (Change::Keep, ()),
        });
        if let Err(error) = remembered.await {
            tracing::warn!(%error, "what a test number's verification looks like could not be noted");
        }
    }

    async fn recall(&self, context: &CallContext, number: &TestNumber) -> Option<Verification> {
        let recalled = self.deps.store.update(&key(context, number), |verification| (Change::Keep, verification)).await;
        recalled.ok().flatten().map(|verification| with_number(verification, number))
    }
}

fn with_number(verification: Verification, number: &TestNumber) -> Verification {
    Verification { phone_number: Some(number.phone_number.as_e164().to_owned()), ..verification }
}

/// The id of the verification of a test number: always the same, and known by its beginning.
fn id(context: &CallContext, number: &TestNumber) -> String {
    let name = format!("test number\0{}\0{}", context.tenant.id, number.phone_number.as_e164());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, name.as_bytes()).as_ref()[..16]);
    bytes[..2].copy_from_slice(&MARK);
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn key(context: &CallContext, number: &TestNumber) -> String {
    format!("test:{}:{}", context.tenant.id, id(context, number))
}

/// Whoever reads the audit sees that nothing came from or went to a phone.
fn audited(number: &TestNumber, verification_id: String, outcome: &'static str) {
    audit::annotate(|subject| {
        subject.is_test_number = true;
        subject.phone_number(&number.phone_number);
        subject.verification_id = Some(verification_id);
        subject.outcome = Some(outcome);
    });
}
