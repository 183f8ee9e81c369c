//! Templates.

use tonic::Code;
use verify_gateway::pb::{CreateTemplateRequest, ListTemplatesRequest, UpdateTemplateRequest};

use crate::support::{Refused, TestGateway};

#[tokio::test]
async fn templates_are_created_changed_and_listed() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let text = "Your {{app_name}} code is {{code}}";
    let create = CreateTemplateRequest { text: text.into(), ..CreateTemplateRequest::default() };
    let created = clients.templates.create_template(create).await.unwrap().into_inner().template.unwrap();
    assert_eq!(created.text, text);

    let update = UpdateTemplateRequest { template_id: created.id.clone(), text: "{{code}}!".into() };
    clients.templates.update_template(update).await.unwrap();
    let list = clients.templates.list_templates(ListTemplatesRequest::default()).await.unwrap().into_inner();
    let ours = list.templates.iter().find(|template| template.id == created.id).unwrap();
    assert_eq!(ours.text, "{{code}}!");
    assert_eq!(list.total_size, 7);
    gateway.stop().await;
}

#[tokio::test]
async fn pages_of_any_size_hold_every_template_once() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let mut ids = Vec::new();
    let mut page = ListTemplatesRequest { page_size: 4, ..ListTemplatesRequest::default() };
    loop {
        let answer = clients.templates.list_templates(page.clone()).await.unwrap().into_inner();
        assert_eq!(answer.total_size, 6);
        ids.extend(answer.templates.into_iter().map(|template| template.id));
        if answer.next_page_token.is_empty() {
            break;
        }
        page = ListTemplatesRequest { page_size: 1, page_token: answer.next_page_token };
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((count, ids.len()), (6, 6));
    gateway.stop().await;
}

#[tokio::test]
async fn a_text_without_a_code_or_with_unknown_placeholders_is_refused() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for text in ["", "no code", "{{code}} {{name}}", "{{code", "{{code}} }}"] {
        let create = CreateTemplateRequest { text: text.into(), ..CreateTemplateRequest::default() };
        let refused =
            Refused::by(clients.templates.create_template(create).await).is(Code::InvalidArgument, "INVALID_REQUEST");
        assert!(refused.fields.iter().all(|field| field == "text"), "{text}: {refused:?}");
    }
    gateway.stop().await;
}
