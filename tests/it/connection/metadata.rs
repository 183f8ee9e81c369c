//! The metadata of calls and the trailers of errors.

use prost::Message;
use prost_types::FieldMask;
use serde_json::json;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use verify_gateway::pb::{
    CreateProfileRequest, ListTemplatesRequest, Profile, SmsSettings, UpdateProfileRequest,
    template_service_client::TemplateServiceClient,
};

use crate::support::{
    Refused, TOKEN, TestGateway,
    raw::{EMPTY, LIST_TEMPLATES, answer, framed},
};

#[tokio::test]
async fn too_large_metadata_is_refused_with_a_reason_and_counted() {
    let gateway = TestGateway::start().await;
    let mut client = TemplateServiceClient::new(gateway.channel().await);
    for size in [15 << 10, 17 << 10, 60 << 10] {
        let mut request = Request::new(ListTemplatesRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        request.metadata_mut().insert("a", "a".repeat(size).parse().unwrap());
        let answer = client.list_templates(request).await;
        if size < 16 << 10 {
            answer.unwrap();
        } else {
            Refused::by(answer).is(Code::InvalidArgument, "MESSAGE_TOO_LARGE");
        }
    }
    let (_, metrics) = gateway.admin("/metrics").await;
    let counted = metrics.lines().find(|line| line.contains("_count{error_type=\"MESSAGE_TOO_LARGE\""));
    assert!(counted.is_some_and(|line| line.ends_with(" 2")), "{counted:?}");
    drop(client);
    gateway.stop().await;
}

#[tokio::test]
async fn a_refused_encoding_comes_with_those_that_are_accepted() {
    let gateway = TestGateway::start().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("grpc-encoding", "br")];
    let compressed = [&[1], &EMPTY[1..]].concat();
    let answer = answer(&gateway, LIST_TEMPLATES, &headers, &compressed).await;
    assert_eq!(answer["grpc-accept-encoding"], "gzip,identity");
    let refused = Refused::by(Err::<(), _>(Status::from_header_map(&answer).unwrap()));
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unimplemented, "RPC_UNKNOWN"));
    assert_eq!(answer.get_all("grpc-status").iter().count(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn the_trailers_of_an_error_stay_below_6_kib_and_say_how_much_they_leave_out() {
    let gateway = TestGateway::start().await;
    let bearer = format!("Bearer {TOKEN}");
    let request_id = "r".repeat(128);
    let headers = [("authorization", bearer.as_str()), ("x-request-id", &request_id)];
    let refused = async |rpc: &str, message: Vec<u8>| {
        let answer = answer(&gateway, &format!("verify.v1.ProfileService/{rpc}"), &headers, &framed(&message)).await;
        // As HTTP/2 counts them (RFC 9113 §10.5.1).
        let size: usize = answer.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(size < 6 << 10, "{rpc}: {size} bytes");
        Status::from_header_map(&answer).unwrap()
    };
    let violations = |status: &Status| status.get_details_bad_request().unwrap().field_violations;

    let profile = Some(Profile { id: "some-id".into(), ..Profile::default() });
    for count in [1, 100, 5000] {
        let paths = (0..count).map(|at| format!("p{at}")).collect();
        let update = UpdateProfileRequest { profile: profile.clone(), update_mask: Some(FieldMask { paths }) };
        let status = refused("UpdateProfile", update.encode_to_vec()).await;
        let shown = violations(&status);
        if count == 1 {
            assert_eq!(shown.len(), 1);
            continue;
        }
        assert!(shown.len() > 8, "{shown:?}");
        let (last, others) = shown.split_last().unwrap();
        assert_eq!(
            (last.field.as_str(), &last.description),
            ("", &format!("and {} more violations", count - others.len()))
        );
        assert!(others.iter().all(|one| !one.field.is_empty()));
        assert!(status.message().ends_with(&format!("; {} more", count - 1)), "{}", status.message());
    }
    let allowed_destinations = vec!["nowhere".repeat(100); 20];
    let sms = Some(SmsSettings { allowed_destinations, ..SmsSettings::default() });
    let profile = Some(Profile { name: "x".repeat(20_000), language: "y".repeat(20_000), sms, ..Profile::default() });
    let create = CreateProfileRequest { profile, ..CreateProfileRequest::default() };
    assert_eq!(violations(&refused("CreateProfile", create.encode_to_vec()).await).len(), 3);

    let errors: Vec<_> =
        (0..1000).map(|_| json!({"code": "10015", "source": {"pointer": "/sms/whitelisted_destinations"}})).collect();
    let body = json!({"content_type": "application/json", "text": json!({"errors": errors}).to_string()});
    gateway.fault(json!({"method": "POST", "status": 422, "body": body})).await;
    let profile = Some(Profile { name: "a".into(), sms: Some(SmsSettings::default()), ..Profile::default() });
    let create = CreateProfileRequest { profile, ..CreateProfileRequest::default() };
    let shown = violations(&refused("CreateProfile", create.encode_to_vec()).await);
    assert!(shown.last().unwrap().description.ends_with("more violations"), "{shown:?}");
    gateway.stop().await;
}
