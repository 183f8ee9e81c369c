//! Secrets leave the gateway only to their recipients.

use std::{
    fmt::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use tonic::{Code, Request, Status, metadata::MetadataValue};
use verify_gateway::{
    domain::TokenHash,
    pb::{
        Channel, CheckVerificationRequest, CreateVerificationRequest, GetVerificationRequest, ListVerificationsRequest,
        ReportVerificationRequest, ReportedOutcome, check_verification_request::Target,
    },
};

use crate::support::{
    Clients, Collector, Served, TestGateway,
    issuer::{AUDIENCE, ISSUER, SigningKey, jwks},
};

const KEY: &str = "KEY0PLANTED0login";
const INLINE_KEY: &str = "KEY0PLANTED0inline";
const TOKEN: &str = "vgw_planted-token-of-the-service";
const WRONG: &str = "vgw_planted-token-of-nobody";
const CUSTOM_CODE: &str = "4711081547";
const WRONG_CODE: &str = "9081726354";
const PHONES: [&str; 3] = ["+13035550187", "+442071838750", "+4915112345678"];

fn tenants() -> String {
    let hash = TokenHash::of(TOKEN);
    format!(
        "jwt_issuers: [{{ name: one, issuer: '{ISSUER}', audiences: [{AUDIENCE}], algorithms: [EdDSA], jwks: {{ file: jwks }} }}]
tenants:
  - id: login
    telnyx_api_key: {{ file: key }}
    identities:
      - name: service
        tokens: ['{hash}']
        jwt: {{ issuer: one, subject: planted-subject }}
        roles: [admin]
        channels: any
        countries: [US, GB]
        profiles: any
  - id: other
    telnyx_api_key: {{ inline: {INLINE_KEY} }}
    identities: [{{ name: nobody, certificate: {{ dns: nobody }}, roles: [reader] }}]
"
    )
}

/// The outputs of a run, and the secrets that must not be in them.
struct Run {
    outputs: String,
    planted: Vec<String>,
}

impl Run {
    fn fails<T>(&mut self, result: Result<T, Status>) {
        let status = result.err().expect("it is refused");
        let details = String::from_utf8_lossy(status.details()).into_owned();
        write!(self.outputs, "{status:?} {status} {details}").unwrap();
    }
}

fn authorized<T>(message: T, authorization: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", MetadataValue::try_from(authorization).unwrap());
    request
}

/// Runs every kind of call, valid and invalid, with upstream faults and a broken reload. Returns all outputs.
#[expect(clippy::too_many_lines, reason = "one scenario, from its beginning to its end")]
async fn run(exporter: &str) -> Run {
    let (collector, otlp) = Collector::grpc().await;
    let set_up = TestGateway::start().await;
    let key = SigningKey::ed25519("a");
    let keys = jwks(&[&key]);
    let settings = format!(
        "tenants: {{ reload_interval: 10ms }}
telemetry:
  log: {{ format: json, level: trace }}
  {exporter}
  otlp: {{ endpoint: 'http://{otlp}', sample_ratio: 1.0, metrics: true, logs: true }}
"
    );
    let files = [("tenants.yaml", tenants()), ("key", format!("{KEY}\n")), ("jwks", keys.clone())];
    let files = files.each_ref().map(|(name, content)| (*name, content.as_str()));
    let mut served = Served::start(set_up.simulator, &settings, &files).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = |expires: u64| {
        key.token(
            &json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "planted-subject", "exp": expires, "email": "planted@x"}),
        )
    };
    let (jwt, expired) = (token(now + 600), token(now - 600));
    let forged = format!("{}AAAA", &jwt[..jwt.len() - 4]);
    let mut run = Run { outputs: String::new(), planted: Vec::new() };

    let mut by_token = Clients::of(served.addr, Some(TOKEN)).await;
    let mut by_jwt = Clients::of(served.addr, Some(&jwt)).await;
    let profile_id = by_jwt.sms_profile().await;
    let verification = by_token.send(PHONES[0], &profile_id).await;
    let check = |target, code: &str| CheckVerificationRequest {
        profile_id: if matches!(target, Target::PhoneNumber(_)) { profile_id.clone() } else { String::new() },
        target: Some(target),
        code: code.into(),
        request_id: String::new(),
    };
    let send = |phone: &str, code: &str| CreateVerificationRequest {
        phone_number: phone.into(),
        channel: Channel::Sms.into(),
        profile_id: profile_id.clone(),
        custom_code: code.into(),
        ..CreateVerificationRequest::default()
    };
    by_jwt.verifications.check_verification(check(Target::PhoneNumber(PHONES[0].into()), WRONG_CODE)).await.unwrap();
    by_jwt.verifications.create_verification(send("+13035551299", CUSTOM_CODE)).await.unwrap();
    by_token
        .verifications
        .get_verification(GetVerificationRequest { verification_id: verification.id.clone() })
        .await
        .unwrap();
    let list = ListVerificationsRequest { phone_number: PHONES[0].into(), ..ListVerificationsRequest::default() };
    by_token.verifications.list_verifications(list).await.unwrap();

    // Valid requests, and requests that the gateway or Telnyx refuses.
    run.fails(by_token.verifications.create_verification(send(PHONES[2], "")).await);
    run.fails(by_token.verifications.create_verification(send(&format!("{} x", PHONES[1]), CUSTOM_CODE)).await);
    run.fails(
        by_token.verifications.check_verification(check(Target::VerificationId("no-such-id".into()), WRONG_CODE)).await,
    );
    let outcome = ReportedOutcome::Accepted.into();
    run.fails(
        by_token
            .verifications
            .report_verification(ReportVerificationRequest {
                verification_id: "no-such-id".into(),
                outcome,
                request_id: String::new(),
            })
            .await,
    );
    for fault in [
        json!({"status": 401, "code": "10009"}),
        json!({"status": 500}),
        json!({"reset": true}),
        json!({"status": 422, "code": "10015", "detail": PHONES[1]}),
    ] {
        set_up.fault(fault).await;
        let _ = by_token.verifications.create_verification(send(PHONES[1], CUSTOM_CODE)).await;
    }
    let mut bare = Clients::of(served.addr, None).await;
    let mut messages = Vec::new();
    for credentials in [
        format!("Bearer {WRONG}"),
        format!("Bearer {expired}"),
        format!("Bearer {forged}"),
        format!("Bearer {TOKEN} "),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
    ] {
        let read = GetVerificationRequest { verification_id: verification.id.clone() };
        let refused = bare.verifications.get_verification(authorized(read, &credentials)).await.err().unwrap();
        messages.push((refused.code(), refused.message().to_owned()));
        run.fails::<()>(Err(refused));
    }
    messages.dedup();
    assert_eq!(messages, [(Code::Unauthenticated, "valid credentials are needed".to_owned())]);
    // Secrets in the wrong fields.
    let broken = tenants().replace("file: key", KEY).replace("roles: [reader]", &format!("roles: [{INLINE_KEY}]"));
    served.swap(&[("tenants.yaml", &broken), ("key", KEY), ("jwks", TOKEN)]);
    served.says("reload: failed").await;
    served.swap(&[("tenants.yaml", &tenants()), ("key", &format!("{KEY} {KEY}")), ("jwks", &keys)]);
    served.says("reload: failed").await;

    for page in ["/", "/metrics", "/config", "/readyz", "/loglevel", "/buildinfo"] {
        run.outputs += &served.admin(page).await.1;
    }
    let ended = served.end().await;
    run.outputs += &ended.err;
    run.outputs += &ended.out;
    write!(run.outputs, "{:?} {} {:?}", collector.spans(), collector.logs(), collector.resource()).unwrap();
    run.outputs += &collector.all_metrics();

    let code = set_up.code(PHONES[0]).await;
    run.planted = [KEY, INLINE_KEY, TOKEN, WRONG, CUSTOM_CODE, WRONG_CODE, "planted-subject", "planted@x"]
        .map(str::to_owned)
        .into();
    for jwt in [jwt, expired, forged] {
        run.planted.extend(jwt.rsplit('.').take(2).map(str::to_owned));
        run.planted.push(jwt);
    }
    run.planted.extend(PHONES.iter().chain(&["+13035551299"]).map(|phone| phone[3..].to_owned()));
    // A code is short, so it is searched together with the quotes and separators around a value.
    run.planted.extend([
        format!("\"{code}\""),
        format!("={code}"),
        format!("code\\\": \\\"{code}"),
        format!("({code})"),
    ]);
    set_up.stop().await;
    run
}

async fn no_planted_secret_is_in_the_outputs(exporter: &str, must_see: &[&str]) {
    let Run { outputs, planted } = run(exporter).await;
    for shown in must_see {
        assert!(outputs.contains(shown), "the outputs lack {shown}");
    }
    for secret in planted {
        let at = outputs.find(&secret);
        let around = at.map(|at| {
            String::from_utf8_lossy(&outputs.as_bytes()[at.saturating_sub(200)..(at + 100).min(outputs.len())])
        });
        assert!(at.is_none(), "{secret} is in …{}…", around.unwrap_or_default());
    }
}

#[tokio::test]
async fn no_secret_is_in_any_output_at_trace_level() {
    let shown = [
        "+1…87",
        "+44…50",
        "unknown_token",
        "expired",
        "bad_signature",
        "malformed",
        "\"audit\"",
        "errors",
        "verify_gateway.authentication.failures",
    ];
    no_planted_secret_is_in_the_outputs("", &shown).await;
}

#[tokio::test]
async fn no_secret_is_in_traces_on_standard_output() {
    no_planted_secret_is_in_the_outputs(
        "console_traces: true",
        &["SERVER verify.v1.VerificationService/CreateVerification"],
    )
    .await;
}
