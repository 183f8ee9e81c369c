//! The URL of the webhook port in profiles.

use prost_types::FieldMask;
use verify_gateway::{
    config::WebhooksConfig,
    domain::Permissions,
    pb::{ListProfilesRequest, Profile, SmsSettings, UpdateProfileRequest, WebhookDestination},
};

use crate::support::{
    Clients, TestGateway,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, account_of, with_webhooks},
};

const PUBLIC: &str = "https://hooks.example/verify";

async fn gateway(change: impl FnOnce(&mut WebhooksConfig)) -> TestGateway {
    let directory = account_of(vec![WebhookSigner::new(1).key()], [Permissions::all(), Permissions::all()]);
    let builder = TestGateway::builder().config(|config| {
        with_webhooks(config);
        change(&mut config.webhooks);
    });
    builder.tenants(directory).start().await
}

fn named(url: &str) -> Profile {
    Profile {
        name: "one".into(),
        webhook_url: url.into(),
        sms: Some(SmsSettings { app_name: "Acme".into(), ..SmsSettings::default() }),
        ..Profile::default()
    }
}

/// The URL and the destination of the profile after `webhook_url` was changed to `url`.
async fn change(clients: &mut Clients, id: &str, url: &str) -> (String, WebhookDestination) {
    let profile = Profile { id: id.into(), ..named(url) };
    let update_mask = Some(FieldMask { paths: vec!["webhook_url".into()] });
    let request = UpdateProfileRequest { profile: Some(profile), update_mask };
    let changed = clients.profiles.update_profile(request).await.unwrap().into_inner().profile.unwrap();
    let read = clients.get_profile(id).await;
    assert_eq!((&changed.webhook_url, changed.webhook_destination), (&read.webhook_url, read.webhook_destination));
    let destination = changed.webhook_destination();
    (changed.webhook_url, destination)
}

#[tokio::test]
async fn a_profile_gets_the_url_of_the_port_where_it_has_none() {
    let gateway = gateway(|webhooks| webhooks.public_url = Some(PUBLIC.into())).await;
    let mut clients = gateway.clients().await;
    let ours = format!("{PUBLIC}/webhooks/{WEBHOOK_TOKEN}");
    let created = clients.profile(named("")).await;
    assert_eq!((&created.webhook_url, created.webhook_destination()), (&ours, WebhookDestination::Gateway));
    for (url, expected) in [
        ("https://others.example/", ("https://others.example/", WebhookDestination::Elsewhere)),
        ("", (ours.as_str(), WebhookDestination::Gateway)),
    ] {
        assert_eq!(change(&mut clients, &created.id, url).await, (expected.0.to_owned(), expected.1), "{url}");
    }
    let other = clients.profile(named("https://others.example/")).await;
    assert_eq!(other.webhook_destination(), WebhookDestination::Elsewhere);
    let list = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    let mut destinations: Vec<_> = list.profiles.iter().map(Profile::webhook_destination).collect();
    destinations.sort();
    assert_eq!(destinations, [WebhookDestination::Gateway, WebhookDestination::Elsewhere]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_profile_keeps_no_url_where_the_gateway_may_not_set_it_or_knows_none() {
    for (public_url, destination) in
        [(Some(PUBLIC.to_owned()), WebhookDestination::None), (None, WebhookDestination::Unspecified)]
    {
        let gateway = gateway(|webhooks| {
            webhooks.set_profile_urls = public_url.is_none();
            webhooks.public_url = public_url;
        })
        .await;
        let mut clients = gateway.clients().await;
        let created = clients.profile(named("")).await;
        assert_eq!((created.webhook_url.as_str(), created.webhook_destination()), ("", destination));
        assert_eq!(change(&mut clients, &created.id, "").await, (String::new(), destination));
        gateway.stop().await;
    }
}
