//! Reading verifications.

use super::{Outcome, Verifications, test_numbers::TestVerification};
use crate::{
    domain::{CallContext, Error, Identity, PhoneNumber, VerificationRef},
    policy,
    telemetry::audit,
    telnyx::{List, Verification},
    upstream::Page,
};

impl Verifications {
    /// Reads a verification. Its ID does not tell its profile and country, so permissions are checked on the answer.
    pub async fn get(&self, context: &CallContext, id: &str) -> Result<Outcome<Verification>, Error> {
        audit::annotate(|subject| subject.verification_id = Some(id.to_owned()));
        let outcome = match self.test_number(context, &VerificationRef::Id(id.to_owned())) {
            Some(test) => test.answer_get(&self.deps).await?,
            None => Outcome::of_this_call(self.deps.upstream.verification(context, id).await?),
        };
        may_read(&context.identity, &outcome.answer)?;
        Ok(outcome)
    }

    /// Lists the verifications of a phone number. A verification that the identity may not read is `None`, so that the
    /// list keeps its length for paging.
    pub async fn list(
        &self,
        context: &CallContext,
        phone_number: &PhoneNumber,
        page: Page,
    ) -> Result<Outcome<List<Option<Verification>>>, Error> {
        audit::annotate(|subject| subject.phone_number(phone_number, self.deps.store.phone_hash(phone_number)));
        policy::country(&context.identity, Some(phone_number))?;
        let Outcome { answer, origin } = match context.tenant.test_numbers.get(phone_number, self.deps.clock.now()) {
            Some(number) => TestVerification::new(&context.tenant, number).answer_list(&self.deps).await,
            None => Outcome::of_this_call(self.deps.upstream.verifications(context, phone_number, page).await?),
        };
        let answer =
            answer.map(|one| Some(one).filter(|one| one.id.is_some() && may_read(&context.identity, one).is_ok()));
        Ok(Outcome { answer, origin })
    }
}

/// Refuses a verification whose profile or country the identity may not use, or whose profile or country is unknown.
pub(super) fn may_read(identity: &Identity, verification: &Verification) -> Result<(), Error> {
    policy::profile(identity, verification.verify_profile_id.as_deref().unwrap_or_default())?;
    policy::country(identity, verification.phone_number.as_deref().and_then(PhoneNumber::from_telnyx).as_ref())
}
