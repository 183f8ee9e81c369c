//! `GetVerification`.

use serde_json::json;
use tonic::Code;
use verify_gateway::pb::{Channel, CreateVerificationRequest, GetVerificationRequest, VerificationState};

use crate::support::{PHONE, Refused, TestGateway, every_channel, sms};

#[tokio::test]
async fn a_keypad_confirmation_is_read_from_the_verification() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = clients.profile(every_channel()).await;
    let request = CreateVerificationRequest { channel: Channel::DtmfConfirm.into(), ..sms(&profile.id) };
    let sent = clients.verifications.create_verification(request).await.unwrap().into_inner().verification.unwrap();
    assert_eq!((sent.channel(), sent.state()), (Channel::DtmfConfirm, VerificationState::Pending));
    gateway.control(&format!("verifications/{}/keypad", sent.id), json!({"key": "1"})).await;
    let read = GetVerificationRequest { verification_id: sent.id };
    let read = clients.verifications.get_verification(read).await.unwrap().into_inner().verification.unwrap();
    assert_eq!(read.state(), VerificationState::Accepted);
    gateway.stop().await;
}

#[tokio::test]
async fn a_verification_reads_as_it_was_sent() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let sent = clients.send(PHONE, &profile_id).await;
    let read = GetVerificationRequest { verification_id: sent.id.clone() };
    let read = clients.verifications.get_verification(read).await.unwrap().into_inner().verification.unwrap();
    assert_eq!((&read.id, &read.phone_number, &read.profile_id), (&sent.id, &sent.phone_number, &profile_id));
    assert_eq!((read.channel(), read.state()), (Channel::Sms, VerificationState::Pending));
    gateway.stop().await;
}

#[tokio::test]
async fn an_unknown_verification_is_named() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let read = GetVerificationRequest { verification_id: "no-such".into() };
    let refused = Refused::by(clients.verifications.get_verification(read).await);
    let refused = refused.is(Code::NotFound, "VERIFICATION_NOT_FOUND");
    assert_eq!(refused.resource, Some(("verification".into(), "no-such".into())));
    gateway.stop().await;
}

#[tokio::test]
async fn a_read_is_retried_after_failures_of_every_kind() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let id = clients.send(PHONE, &profile_id).await.id;
    for fault in [json!({"times": 2, "status": 503}), json!({"times": 2, "reset": true}), json!({"truncate": true})] {
        gateway.fault(fault).await;
        let read = GetVerificationRequest { verification_id: id.clone() };
        clients.verifications.get_verification(read).await.unwrap();
    }
    gateway.stop().await;
}
