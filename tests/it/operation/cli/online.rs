//! `smoke` and `check --online`: what a running upstream says.

use serde_json::json;
use verify_gateway::pb::ListProfilesRequest;

use super::{End, folder, run};
use crate::support::{TOKEN, TestGateway};

#[tokio::test(flavor = "multi_thread")]
async fn smoke_sends_and_checks_one_verification_and_leaves_no_profile() {
    let gateway = TestGateway::start().await;
    let end = smoke(&gateway, TOKEN).await;
    let steps = "profile created\ncode sent\nwrong code rejected\nright code accepted\nprofile deleted\n";
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, steps, ""));
    assert_eq!(gateway.all_messages().await.len(), 1);
    let mut clients = gateway.clients().await;
    let left = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(left.profiles.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke_exits_1_if_a_step_fails_and_leaves_no_profile() {
    let gateway = TestGateway::start().await;
    let end = smoke(&gateway, "vgw_nobody-nobody-nobody").await;
    assert_eq!((end.code, end.out.as_str()), (1, ""));
    assert!(end.err.contains("CreateProfile: Unauthenticated: "), "{}", end.err);

    gateway.fault(json!({"method": "POST", "path": "/verifications", "status": 402, "code": "20100"})).await;
    let end = smoke(&gateway, TOKEN).await;
    assert_eq!((end.code, end.out.as_str()), (1, "profile created\n"));
    assert!(end.err.contains("CreateVerification: FailedPrecondition: "), "{}", end.err);
    let mut clients = gateway.clients().await;
    let left = clients.profiles.list_profiles(ListProfilesRequest::default()).await.unwrap().into_inner();
    assert_eq!(left.profiles.len(), 0);
}

/// Runs `smoke` against `gateway`.
async fn smoke(gateway: &TestGateway, token: &'static str) -> End {
    let addr = gateway.addr.to_string();
    let run = move || run(folder(&[]).path(), &["smoke", "--addr", &addr, "--timeout", "30s"], &[("TOKEN", token)], "");
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_reads_once_with_each_key_and_says_what_is_wrong() {
    let gateway = TestGateway::start().await;
    let check = async |path: &str| {
        let tenants = ["a", "b", "c"].map(|id| {
            let key = if id == "c" { "KEY2" } else { "KEY1" };
            let identity = format!(
                "{{ name: {id}, certificate: {{ dns: {id} }}, roles: [reader], countries: any, profiles: any }}"
            );
            format!("  - {{ id: {id}, telnyx_api_key: {{ inline: {key} }}, identities: [{identity}] }}\n")
        });
        let config = "grpc: { plaintext: true }\n";
        let folder = folder(&[("gateway.yaml", config), ("tenants.yaml", &format!("tenants:\n{}", tenants.concat()))]);
        let base_url = format!("http://{}{path}", gateway.simulator);
        let command = move || {
            let env = [
                ("VERIFY_GATEWAY_UPSTREAM__BASE_URL", &*base_url),
                ("VERIFY_GATEWAY_UPSTREAM__RETRY__MAX_ATTEMPTS", "1"),
            ];
            run(folder.path(), &["check", "--online"], &env, "")
        };
        let end = tokio::task::spawn_blocking(command).await.unwrap();
        let lines: Vec<String> =
            end.out.lines().filter_map(|line| line.strip_prefix("online: ").map(str::to_owned)).collect();
        (end.code, lines, end.err)
    };
    let (code, lines, err) = check("/v2").await;
    assert_eq!(
        (code, lines.as_slice(), &*err),
        (0, &["a b: Telnyx accepts the key".into(), "c: Telnyx accepts the key".into()][..], "")
    );

    for (fault, expected) in [
        (json!({"status": 401, "code": "10009"}), "Telnyx refuses the key"),
        (json!({"status": 403, "code": "20012"}), "the account: "),
        (json!({"status": 402, "code": "20100"}), "the account: "),
        (json!({"status": 404, "code": "10005"}), "no Verify API at upstream.base_url"),
        (json!({"status": 301}), "no Verify API at upstream.base_url"),
        (json!({"status": 500}), "upstream.base_url can't be reached, or fails"),
    ] {
        let mut fault = fault;
        fault["key"] = "KEY2".into();
        gateway.fault(fault).await;
        let (code, lines, err) = check("/v2").await;
        assert_eq!((code, &*lines[0]), (1, "a b: Telnyx accepts the key"));
        assert!(lines[1].starts_with(&format!("c: {expected}")), "{}", lines[1]);
        assert_eq!(err, "1 of 2 keys can't be used\n");
    }

    let (code, lines, err) = check("").await;
    assert!(lines.iter().all(|line| line.contains("must be like https://api.telnyx.com/v2, and is ")), "{lines:?}");
    assert_eq!((code, &*err), (1, "2 of 2 keys can't be used\n"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_names_the_profiles_whose_webhooks_go_elsewhere() {
    let gateway = TestGateway::start().await;
    let public = "https://hooks.example";
    let ours = format!("{public}/webhooks/0123456789abcdef");
    let mut ids = Vec::new();
    for url in ["", "https://others.example/secret", &ours] {
        let profile = json!({"name": "one", "webhook_url": url, "sms": {"app_name": "Acme"}}).to_string();
        let request = reqwest::Client::new().post(format!("http://{}/v2/verify_profiles", gateway.simulator));
        let request = request.header("authorization", "Bearer KEY1").header("content-type", "application/json");
        let answer = request.body(profile).send().await.unwrap().bytes().await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        ids.push(answer["data"]["id"].as_str().unwrap().to_owned());
    }
    let config = format!(
        "grpc: {{ plaintext: true }}\nwebhooks: {{ listen: '127.0.0.1:0', public_url: '{public}' }}\n\
         upstream: {{ base_url: 'http://{}/v2' }}\n",
        gateway.simulator
    );
    let tenants = "tenants:
  - id: a
    telnyx_api_key: { inline: KEY1 }
    telnyx_account: main
    identities: [{ name: a, certificate: { dns: a }, roles: [reader], countries: any, profiles: any }]
telnyx_accounts:
  - name: main
    webhook_token: 0123456789abcdef
    public_keys: [11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=]
";
    let folder = folder(&[("gateway.yaml", &config), ("tenants.yaml", tenants)]);
    let command = move || run(folder.path(), &["check", "--online"], &[], "");
    let end = tokio::task::spawn_blocking(command).await.unwrap();
    let place = format!("webhooks on 127.0.0.1:0, which is {public} for Telnyx\n");
    assert!(end.code == 0 && end.out.contains(&place), "{} {}", end.out, end.err);
    let mut lines: Vec<_> = end.out.lines().filter_map(|line| line.strip_prefix("online: a: warning: ")).collect();
    lines.sort_by_key(|line| line.contains("elsewhere"));
    let expected = [
        format!("the webhooks of profile {} go nowhere: it has no webhook_url", ids[0]),
        format!("the webhooks of profile {} go elsewhere, not to webhooks.public_url", ids[1]),
    ];
    assert_eq!(lines, expected);
    gateway.stop().await;
}
