//! `ListVerifications`.

use verify_gateway::pb::ListVerificationsRequest;

use crate::support::{PHONE, Refused, TestGateway};

fn of(phone: &str) -> ListVerificationsRequest {
    ListVerificationsRequest { phone_number: phone.into(), ..ListVerificationsRequest::default() }
}

#[tokio::test]
async fn the_verifications_of_a_phone_number_are_listed_and_no_others() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    let mut sent = [clients.send(PHONE, &profile_id).await.id, clients.send(PHONE, &profile_id).await.id];
    clients.send("+13035556789", &profile_id).await;
    let list = clients.verifications.list_verifications(of(PHONE)).await.unwrap().into_inner();
    let mut listed: Vec<_> = list.verifications.into_iter().map(|verification| verification.id).collect();
    sent.sort();
    listed.sort();
    assert_eq!((listed.as_slice(), list.total_size), (&sent[..], 2));
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.verifications.list_verifications(ListVerificationsRequest::default()).await;
    Refused::by(answer).names_fields(&["phone_number"]);
    gateway.stop().await;
}
