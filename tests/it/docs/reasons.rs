//! Each RPC fails for exactly the reasons that its comment names and the common ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::Method};
use http::StatusCode;
use prost_types::FieldMask;
use tonic::{Response, Status};
use verify_gateway::{
    config::Config,
    domain::{Allowed, Country, CountryLimits, DAY, Limit, LimitWindow, Limits, Permissions},
    pb::{
        Channel, CheckVerificationRequest, CreateProfileRequest, CreateTemplateRequest, CreateVerificationRequest,
        DeleteProfileRequest, GetProfileRequest, GetVerificationRequest, ListProfilesRequest, ListTemplatesRequest,
        ListVerificationsRequest, Profile, ReportVerificationRequest, ReportedOutcome, SmsSettings,
        UpdateProfileRequest, UpdateTemplateRequest, check_verification_request::Target,
    },
    telnyx::{self, code},
};

use crate::support::{Clients, Refused, TestGateway};

type Reasons = BTreeSet<String>;

/// The common reasons, and the reasons that the comment of each RPC adds.
fn documented() -> (Reasons, BTreeMap<String, Reasons>) {
    let (mut common, mut added) = (Reasons::new(), BTreeMap::new());
    for file in ["error_reason", "profile_service", "template_service", "verification_service"] {
        let path = format!("{}/proto/verify/v1/{file}.proto", env!("CARGO_MANIFEST_DIR"));
        let mut comment = String::new();
        for line in fs::read_to_string(path).unwrap().lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("//") {
                comment.push_str(text);
                continue;
            }
            let comment = mem::take(&mut comment);
            let name = |prefix| line.strip_prefix(prefix)?.split([' ', '(']).next().map(str::to_owned);
            if let Some(rpc) = name("rpc ") {
                let (_, list) = comment.split_once("Reasons:").unwrap();
                let words = list.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
                added.insert(rpc, words.filter(|word| word.contains('_')).map(str::to_owned).collect());
            } else if comment.contains("] Common.") {
                common.extend(name("ERROR_REASON_"));
            }
        }
    }
    (common, added)
}

/// The fields of a call that the tests vary.
#[derive(Clone, Copy)]
struct About<'a> {
    profile: &'a str,
    channel: Channel,
    phone: &'a str,
    request_id: &'a str,
}

/// Calls every RPC, and the check and the update of a profile in both of their forms. Returns the reasons by RPC.
async fn call_all(clients: &mut Clients, about: About<'_>) -> Vec<(&'static str, String)> {
    let Clients { profiles, templates, verifications, .. } = clients;
    let About { profile, channel, phone, request_id } = about;
    let profile_id = || profile.to_owned();
    let verification_id = || "some-id".to_owned();
    let sms = Some(SmsSettings { code_length: 6, ..SmsSettings::default() });
    // Each creation has different content, because equal creations run one after the other.
    let new = Profile { name: phone.into(), sms: sms.clone(), ..Profile::default() };
    let create = CreateProfileRequest { profile: Some(new.clone()), request_id: request_id.into() };
    let update = |path: &str| UpdateProfileRequest {
        profile: Some(Profile { id: profile_id(), ..new.clone() }),
        update_mask: Some(FieldMask { paths: vec![path.into()] }),
    };
    let text = format!("{{{{code}}}} {phone}");
    let template = CreateTemplateRequest { text: text.clone(), request_id: request_id.into() };
    let send = CreateVerificationRequest {
        request_id: request_id.into(),
        phone_number: phone.into(),
        channel: channel.into(),
        profile_id: profile_id(),
        ..CreateVerificationRequest::default()
    };
    let list = ListVerificationsRequest { phone_number: phone.into(), ..ListVerificationsRequest::default() };
    let check = |target, profile_id| CheckVerificationRequest {
        target: Some(target),
        profile_id,
        code: "12345".into(),
        request_id: request_id.into(),
    };
    let by_id = check(Target::VerificationId(verification_id()), String::new());
    let by_phone = check(Target::PhoneNumber(phone.into()), profile_id());
    let outcome = if phone.ends_with('2') { ReportedOutcome::Rejected } else { ReportedOutcome::Accepted }.into();
    let report =
        ReportVerificationRequest { verification_id: verification_id(), outcome, request_id: request_id.into() };
    let get = GetVerificationRequest { verification_id: verification_id() };
    let change = UpdateTemplateRequest { template_id: "some-id".into(), text };
    vec![
        ("CreateProfile", reason(profiles.create_profile(create).await)),
        ("GetProfile", reason(profiles.get_profile(GetProfileRequest { profile_id: profile_id() }).await)),
        ("ListProfiles", reason(profiles.list_profiles(ListProfilesRequest::default()).await)),
        ("UpdateProfile", reason(profiles.update_profile(update("name")).await)),
        ("UpdateProfile", reason(profiles.update_profile(update("sms.code_length")).await)),
        ("DeleteProfile", reason(profiles.delete_profile(DeleteProfileRequest { profile_id: profile_id() }).await)),
        ("ListTemplates", reason(templates.list_templates(ListTemplatesRequest::default()).await)),
        ("CreateTemplate", reason(templates.create_template(template).await)),
        ("UpdateTemplate", reason(templates.update_template(change).await)),
        ("CreateVerification", reason(verifications.create_verification(send).await)),
        ("GetVerification", reason(verifications.get_verification(get).await)),
        ("ListVerifications", reason(verifications.list_verifications(list).await)),
        ("CheckVerification", reason(verifications.check_verification(by_id).await)),
        ("CheckVerification", reason(verifications.check_verification(by_phone).await)),
        ("ReportVerification", reason(verifications.report_verification(report).await)),
    ]
}

