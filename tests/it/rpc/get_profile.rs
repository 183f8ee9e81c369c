//! `GetProfile`.

use tonic::Code;
use verify_gateway::pb::GetProfileRequest;

use crate::support::{Refused, TestGateway};

#[tokio::test]
async fn an_unknown_profile_is_named() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let read = GetProfileRequest { profile_id: "no-such".into() };
    let refused = Refused::by(clients.profiles.get_profile(read).await).is(Code::NotFound, "PROFILE_NOT_FOUND");
    assert_eq!(refused.resource, Some(("profile".into(), "no-such".into())));
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    Refused::by(clients.profiles.get_profile(GetProfileRequest::default()).await).names_fields(&["profile_id"]);
    gateway.stop().await;
}
