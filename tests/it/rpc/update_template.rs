//! `UpdateTemplate`.

use tonic::Code;
use verify_gateway::pb::{CreateTemplateRequest, ListTemplatesRequest, UpdateTemplateRequest};

use crate::support::{Refused, TestGateway};

#[tokio::test]
async fn an_updated_template_is_listed_with_its_new_text() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let create = CreateTemplateRequest { text: "{{code}}".into(), ..CreateTemplateRequest::default() };
    let created = clients.templates.create_template(create).await.unwrap().into_inner().template.unwrap();
    let update = UpdateTemplateRequest { template_id: created.id.clone(), text: "{{code}}!".into() };
    clients.templates.update_template(update).await.unwrap();
    let list = clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap().into_inner();
    let ours = list.templates.iter().find(|template| template.id == created.id).unwrap();
    assert_eq!(ours.text, "{{code}}!");
    assert_eq!(list.total_size, 7);
    gateway.stop().await;
}

#[tokio::test]
async fn an_unknown_template_is_named() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let update = UpdateTemplateRequest { template_id: "no-such".into(), text: "{{code}}".into() };
    let refused = Refused::by(clients.templates.update_template(update).await).is(Code::NotFound, "TEMPLATE_NOT_FOUND");
    assert_eq!(refused.resource, Some(("template".into(), "no-such".into())));
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_refused_with_every_required_field() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let answer = clients.templates.update_template(UpdateTemplateRequest::default()).await;
    Refused::by(answer).names_fields(&["template_id", "text"]);
    gateway.stop().await;
}