/// The reason of a failed call, or an empty text.
fn reason<T>(result: Result<Response<T>, Status>) -> String {
    result.err().map(|status| Refused::by(Err::<T, _>(status)).reason).unwrap_or_default()
}

/// The upstream's answer.
#[derive(Clone)]
struct Answer {
    status: StatusCode,
    body: String,
    /// Whether reads get this answer too. Otherwise reads succeed.
    to_reads: bool,
}

/// Every answer that the gateway distinguishes.
fn answers() -> Vec<Answer> {
    let codes = [
        code::NOT_FOUND,
        code::BEING_PROCESSED,
        code::LEVEL_LIMITED,
        code::NO_FUNDS,
        code::NOT_ROUTABLE,
        code::TRAFFIC_BLOCKED,
        code::REGION_NOT_ALLOWED,
        code::WHITELIST_MISSING,
        code::SPEND_LIMIT,
    ];
    let refusal = |status, code: &str, to_reads| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        body: format!(r#"{{"errors": [{{"code": "{code}", "title": "t"}}]}}"#),
        to_reads,
    };
    let unknown = [302, 400, 401, 402, 403, 404, 405, 408, 409, 410, 422, 429, 500, 503];
    let distinguished = [400, 402, 403, 409, 422, 429].into_iter().flat_map(|status| codes.map(|code| (status, code)));
    let nonsense = ["<html></html>", r#"{"data": {}}"#];
    let abroad = r#"{"data": {"id": "some-id", "verify_profile_id": "allowed-1", "phone_number": "+442071838750"}}"#;
    let mut answers: Vec<_> = unknown.map(|status| refusal(status, "99999", true)).into();
    answers.extend(distinguished.map(|(status, code)| refusal(status, code, true)));
    answers.push(Answer { status: StatusCode::OK, body: abroad.into(), to_reads: true });
    answers.extend(nonsense.map(|body| Answer { status: StatusCode::OK, body: body.into(), to_reads: true }));
    answers.extend([400, 404, 409, 503].map(|status| refusal(status, "99999", false)));
    answers
}

/// Sets of limits with one limit each, which one call reaches.
fn limits_of_one() -> [Limits; 6] {
    let one = LimitWindow { max: 1, per: DAY };
    let none = Limits::none;
    let countries = CountryLimits { default: Some(one), ..CountryLimits::default() };
    [
        Limits { sends_per_phone_number: Some(Limit::enforced(vec![one])), ..none() },
        Limits { sends_per_country: Some(Limit::enforced(countries)), ..none() },
        Limits { sends_per_day: Some(Limit::enforced(one)), ..none() },
        Limits { send_cool_down: Some(Limit::enforced(DAY)), ..none() },
        Limits { checks_per_verification: Some(Limit::enforced(1)), ..none() },
        Limits { guesses_per_phone_number: Some(Limit::enforced(one)), ..none() },
    ]
}

/// An upstream that gives the answer in the mutex.
async fn origin(next: Arc<Mutex<Answer>>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap();
    let router = Router::new().fallback(async move |method: Method, uri: http::Uri| {
        let Answer { status, body, to_reads } = next.lock().unwrap().clone();
        let of_one = uri.path().contains("/verify_profiles/allowed-1") || uri.path().ends_with("/some-id");
        match method {
            Method::GET if !to_reads && of_one => (StatusCode::OK, r#"{"data": {"id": "some-id"}}"#.to_owned()),
            Method::GET if !to_reads => (StatusCode::OK, r#"{"data": []}"#.to_owned()),
            _ => (status, body),
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

#[tokio::test]
async fn each_rpc_fails_for_exactly_the_reasons_that_its_comment_names() {
    let answers = answers();
    let next = Arc::new(Mutex::new(answers[0].clone()));
    let upstream = origin(next.clone()).await;
    let change = |config: &mut Config| {
        config.upstream.retry.max_attempts = 1;
        // An open circuit breaker would hide later answers.
        config.upstream.breaker.consecutive_failures = 0;
        config.upstream.breaker.min_success_ratio = 0.0;
        // Too short for a second reconciliation of a send.
        config.grpc.default_deadline = Duration::from_millis(990);
    };
    let permissions = Permissions {
        channels: Allowed::Only(vec![telnyx::Channel::Sms]),
        countries: Allowed::Only(vec![Country::new("US").unwrap()]),
        profiles: Allowed::Only(vec!["allowed-1".into()]),
        ..Permissions::all()
    };
    let mut seen: BTreeMap<String, Reasons> = BTreeMap::new();
    let mut note = |calls: Vec<(&'static str, String)>| {
        for (rpc, reason) in calls {
            seen.entry(rpc.to_owned()).or_default().extend((!reason.is_empty()).then_some(reason));
        }
    };

    let gateway = TestGateway::builder().upstream(upstream).config(change).permissions(permissions).start().await;
    let mut clients = gateway.clients().await;
    let fine = About { profile: "allowed-1", channel: Channel::Sms, phone: "+13035551234", request_id: "" };
    for (at, answer) in answers.into_iter().enumerate() {
        *next.lock().unwrap() = answer;
        // An unresolved send delays later sends to the same number, so each round has its own number.
        note(call_all(&mut clients, About { phone: &format!("+1303555{}", 2000 + at), ..fine }).await);
    }
    note(call_all(&mut clients, About { profile: "other-1", ..fine }).await);
    note(call_all(&mut clients, About { channel: Channel::Call, ..fine }).await);
    note(call_all(&mut clients, About { phone: "+442071838750", ..fine }).await);
    note(call_all(&mut clients, About { phone: "+19002345678", ..fine }).await);
    for phone in ["+13035553001", "+13035553002"] {
        let request_id = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";
        note(call_all(&mut clients, About { phone, request_id, ..fine }).await);
    }
    gateway.stop().await;

    // Valid requests with a wrong code, and limits of one: the second round reaches each limit.
    let body = r#"{"data": {"id": "some-id", "response_code": "rejected", "phone_number": "+13035551234"}}"#;
    *next.lock().unwrap() = Answer { status: StatusCode::OK, body: body.into(), to_reads: false };
    for limits in limits_of_one() {
        let gateway =
            TestGateway::builder().upstream(upstream).config(change).login(|login| login.limits = limits).start().await;
        let mut clients = gateway.clients().await;
        for _ in 0..2 {
            note(call_all(&mut clients, fine).await);
        }
        gateway.stop().await;
    }

    let full = |config: &mut Config| {
        change(config);
        (config.store.max_size, config.store.tenant_share) = (0, 1.0);
    };
    let gateway = TestGateway::builder().upstream(upstream).config(full).start().await;
    note(call_all(&mut gateway.clients().await, fine).await);
    gateway.stop().await;

    let (common, added) = documented();
    for (rpc, documented) in &added {
        let seen = &seen[rpc] - &common;
        assert_eq!(&seen, documented, "{rpc}: what was seen, and what its comment says");
    }
}
