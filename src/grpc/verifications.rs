//! `VerificationService`.

use tonic::{Request, Response, Status};

use super::{
    answer, context, translate,
    translate::{ListKind, PageRequest, Violations, renamed},
};
use crate::{
    domain::{Error, Identity, PhoneNumber},
    pb::{
        CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest, CreateVerificationResponse,
        GetVerificationRequest, GetVerificationResponse, ListVerificationsRequest, ListVerificationsResponse,
        ReportVerificationRequest, ReportVerificationResponse, Verification,
        verification_service_server::VerificationService,
    },
    policy,
    services::{Origin, Verifications},
    telemetry::audit,
    telnyx,
};

/// The handlers of `VerificationService`.
pub(super) struct VerificationHandlers {
    verifications: Verifications,
}

impl VerificationHandlers {
    pub(super) const fn new(verifications: Verifications) -> Self {
        Self { verifications }
    }
}

#[tonic::async_trait]
impl VerificationService for VerificationHandlers {
    async fn create_verification(
        &self,
        request: Request<CreateVerificationRequest>,
    ) -> Result<Response<CreateVerificationResponse>, Status> {
        let context = context(&request)?;
        let send = translate::send(request.get_ref(), &context.tenant)?;
        let answered = self.verifications.create(&context, send).await.map_err(renamed)?;
        let origin = answered.origin;
        Ok(answer(answered, |one| CreateVerificationResponse { verification: Some(verification(one, origin)) }))
    }

    async fn get_verification(
        &self,
        request: Request<GetVerificationRequest>,
    ) -> Result<Response<GetVerificationResponse>, Status> {
        let context = context(&request)?;
        let mut violations = Violations::default();
        let id = violations.id("verification_id", &request.into_inner().verification_id);
        let id = violations.into_result(id)?;
        audit::about(|subject| subject.verification_id = Some(id.clone()));
        let answered = self.verifications.get(&context, &id).await.map_err(renamed)?;
        may_read(&context.identity, &answered.answer)?;
        let origin = answered.origin;
        Ok(answer(answered, |one| GetVerificationResponse { verification: Some(verification(one, origin)) }))
    }

    async fn list_verifications(
        &self,
        request: Request<ListVerificationsRequest>,
    ) -> Result<Response<ListVerificationsResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let phone_number = violations.phone_number("phone_number", &request.phone_number);
        let scope = (ListKind::Verifications, &context.tenant.id, request.phone_number.as_str());
        let paging = PageRequest::read(scope, request.page_size, &request.page_token, &mut violations);
        let phone_number = violations.into_result(phone_number)?;
        audit::about(|subject| subject.phone_number(&phone_number));

        let answered = self.verifications.list(&context, &phone_number, paging.page()).await.map_err(renamed)?;
        let origin = answered.origin;
        Ok(answer(answered, |list| {
            let window = paging.window(list);
            let may_read = |one: &telnyx::Verification| may_read(&context.identity, one).is_ok();
            let verifications = window.items.into_iter().filter(may_read);
            ListVerificationsResponse {
                verifications: verifications.map(|one| verification(one, origin)).collect(),
                next_page_token: window.next_page_token,
                total_size: window.total_size,
            }
        }))
    }

    async fn check_verification(
        &self,
        request: Request<CheckVerificationRequest>,
    ) -> Result<Response<CheckVerificationResponse>, Status> {
        let context = context(&request)?;
        let check = translate::check(request.get_ref(), &context.tenant)?;
        let answered = self.verifications.check(&context, &check).await.map_err(renamed)?;
        let is_test_number = answered.origin == Origin::TestNumber;
        Ok(answer(answered, |end| CheckVerificationResponse {
            outcome: translate::check_outcome(&end).into(),
            phone_number: end.phone_number.unwrap_or_default(),
            is_test_number,
        }))
    }

    async fn report_verification(
        &self,
        request: Request<ReportVerificationRequest>,
    ) -> Result<Response<ReportVerificationResponse>, Status> {
        let context = context(&request)?;
        let (id, accepted) = translate::report(request.get_ref())?;
        let answered = self.verifications.report(&context, &id, accepted).await.map_err(renamed)?;
        Ok(answer(answered, |end| ReportVerificationResponse {
            outcome: translate::check_outcome(&end).into(),
            phone_number: end.phone_number.unwrap_or_default(),
        }))
    }
}

/// A verification as callers see it, and whether it is a test number's.
fn verification(one: telnyx::Verification, origin: Origin) -> Verification {
    Verification { is_test_number: origin == Origin::TestNumber, ..translate::verification(one) }
}

/// Whether `identity` may see `verification`: its id does not tell profile and country, so this is asked of the answer.
/// What that does not tell either counts as none that is allowed.
fn may_read(identity: &Identity, verification: &telnyx::Verification) -> Result<(), Error> {
    policy::profile(identity, verification.verify_profile_id.as_deref().unwrap_or_default())?;
    policy::any_country(identity, verification.phone_number.as_deref().and_then(PhoneNumber::parse).as_ref())
}
