//! `VerificationService`.

use tonic::{Request, Response, Status};

use super::{
    answer, context, translate,
    translate::{ListKind, PageRequest, Violations},
};
use crate::{
    pb::{
        CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest, CreateVerificationResponse,
        GetVerificationRequest, GetVerificationResponse, ListVerificationsRequest, ListVerificationsResponse,
        ReportVerificationRequest, ReportVerificationResponse, Verification,
        verification_service_server::VerificationService,
    },
    services::{Origin, Verifications},
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
        let outcome = self.verifications.create(&context, send).await?;
        let origin = outcome.origin;
        Ok(answer(outcome, |one| CreateVerificationResponse { verification: Some(verification(one, origin)) }))
    }

    async fn get_verification(
        &self,
        request: Request<GetVerificationRequest>,
    ) -> Result<Response<GetVerificationResponse>, Status> {
        let context = context(&request)?;
        let mut violations = Violations::default();
        let id = violations.id("verification_id", &request.into_inner().verification_id);
        let id = violations.into_result(id)?;
        let outcome = self.verifications.get(&context, &id).await?;
        let origin = outcome.origin;
        Ok(answer(outcome, |one| GetVerificationResponse { verification: Some(verification(one, origin)) }))
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
        let outcome = self.verifications.list(&context, &phone_number, paging.page()).await?;
        let origin = outcome.origin;
        Ok(answer(outcome, |list| {
            let window = paging.window(list);
            ListVerificationsResponse {
                verifications: window.items.into_iter().flatten().map(|one| verification(one, origin)).collect(),
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
        let outcome = self.verifications.check(&context, &check).await?;
        let is_test_number = outcome.origin == Origin::TestNumber;
        Ok(answer(outcome, |end| CheckVerificationResponse {
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
        let report = translate::report(request.get_ref())?;
        let outcome = self.verifications.report(&context, &report).await?;
        Ok(answer(outcome, |end| ReportVerificationResponse {
            outcome: translate::check_outcome(&end).into(),
            phone_number: end.phone_number.unwrap_or_default(),
        }))
    }
}

/// A verification as callers see it, and whether it is a test number's.
fn verification(one: telnyx::Verification, origin: Origin) -> Verification {
    Verification { is_test_number: origin == Origin::TestNumber, ..translate::verification(one) }
}
