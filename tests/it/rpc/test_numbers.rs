//! Test numbers: the gateway answers for them without Telnyx, and every answer says so.

use std::{fs, net::SocketAddr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tonic::{Code, Response, Status};
use verify_gateway::{
    clock::Clock,
    domain::{
        Allowed, ApiKey, DAY, Identity, Limit, LimitWindow, Limits, Permissions, PhoneNumber, Tenant, TenantId,
        TestNumber, TokenHash,
    },
    pb::{
        Channel, CheckOutcome, CheckVerificationRequest, CheckVerificationResponse, CreateVerificationRequest,
        CreateVerificationResponse, GetVerificationRequest, ListVerificationsRequest, ReportVerificationRequest,
        ReportedOutcome, VerificationState, check_verification_request::Target,
    },
    secret::Secret,
    tenant::{Credential, Directory},
};

use crate::support::{Clients, KEY, OTHER_TOKEN, Origin, PHONE, Process, Refused, TOKEN, TestGateway, tenants_file};

const NUMBER: &str = "+13035550199";
const CODE: &str = "246810";

/// Makes `NUMBER` a test number of `tenant` for a week.
fn with_test_number(tenant: &mut Tenant) {
    let number = TestNumber {
        phone_number: PhoneNumber::parse(NUMBER).unwrap(),
        code: Secret::new(CODE.into()),
        expires: Timestamp::now() + SignedDuration::from_hours(7 * 24),
    };
    tenant.test_numbers = [number].into_iter().collect();
}

/// A gateway whose upstream is down.
async fn alone(change: impl FnOnce(&mut Tenant)) -> TestGateway {
    let nowhere: SocketAddr = Origin::refusing().await;
    TestGateway::builder()
        .upstream(nowhere)
        .login(|login| {
            with_test_number(login);
            change(login);
        })
        .start()
        .await
}

async fn send(clients: &mut Clients) -> Result<Response<CreateVerificationResponse>, Status> {
    let request = CreateVerificationRequest {
        phone_number: NUMBER.into(),
        channel: Channel::Sms.into(),
        profile_id: "p1".into(),
        ..CreateVerificationRequest::default()
    };
    clients.verifications.create_verification(request).await
}

async fn check(
    clients: &mut Clients,
    target: Target,
    code: &str,
) -> Result<Response<CheckVerificationResponse>, Status> {
    let profile_id = if matches!(target, Target::PhoneNumber(_)) { "p1" } else { "" };
    let request = CheckVerificationRequest {
        target: Some(target),
        profile_id: profile_id.into(),
        code: code.into(),
        request_id: String::new(),
    };
    clients.verifications.check_verification(request).await
}

#[track_caller]
fn is_marked<T>(answer: Response<T>) -> T {
    assert_eq!(answer.metadata().get("test-number").expect("a mark"), "true");
    answer.into_inner()
}

#[tokio::test]
async fn every_rpc_answers_for_a_test_number_without_telnyx_and_says_so() {
    let gateway = alone(|_| ()).await;
    let mut clients = gateway.clients().await;
    let sent = is_marked(send(&mut clients).await.unwrap()).verification.unwrap();
    assert_eq!((sent.state(), sent.is_test_number), (VerificationState::Pending, true));
    assert_eq!((sent.phone_number.as_str(), sent.profile_id.as_str()), (NUMBER, "p1"));
    assert!(sent.id.starts_with("7e57") && sent.id.parse::<uuid::Uuid>().is_ok(), "{}", sent.id);
    // Every send returns the same verification.
    assert_eq!(is_marked(send(&mut clients).await.unwrap()).verification.unwrap().id, sent.id);

    let by_id = || Target::VerificationId(sent.id.clone());
    for target in [by_id(), Target::PhoneNumber(NUMBER.into())] {
        let wrong = is_marked(check(&mut clients, target.clone(), "000000").await.unwrap());
        assert_eq!((wrong.outcome(), wrong.is_test_number), (CheckOutcome::Rejected, true));
        let right = is_marked(check(&mut clients, target, CODE).await.unwrap());
        assert_eq!((right.outcome(), right.is_test_number), (CheckOutcome::Accepted, true));
        assert_eq!(right.phone_number, NUMBER);
    }
    let read = GetVerificationRequest { verification_id: sent.id.clone() };
    let read = is_marked(clients.verifications.get_verification(read).await.unwrap()).verification.unwrap();
    assert_eq!((read.state(), read.is_test_number), (VerificationState::Accepted, true));
    let report = ReportVerificationRequest {
        verification_id: sent.id.clone(),
        outcome: ReportedOutcome::Rejected.into(),
        request_id: String::new(),
    };
    let report = is_marked(clients.verifications.report_verification(report).await.unwrap());
    assert_eq!(report.outcome(), CheckOutcome::Rejected);
    let list = ListVerificationsRequest { phone_number: NUMBER.into(), ..ListVerificationsRequest::default() };
    let list = is_marked(clients.verifications.list_verifications(list).await.unwrap());
    assert_eq!(list.total_size, 1);
    assert_eq!((list.verifications[0].state(), &list.verifications[0].id), (VerificationState::Invalid, &sent.id));
    gateway.stop().await;
}

#[tokio::test]
async fn a_test_number_belongs_to_one_tenant() {
    let gateway = alone(|_| ()).await;
    let mut clients = gateway.clients().await;
    let id = send(&mut clients).await.unwrap().into_inner().verification.unwrap().id;
    let mut theirs = gateway.clients_with(Some(OTHER_TOKEN)).await;
    let unreachable = |refused: Refused| refused.is(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
    unreachable(Refused::by(send(&mut theirs).await));
    unreachable(Refused::by(check(&mut theirs, Target::VerificationId(id.clone()), CODE).await));
    unreachable(Refused::by(clients.try_send(PHONE, "p1").await));
    // An ID that only has the prefix of a test number's ID.
    let other = Target::VerificationId(format!("7e57{}", "0".repeat(32)));
    unreachable(Refused::by(check(&mut clients, other, CODE).await));
    gateway.stop().await;
}

#[tokio::test]
async fn a_test_number_is_exempt_from_send_limits_and_its_failed_checks_are_limited() {
    let hour = LimitWindow { max: 1, per: Duration::from_hours(1) };
    let day = LimitWindow { max: 3, per: DAY };
    let gateway = alone(|login| {
        login.limits = Limits {
            sends_per_phone_number: Some(Limit::enforced(vec![hour])),
            sends_per_day: Some(Limit::enforced(hour)),
            checks_per_verification: Some(Limit::enforced(1)),
            guesses_per_phone_number: Some(Limit::enforced(day)),
            ..Limits::none()
        }
    })
    .await;
    let mut clients = gateway.clients().await;
    for _ in 0..5 {
        send(&mut clients).await.unwrap();
    }
    let number = || Target::PhoneNumber(NUMBER.into());
    for _ in 0..3 {
        assert_eq!(check(&mut clients, number(), CODE).await.unwrap().into_inner().outcome(), CheckOutcome::Accepted);
        let wrong = check(&mut clients, number(), "000000").await.unwrap().into_inner();
        assert_eq!(wrong.outcome(), CheckOutcome::Rejected);
    }
    let refused = Refused::by(check(&mut clients, number(), CODE).await);
    assert!(refused.is(Code::ResourceExhausted, "GUESS_LIMIT_REACHED").retry_after.is_some());
    gateway.stop().await;
}

#[tokio::test]
async fn permissions_apply_to_a_test_number() {
    let calls_only = Allowed::Only(vec![verify_gateway::telnyx::Channel::Call]);
    let permissions = Permissions { channels: calls_only, ..Permissions::all() };
    let mut login = Tenant::new(TenantId::new("login").unwrap(), ApiKey::new(KEY).unwrap());
    with_test_number(&mut login);
    let identity = Identity { name: "login-service".into(), permissions };
    let token = Credential::Token(TokenHash::of(TOKEN));
    let gateway =
        TestGateway::builder().tenants(Directory::new(vec![(login, vec![(identity, vec![token])])])).start().await;
    Refused::by(send(&mut gateway.clients().await).await).is(Code::PermissionDenied, "CHANNEL_NOT_ALLOWED");
    gateway.stop().await;
}

#[tokio::test]
async fn an_expired_test_number_is_an_ordinary_number() {
    let gateway =
        TestGateway::builder().clock(Clock::standing_at(Timestamp::now())).login(with_test_number).start().await;
    let mut clients = gateway.clients().await;
    let profile_id = clients.sms_profile().await;
    assert!(clients.send(NUMBER, &profile_id).await.is_test_number);
    assert!(gateway.messages(NUMBER).await.is_empty());
    gateway.clock.advance(8 * DAY);
    let id = clients.send(NUMBER, &profile_id).await.id;
    assert_eq!(gateway.messages(NUMBER).await.len(), 1);
    assert_eq!(clients.check(&id, &gateway.code(NUMBER).await).await, CheckOutcome::Accepted);
    gateway.stop().await;
}

#[tokio::test]
async fn the_use_of_a_test_number_is_audited_without_secrets() {
    let nowhere: SocketAddr = Origin::refusing().await;
    let folder = tempfile::tempdir().unwrap();
    let tenant = tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}"));
    let number = format!("{{ phone_number: {NUMBER}, code: \"{CODE}\", expires: 9000-01-01 }}");
    let tenants = format!("{tenant}    test_numbers: [{number}]\n");
    fs::write(folder.path().join("tenants.yaml"), tenants).unwrap();
    let config = folder.path().join("gateway.yaml");
    let text = format!(
        "grpc: {{ listen: '127.0.0.1:0', plaintext: true }}\nadmin: {{ listen: '127.0.0.1:0' }}\nupstream: {{ base_url: 'http://{nowhere}/v2' }}\ntelemetry: {{ log: {{ format: json }} }}\n"
    );
    fs::write(&config, text).unwrap();
    let mut process = Process::start(&["serve", "--config", config.to_str().unwrap()]);
    let addr = process.logged_addr().await;
    let mut clients = Clients::of(addr, Some(TOKEN)).await;
    send(&mut clients).await.unwrap();
    check(&mut clients, Target::PhoneNumber(NUMBER.into()), "135791").await.unwrap();
    check(&mut clients, Target::PhoneNumber(NUMBER.into()), CODE).await.unwrap();
    let log = process.end("TERM").await.err;
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let audited = lines
        .filter(|line| line["target"] == "audit")
        .map(|line| json!([line["event"], line["outcome"], line["test_number"], line["phone_number"], line["tenant"]]));
    let expected = [("send", "started"), ("check", "rejected"), ("check", "accepted")];
    let expected = expected.map(|(event, outcome)| json!([event, outcome, true, "+1…99", "login"]));
    assert_eq!(audited.collect::<Vec<_>>(), expected, "{log}");
    for secret in [NUMBER, &NUMBER[1..], CODE, "135791", TOKEN, KEY] {
        assert!(!log.contains(secret), "{log}");
    }
}
