//! `ListTemplates`.

use verify_gateway::pb::ListTemplatesRequest;

use crate::support::TestGateway;

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
