//! `VerificationService`.

use tonic::{Request, Response, Status};

use super::{
    answer, context, translate,
    translate::{List, Paging, Violations, renamed},
};
use crate::{
    domain::{Error, PhoneNumber},
    pb::{
        CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest, CreateVerificationResponse,
        GetVerificationRequest, GetVerificationResponse, ListVerificationsRequest, ListVerificationsResponse,
        ReportVerificationRequest, ReportVerificationResponse, verification_service_server::VerificationService,
    },
    policy,
    services::Verifications,
    telemetry::audit,
    telnyx,
    tenant::Identity,
    upstream::Client,
};

/// The handlers of `VerificationService`.
pub(super) struct Handlers {
    verifications: Verifications,
    upstream: Client,
}

impl Handlers {
    pub(super) const fn new(verifications: Verifications, upstream: Client) -> Self {
        Self { verifications, upstream }
    }
}

#[tonic::async_trait]
impl VerificationService for Handlers {
    async fn create_verification(
        &self,
        request: Request<CreateVerificationRequest>,
    ) -> Result<Response<CreateVerificationResponse>, Status> {
        let context = context(&request)?;
        let send = translate::send(request.get_ref(), &context.tenant)?;
        let answered = self.verifications.create(&context, send).await.map_err(renamed)?;
        Ok(answer(answered, |verification| CreateVerificationResponse {
            verification: Some(translate::verification(verification)),
        }))
    }

    async fn get_verification(
        &self,
        request: Request<GetVerificationRequest>,
    ) -> Result<Response<GetVerificationResponse>, Status> {
        let context = context(&request)?;
        let mut violations = Violations::default();
        let id = violations.id("verification_id", &request.into_inner().verification_id);
        let id = violations.none_or(id)?;
        audit::about(|subject| subject.verification_id = Some(id.clone()));
        let verification = self.upstream.verification(&context, &id).await.map_err(renamed)?;
        may_read(&context.identity, &verification)?;
        let verification = Some(translate::verification(verification));
        Ok(Response::new(GetVerificationResponse { verification }))
    }

    async fn list_verifications(
        &self,
        request: Request<ListVerificationsRequest>,
    ) -> Result<Response<ListVerificationsResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let phone_number = violations.phone_number("phone_number", &request.phone_number);
        let scope = (List::Verifications, &context.tenant.id, request.phone_number.as_str());
        let paging = Paging::read(scope, request.page_size, &request.page_token, &mut violations);
        let phone_number = violations.none_or(phone_number)?;
        audit::about(|subject| subject.phone_number(&phone_number));
        policy::country(&context.identity, &phone_number)?;

        let list = self.upstream.verifications(&context, &phone_number, paging.page()).await.map_err(renamed)?;
        let window = paging.window(list);
        Ok(Response::new(ListVerificationsResponse {
            verifications: window
                .items
                .into_iter()
                .filter(|verification| may_read(&context.identity, verification).is_ok())
                .map(translate::verification)
                .collect(),
            next_page_token: window.next_page_token,
            total_size: window.total_size,
        }))
    }

    async fn check_verification(
        &self,
        request: Request<CheckVerificationRequest>,
    ) -> Result<Response<CheckVerificationResponse>, Status> {
        let context = context(&request)?;
        let check = translate::check(request.get_ref(), &context.tenant)?;
        let answer = self.verifications.check(&context, &check).await.map_err(renamed)?;
        Ok(Response::new(CheckVerificationResponse {
            outcome: translate::check_outcome(&answer).into(),
            phone_number: answer.phone_number.unwrap_or_default(),
        }))
    }

    async fn report_verification(
        &self,
        request: Request<ReportVerificationRequest>,
    ) -> Result<Response<ReportVerificationResponse>, Status> {
        let context = context(&request)?;
        let (id, accepted) = translate::report(request.get_ref())?;
        let answer = self.verifications.report(&context, &id, accepted).await.map_err(renamed)?;
        Ok(Response::new(ReportVerificationResponse {
            outcome: translate::check_outcome(&answer).into(),
            phone_number: answer.phone_number.unwrap_or_default(),
        }))
    }
}

/// Whether `identity` may see `verification`: its id does not tell profile and country, so this is asked of the answer.
/// What that does not tell either counts as none that is allowed.
fn may_read(identity: &Identity, verification: &telnyx::Verification) -> Result<(), Error> {
    policy::profile(identity, verification.verify_profile_id.as_deref().unwrap_or_default())?;
    policy::any_country(identity, verification.phone_number.as_deref().and_then(PhoneNumber::parse).as_ref())
}
