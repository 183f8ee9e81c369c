//! `CreateTemplate`.

use serde_json::json;
use tonic::Code;
use uuid::Uuid;
use verify_gateway::pb::{CreateTemplateRequest, ListTemplatesRequest};

use crate::support::{Refused, TestGateway};

fn of(text: &str) -> CreateTemplateRequest {
    CreateTemplateRequest { text: text.into(), ..CreateTemplateRequest::default() }
}

#[tokio::test]
async fn a_created_template_has_its_text() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let text = "Your {{app_name}} code is {{code}}";
    let created = clients.templates.create_template(of(text)).await.unwrap().into_inner().template.unwrap();
    assert_eq!(created.text, text);
    gateway.stop().await;
}

#[tokio::test]
async fn a_text_without_a_code_or_with_an_unknown_placeholder_is_refused() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for text in ["", "no code", "{{code}} {{name}}", "{{code", "{{code}} }}"] {
        let answer = clients.templates.create_template(of(text)).await;
        let refused = Refused::by(answer).is(Code::InvalidArgument, "INVALID_REQUEST");
        assert!(refused.fields.iter().all(|field| field == "text"), "{text}: {refused:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.templates.create_template(CreateTemplateRequest::default()).await;
    Refused::by(answer).names_fields(&["text"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failed_creation_has_an_unknown_outcome() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    gateway.fault(json!({"method": "POST", "status": 500, "code": "10007"})).await;
    let answer = clients.templates.create_template(of("{{code}}")).await;
    Refused::by(answer).is(Code::Unknown, "CREATE_OUTCOME_UNKNOWN");
    gateway.stop().await;
}

#[tokio::test]
async fn a_repeated_request_creates_one_template_beside_an_equal_earlier_one() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let earlier = clients.templates.create_template(of("{{code}}")).await.unwrap().into_inner().template.unwrap();
    let request = CreateTemplateRequest { request_id: Uuid::new_v4().to_string(), ..of("{{code}}") };
    gateway.fault(json!({"method": "POST", "reset": true, "act": "after"})).await;
    let first = clients.templates.create_template(request.clone()).await.unwrap();
    assert!(!first.metadata().contains_key("replayed"));
    let again = clients.templates.create_template(request).await.unwrap();
    assert!(again.metadata().contains_key("replayed"));
    let (first, again) = (first.into_inner().template.unwrap(), again.into_inner().template.unwrap());
    assert_eq!(first.id, again.id);
    assert_ne!(first.id, earlier.id);
    let all = clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.templates.iter().filter(|one| one.text == "{{code}}").count(), 2);
    gateway.stop().await;
}
