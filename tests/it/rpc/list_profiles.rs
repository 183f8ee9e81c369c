//! `ListProfiles`.

use std::collections::HashSet;

use verify_gateway::pb::{ListProfilesRequest, ListTemplatesRequest};

use crate::support::{Refused, TestGateway, full_profile};

#[tokio::test]
async fn pages_of_any_size_hold_every_profile_once() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let mut created = HashSet::new();
    for _ in 0..23 {
        created.insert(clients.sms_profile().await);
    }
    for sizes in [[10, 10], [7, 3], [4, 9], [23, 1], [0, 0]] {
        let mut seen = Vec::new();
        let mut request = ListProfilesRequest { page_size: sizes[0], ..ListProfilesRequest::default() };
        loop {
            let page = clients.profiles.list_profiles(request).await.unwrap().into_inner();
            assert_eq!(page.total_size, 23);
            seen.extend(page.profiles.into_iter().map(|profile| profile.id));
            if page.next_page_token.is_empty() {
                break;
            }
            request = ListProfilesRequest {
                page_size: sizes[1],
                page_token: page.next_page_token,
                ..ListProfilesRequest::default()
            };
        }
        assert_eq!(seen.len(), 23, "{sizes:?}");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), created, "{sizes:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn profiles_are_found_by_name() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    clients.sms_profile().await;
    let id = clients.profile(full_profile()).await.id;
    let by_name = ListProfilesRequest { name: "full".into(), ..ListProfilesRequest::default() };
    let found = clients.profiles.list_profiles(by_name).await.unwrap().into_inner();
    assert_eq!(found.profiles.iter().map(|profile| profile.id.as_str()).collect::<Vec<_>>(), [&id]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let page = ListTemplatesRequest { page_size: 2, ..ListTemplatesRequest::default() };
    let token = clients.templates.list_templates(page).await.unwrap().into_inner().next_page_token;
    assert!(!token.is_empty());
    let profiles = ListProfilesRequest { page_token: token.clone(), ..ListProfilesRequest::default() };
    Refused::by(clients.profiles.list_profiles(profiles).await).names_fields(&["page_token"]);
    let ours = ListTemplatesRequest { page_token: token, ..ListTemplatesRequest::default() };
    clients.templates.list_templates(ours).await.unwrap();
    gateway.stop().await;
}
