//! The translation of a send and of a check in both directions, without network and runtime.
//!
//! `cargo bench --bench translation`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use verify_gateway::{
    domain::{ApiKey, PhoneNumber, Tenant, TenantId},
    grpc::translate,
    pb::{Channel, CheckVerificationRequest, CreateVerificationRequest, check_verification_request::Target},
    telnyx::{CheckRequest, CheckResponse, Data, SendRequest, Verification},
};

const SENT: &str = r#"{"data":{"created_at":"2020-09-14T17:03:32.965812","id":"12ade33a-21c0-473b-b055-b3c836e1c292",
    "phone_number":"+13035551234","record_type":"verification","status":"pending","timeout_secs":300,"type":"sms",
    "updated_at":"2020-09-14T17:03:32.965812","verify_profile_id":"4900017a-e7c8-e79e-0a7c-0d98f49b09cc"}}"#;
const CHECKED: &str = r#"{"data":{"phone_number":"+13035551234","response_code":"accepted"}}"#;

fn tenant() -> Tenant {
    Tenant::new(TenantId::new("bench").expect("it is a name"), ApiKey::new("KEY").expect("it is a header value"))
}

fn translation(criterion: &mut Criterion) {
    let tenant = tenant();
    let send = CreateVerificationRequest {
        phone_number: "+13035551234".into(),
        channel: Channel::Sms.into(),
        profile_id: "4900017a-e7c8-e79e-0a7c-0d98f49b09cc".into(),
        ..CreateVerificationRequest::default()
    };
    criterion.bench_function("send: gRPC to JSON", |bencher| {
        bencher.iter(|| {
            let send = translate::create_verification(black_box(&send), &tenant).expect("it breaks no rule");
            let body = SendRequest {
                phone_number: send.phone_number.as_e164(),
                verify_profile_id: &send.profile_id,
                timeout_secs: send.timeout_secs,
                custom_code: None,
                extension: None,
            };
            serde_json::to_vec(&body).expect("it is plain data")
        });
    });
    criterion.bench_function("send: JSON to gRPC", |bencher| {
        bencher.iter(|| {
            let answer: Verification = Data::read(black_box(SENT).as_bytes()).expect("it is an answer");
            translate::verification(answer, false)
        });
    });

    let check = CheckVerificationRequest {
        target: Some(Target::VerificationId("12ade33a-21c0-473b-b055-b3c836e1c292".into())),
        code: "12345".into(),
        ..CheckVerificationRequest::default()
    };
    criterion.bench_function("check: gRPC to JSON", |bencher| {
        bencher.iter(|| {
            let check = translate::check_verification(black_box(&check), &tenant).expect("it breaks no rule");
            let body = CheckRequest { code: Some(check.code.expose()), ..CheckRequest::default() };
            serde_json::to_vec(&body).expect("it is plain data")
        });
    });
    criterion.bench_function("check: JSON to gRPC", |bencher| {
        bencher.iter(|| {
            let checked: CheckResponse = Data::read(black_box(CHECKED).as_bytes()).expect("it is an answer");
            translate::check_outcome(&checked)
        });
    });
}

/// Numbers of a plan with many regions, of one with many prefixes, of a long one, and in no assigned range.
const PHONE_NUMBERS: [&str; 5] = ["+13035551234", "+447911123456", "+4915112345679", "+5491123456789", "+18615551234"];

fn phone_numbers(criterion: &mut Criterion) {
    for text in PHONE_NUMBERS {
        criterion.bench_function(&format!("phone number {text}"), |bencher| {
            bencher.iter(|| PhoneNumber::parse(black_box(text)).expect("it is a number"));
        });
    }
}

criterion_group!(benches, translation, phone_numbers);
criterion_main!(benches);
