//! Reading verifications.

use super::{Answered, Origin, Verifications};
use crate::{
    domain::{CallContext, Error, PhoneNumber},
    policy,
    telnyx::{List, Verification},
    upstream::Page,
};

impl Verifications {
    /// Reads a verification.
    ///
    /// # Errors
    /// As `GetVerification` documents them.
    pub async fn get(&self, context: &CallContext, id: &str) -> Result<Answered<Verification>, Error> {
        if let Some(answered) = self.test_verification(context, id).await {
            return answered;
        }
        let answer = self.upstream.verification(context, id).await?;
        Ok(Answered { answer, origin: Origin::ThisCall })
    }

    /// Lists the verifications of a phone number.
    ///
    /// # Errors
    /// As `ListVerifications` documents them.
    pub async fn list(
        &self,
        context: &CallContext,
        phone_number: &PhoneNumber,
        page: Page,
    ) -> Result<Answered<List<Verification>>, Error> {
        policy::country(&context.identity, phone_number)?;
        if let Some(number) = context.tenant.test_numbers.get(phone_number, self.clock.now()) {
            return Ok(self.test_list(context, number).await);
        }
        let answer = self.upstream.verifications(context, phone_number, page).await?;
        Ok(Answered { answer, origin: Origin::ThisCall })
    }
}
