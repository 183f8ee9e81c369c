//! `CheckVerification`: outcomes, what is refused, and checks whose answer is lost.

use CheckOutcome::{Accepted, Rejected};
use serde_json::json;
use tonic::Code;
use uuid::Uuid;
use verify_gateway::pb::{CheckOutcome, CheckVerificationRequest};

use crate::support::{Clients, PHONE, Refused, TestGateway, check_by_id, check_by_phone, refusal, wrong_code};

const UNKNOWN: &str = "CHECK_OUTCOME_UNKNOWN";

/// A pending verification.
struct Pending {
    id: String,
    profile_id: String,
    code: String,
}

/// How a check names its verification.
#[derive(Clone, Copy)]
enum By {
    Id,
    PhoneNumber,
}

impl Pending {
    async fn new(gateway: &TestGateway, clients: &mut Clients) -> Self {
        let profile_id = clients.sms_profile().await;
        let id = clients.send(PHONE, &profile_id).await.id;
        Self { id, profile_id, code: gateway.code(PHONE).await }
    }

    /// The outcome of a check with a request ID, and whether it repeats an earlier answer.
    async fn check_as(
        &self,
        clients: &mut Clients,
        by: By,
        code: &str,
        request_id: &str,
    ) -> Result<(CheckOutcome, bool), String> {
        let request = CheckVerificationRequest { request_id: request_id.into(), ..self.request(by, code) };
        match clients.verifications.check_verification(request).await {
            Ok(answer) => {
                let is_repeated = answer.metadata().contains_key("replayed");
                assert_eq!(answer.get_ref().phone_number, PHONE);
                Ok((answer.into_inner().outcome(), is_repeated))
            }
            Err(status) => Err(Refused::by::<()>(Err(status)).reason),
        }
    }

    fn request(&self, by: By, code: &str) -> CheckVerificationRequest {
        match by {
            By::Id => check_by_id(&self.id, code),
            By::PhoneNumber => check_by_phone(PHONE, &self.profile_id, code),
        }
    }

    /// The outcome of a check, or the reason of its failure.
    async fn check(&self, clients: &mut Clients, by: By, code: &str) -> Result<CheckOutcome, String> {
        match clients.verifications.check_verification(self.request(by, code)).await {
            Ok(answer) => Ok(answer.into_inner().outcome()),
            Err(status) => Err(Refused::by::<()>(Err(status)).reason),
        }
    }
}

#[tokio::test]
async fn a_check_with_a_wrong_code_is_rejected_and_with_the_right_one_accepted() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for by in [By::Id, By::PhoneNumber] {
        let pending = Pending::new(&gateway, &mut clients).await;
        assert_eq!(pending.check(&mut clients, by, &wrong_code(&pending.code)).await, Ok(Rejected));
        assert_eq!(pending.check(&mut clients, by, &pending.code).await, Ok(Accepted));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.verifications.check_verification(CheckVerificationRequest::default()).await;
    Refused::by(answer).names_fields(&["code", "target"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failed_check_has_an_unknown_outcome_and_a_missing_verification_is_named() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    gateway.fault(refusal(500, "10007")).await;
    Refused::by(clients.try_check("some-id", "12345").await).is(Code::Unknown, UNKNOWN);
    let missing = Refused::by(clients.try_check("some-id", "12345").await).is(Code::NotFound, "VERIFICATION_NOT_FOUND");
    assert_eq!(missing.resource, Some(("verification".into(), "some-id".into())));
    gateway.stop().await;
}

#[tokio::test]
async fn a_check_whose_answer_is_lost_is_unknown() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for by in [By::PhoneNumber, By::Id] {
        let pending = Pending::new(&gateway, &mut clients).await;
        for code in [&wrong_code(&pending.code), &pending.code] {
            gateway.fault(json!({"method": "POST", "reset": true, "act": "after"})).await;
            assert_eq!(pending.check(&mut clients, by, code).await, Err(UNKNOWN.into()));
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_wrong_code_after_the_right_one_is_unknown_when_its_answer_is_lost() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for right_by in [By::PhoneNumber, By::Id] {
        for wrong_by in [By::PhoneNumber, By::Id] {
            let pending = Pending::new(&gateway, &mut clients).await;
            assert_eq!(pending.check(&mut clients, right_by, &pending.code).await, Ok(Accepted));
            gateway.fault(json!({"method": "POST", "reset": true, "act": "after"})).await;
            let wrong = wrong_code(&pending.code);
            assert_eq!(pending.check(&mut clients, wrong_by, &wrong).await, Err(UNKNOWN.into()));
        }
    }
    gateway.stop().await;
}

/// A caller that lost an answer learns it with the request ID, and in no other way.
#[tokio::test]
async fn a_repeated_check_has_the_answer_of_the_first_one() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for by in [By::Id, By::PhoneNumber] {
        let pending = Pending::new(&gateway, &mut clients).await;
        let (first, second) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let wrong = wrong_code(&pending.code);
        for is_repeated in [false, true] {
            assert_eq!(pending.check_as(&mut clients, by, &wrong, &first).await, Ok((Rejected, is_repeated)));
        }
        for is_repeated in [false, true] {
            let accepted = pending.check_as(&mut clients, by, &pending.code, &second).await;
            assert_eq!(accepted, Ok((Accepted, is_repeated)));
        }
        let reused = pending.check_as(&mut clients, by, &pending.code, &first).await;
        assert_eq!(reused, Err("REQUEST_ID_REUSED".into()));
        // A second use of the code is none of the first.
        let again = Uuid::new_v4().to_string();
        assert_eq!(
            pending.check_as(&mut clients, by, &pending.code, &again).await,
            Err("VERIFICATION_NOT_FOUND".into())
        );
        assert_eq!(pending.check(&mut clients, by, &pending.code).await, Err("VERIFICATION_NOT_FOUND".into()));
    }
    gateway.stop().await;
}

/// A repetition never turns a lost answer into another one: a code that may have been accepted is not checked again.
#[tokio::test]
async fn a_repeated_check_whose_answer_was_lost_is_made_again_only_if_nothing_was_accepted() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for by in [By::Id, By::PhoneNumber] {
        let pending = Pending::new(&gateway, &mut clients).await;
        let id = Uuid::new_v4().to_string();
        gateway.fault(json!({"method": "POST", "reset": true, "act": "before"})).await;
        assert_eq!(pending.check_as(&mut clients, by, &pending.code, &id).await, Err(UNKNOWN.into()));
        assert_eq!(pending.check_as(&mut clients, by, &pending.code, &id).await, Ok((Accepted, false)));
        assert_eq!(pending.check_as(&mut clients, by, &pending.code, &id).await, Ok((Accepted, true)));

        let pending = Pending::new(&gateway, &mut clients).await;
        let id = Uuid::new_v4().to_string();
        gateway.fault(json!({"method": "POST", "reset": true, "act": "after"})).await;
        for _ in 0..2 {
            assert_eq!(pending.check_as(&mut clients, by, &pending.code, &id).await, Err(UNKNOWN.into()));
        }
    }
    gateway.stop().await;
}
