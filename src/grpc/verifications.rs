//! `VerificationService`.

use tonic::Request;

use super::{RpcResult, context, respond, translate};
use crate::{
    pb::{
        CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest, CreateVerificationResponse,
        GetVerificationRequest, GetVerificationResponse, ListVerificationsRequest, ListVerificationsResponse,
        ReportVerificationRequest, ReportVerificationResponse, verification_service_server::VerificationService,
    },
    services::Verifications,
};

#[tonic::async_trait]
impl VerificationService for Verifications {
    async fn create_verification(
        &self,
        request: Request<CreateVerificationRequest>,
    ) -> RpcResult<CreateVerificationResponse> {
        let context = context(&request)?;
        let send = translate::create_verification(request.get_ref(), &context.tenant)?;
        let outcome = self.create(&context, send).await?;
        Ok(respond(outcome, |verification, is_test_number| CreateVerificationResponse {
            verification: Some(translate::verification(verification, is_test_number)),
        }))
    }

    async fn get_verification(&self, request: Request<GetVerificationRequest>) -> RpcResult<GetVerificationResponse> {
        let context = context(&request)?;
        let id = translate::get_verification(request.get_ref())?;
        let outcome = self.get(&context, &id).await?;
        Ok(respond(outcome, |verification, is_test_number| GetVerificationResponse {
            verification: Some(translate::verification(verification, is_test_number)),
        }))
    }

    async fn list_verifications(
        &self,
        request: Request<ListVerificationsRequest>,
    ) -> RpcResult<ListVerificationsResponse> {
        let context = context(&request)?;
        let list = translate::list_verifications(request.get_ref(), &context.tenant)?;
        let outcome = self.list(&context, &list.phone_number, list.page.upstream_page()).await?;
        Ok(respond(outcome, |verifications, is_test_number| {
            let page = list.page.page_of(verifications);
            let readable = page.items.into_iter().flatten();
            ListVerificationsResponse {
                verifications: readable.map(|one| translate::verification(one, is_test_number)).collect(),
                next_page_token: page.next_page_token,
                total_size: page.total_size,
            }
        }))
    }

    async fn check_verification(
        &self,
        request: Request<CheckVerificationRequest>,
    ) -> RpcResult<CheckVerificationResponse> {
        let context = context(&request)?;
        let check = translate::check_verification(request.get_ref(), &context.tenant)?;
        let outcome = self.check(&context, &check).await?;
        Ok(respond(outcome, |checked, is_test_number| CheckVerificationResponse {
            outcome: translate::check_outcome(&checked).into(),
            phone_number: translate::e164(checked.phone_number),
            is_test_number,
        }))
    }

    async fn report_verification(
        &self,
        request: Request<ReportVerificationRequest>,
    ) -> RpcResult<ReportVerificationResponse> {
        let context = context(&request)?;
        let report = translate::report_verification(request.get_ref())?;
        let outcome = self.report(&context, &report).await?;
        Ok(respond(outcome, |checked, _| ReportVerificationResponse {
            outcome: translate::check_outcome(&checked).into(),
            phone_number: translate::e164(checked.phone_number),
        }))
    }
}
