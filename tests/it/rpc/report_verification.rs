//! `ReportVerification`.

use verify_gateway::pb::{
    CheckOutcome, CreateVerificationRequest, GetVerificationRequest, ReportVerificationRequest, ReportedOutcome,
    VerificationState,
};

use crate::support::{Refused, TestGateway, every_channel, sms};

#[tokio::test]
async fn a_reported_outcome_decides_a_verification_with_a_custom_code() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.profile(every_channel()).await.id;
    for (outcome, answered, state) in [
        (ReportedOutcome::Rejected, CheckOutcome::Rejected, VerificationState::Invalid),
        (ReportedOutcome::Accepted, CheckOutcome::Accepted, VerificationState::Accepted),
    ] {
        let request = CreateVerificationRequest { custom_code: "43612".into(), ..sms(&profile_id) };
        let sent = clients.verifications.create_verification(request).await.unwrap().into_inner().verification.unwrap();
        let report = ReportVerificationRequest {
            verification_id: sent.id.clone(),
            outcome: outcome.into(),
            request_id: String::new(),
        };
        let answer = clients.verifications.report_verification(report).await.unwrap().into_inner();
        assert_eq!(answer.outcome(), answered);
        let read = GetVerificationRequest { verification_id: sent.id };
        let read = clients.verifications.get_verification(read).await.unwrap().into_inner().verification.unwrap();
        assert_eq!(read.state(), state);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.verifications.report_verification(ReportVerificationRequest::default()).await;
    Refused::by(answer).names_fields(&["outcome", "verification_id"]);
    gateway.stop().await;
}
