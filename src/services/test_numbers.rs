//! Test numbers: no call for a test number reaches Telnyx.
//!
//! The tenants file alone decides whether a code is right, so every replica gives the same result, also after a restart.
//! The store keeps the last verification of a test number for a day. No answer fails if it cannot.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use uuid::Builder;

use super::{Outcome, Report, Send, Verifications, dependencies::Dependencies, idempotency::IdempotentOperation};
use crate::{
    domain::{CallContext, Error, Tenant, TestNumber, VerificationRef},
    limits::CheckResult,
    pb::ErrorReason,
    secret::Secret,
    store::{self, Change},
    telemetry::audit,
    telnyx::{CheckResponse, List, ResponseCode, Time, Verification, VerificationStatus},
};

/// How long the last verification of a test number is kept.
const KEEP: Duration = Duration::from_hours(24);
/// How the IDs of test verifications begin, so that a person recognizes them: "TEST".
const ID_PREFIX: [u8; 2] = [0x7e, 0x57];

/// A test number, and the one verification that it has.
pub(super) struct TestVerification<'c> {
    tenant: &'c Tenant,
    number: &'c TestNumber,
    id: String,
}

/// The last verification of a test number.
#[derive(Deserialize, Serialize)]
struct TestRecord(#[serde(with = "store::telnyx")] Verification);

impl Verifications {
    /// The test number that a call is about, if it is about one.
    pub(super) fn test_number<'c>(
        &self,
        context: &'c CallContext,
        target: &VerificationRef,
    ) -> Option<TestVerification<'c>> {
        let (tenant, now) = (&*context.tenant, self.deps.clock.now());
        match target {
            VerificationRef::PhoneNumber { phone_number, .. } => {
                tenant.test_numbers.get(phone_number, now).map(|number| TestVerification::new(tenant, number))
            }
            // Few IDs have the prefix, and only those are compared.
            VerificationRef::Id(id) if id.starts_with("7e57") => {
                let mut all = tenant.test_numbers.live(now).map(|number| TestVerification::new(tenant, number));
                all.find(|one| one.id == *id)
            }
            VerificationRef::Id(_) => None,
        }
    }
}

impl<'c> TestVerification<'c> {
    pub(super) fn new(tenant: &'c Tenant, number: &'c TestNumber) -> Self {
        let name = format!("test number\0{}\0{}", tenant.id, number.phone_number.as_e164());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest(&SHA256, name.as_bytes()).as_ref()[..16]);
        bytes[..2].copy_from_slice(&ID_PREFIX);
        Self { tenant, number, id: Builder::from_custom_bytes(bytes).into_uuid().to_string() }
    }

    /// Starts a verification: the same for every channel and profile.
    pub(super) async fn answer_send(&self, deps: &Dependencies, send: &Send) -> Outcome<Verification> {
        let now = Some(Time(deps.clock.now()));
        let verification = Verification {
            id: Some(self.id.clone()),
            verify_profile_id: Some(send.profile_id.clone()),
            channel: Some(send.channel.as_str().to_owned()),
            status: Some(VerificationStatus::Pending),
            timeout_secs: send.timeout_secs,
            // An answer tells that there was a code, not which.
            custom_code: send.custom_code.as_ref().map(|_| String::new()),
            created_at: now,
            updated_at: now,
            ..Verification::default()
        };
        self.store(deps, |_| Some(verification.clone())).await;
        self.audit(deps, "started");
        Outcome::of_test_number(self.with_number(verification))
    }

    /// Checks a code. The code is fixed, so its guesses are limited. The one verification never ends.
    pub(super) async fn answer_check(
        &self,
        deps: &Dependencies,
        code: &Secret,
    ) -> Result<Outcome<CheckResponse>, Error> {
        let phone_number = self.number.phone_number.clone();
        let target = VerificationRef::PhoneNumber { phone_number, profile_id: String::new() };
        let reservation = deps.limiter.reserve_check(self.tenant, &target).await;
        let reservation = reservation.inspect_err(|_| self.audit(deps, "refused"))?;
        let (response_code, status, result) = if *code == self.number.code {
            (ResponseCode::Accepted, Some(VerificationStatus::Accepted), CheckResult::Over)
        } else {
            (ResponseCode::Rejected, None, CheckResult::Wrong)
        };
        deps.limiter.finish_check(self.tenant, reservation, result, None).await;
        Ok(self.checked(deps, response_code, status).await)
    }

    /// Takes the report of a check.
    pub(super) async fn answer_report(&self, deps: &Dependencies, report: &Report) -> Outcome<CheckResponse> {
        self.checked(deps, report.response_code(), Some(report.status())).await
    }

    /// Reads the verification.
    pub(super) async fn answer_get(&self, deps: &Dependencies) -> Result<Outcome<Verification>, Error> {
        let verification = self.load(deps).await.ok_or_else(|| {
            let message = "no verification was started for this test number in the last 24 hours";
            Error::new(ErrorReason::VerificationNotFound, message).resource("verification", &self.id)
        })?;
        Ok(Outcome::of_test_number(verification))
    }

    /// Lists the one verification, or none.
    pub(super) async fn answer_list(&self, deps: &Dependencies) -> Outcome<List<Verification>> {
        Outcome::of_test_number(List { data: self.load(deps).await.into_iter().collect(), meta: None })
    }

    async fn checked(
        &self,
        deps: &Dependencies,
        response_code: ResponseCode,
        status: Option<VerificationStatus>,
    ) -> Outcome<CheckResponse> {
        if status.is_some() {
            let updated_at = Some(Time(deps.clock.now()));
            self.store(deps, |last| Some(Verification { status: status.clone(), updated_at, ..last? })).await;
        }
        self.audit(deps, response_code.known().unwrap_or_default());
        let phone_number = Some(self.number.phone_number.as_e164().to_owned());
        Outcome::of_test_number(CheckResponse { phone_number, response_code: Some(response_code) })
    }

    async fn store(&self, deps: &Dependencies, change: impl Fn(Option<Verification>) -> Option<Verification>) {
        let key = self.key();
        let stored = deps.store.records_of(&self.tenant.id).update(&key, |record: Option<TestRecord>| {
            match change(record.map(|record| record.0)) {
                Some(verification) => (Change::Put(TestRecord(Send::redact(&verification)), KEEP), ()),
                None => (Change::Keep, ()),
            }
        });
        if let Err(error) = stored.await {
            tracing::warn!(%error, "the verification of a test number could not be stored");
        }
    }

    async fn load(&self, deps: &Dependencies) -> Option<Verification> {
        let loaded = deps.store.update(&self.key(), |record: Option<TestRecord>| (Change::Keep, record)).await;
        loaded.ok().flatten().map(|record| self.with_number(record.0))
    }

    fn key(&self) -> String {
        format!("test:{}:{}", self.tenant.id, self.id)
    }

    fn with_number(&self, verification: Verification) -> Verification {
        Verification { phone_number: Some(self.number.phone_number.as_e164().to_owned()), ..verification }
    }

    /// The audit shows that nothing reached a phone.
    fn audit(&self, deps: &Dependencies, outcome: &'static str) {
        audit::annotate(|subject| {
            subject.is_test_number = true;
            let number = &self.number.phone_number;
            subject.phone_number(number, deps.store.phone_hash(number));
            subject.verification_id = Some(self.id.clone());
            subject.outcome = Some(outcome);
        });
    }
}
