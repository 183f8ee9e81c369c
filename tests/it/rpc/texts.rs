//! Every text field of every request, by the descriptor of the contract: no control characters, and nothing that changes the
//! order in which characters are shown.

use prost::Message;
use prost_types::{
    DescriptorProto, Duration, FieldMask, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use tonic::Code;
use verify_gateway::pb::{
    CheckVerificationRequest, CreateProfileRequest, CreateTemplateRequest, CreateVerificationRequest,
    DeleteProfileRequest, FILE_DESCRIPTOR_SET, GetProfileRequest, GetVerificationRequest, ListProfilesRequest,
    ListTemplatesRequest, ListVerificationsRequest, Profile, RPCS, ReportVerificationRequest, StreamEventsRequest,
    UpdateProfileRequest, UpdateTemplateRequest, WatchVerificationRequest,
};

use crate::support::{
    PHONE, TOKEN, TestGateway, check_by_id, full_profile,
    raw::{answer, framed, post},
    sms_with_request_id,
};

const ID: &str = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc";

/// Characters that no text may hold.
const BAD: [&str; 9] = ["\0", "\u{1}", "\r", "\t", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}"];

/// The fields that are ignored because only Telnyx sets them.
const IGNORED: [&str; 3] = ["profile.id", "profile.whatsapp.app_name", "profile.whatsapp.template_id"];

/// A valid request of each RPC.
fn valid_request(rpc: &str) -> Vec<u8> {
    let profile = Some(Profile { id: ID.into(), ..full_profile() });
    let paths = ["name", "language", "webhook_url", "webhook_failover_url", "daily_spend_limit", "sms", "call"];
    let paths = paths.into_iter().chain(["flashcall", "whatsapp", "dtmf_confirm"]).map(str::to_owned).collect();
    let text = "{{code}}".to_owned();
    match rpc {
        "CreateProfile" => CreateProfileRequest { profile, ..Default::default() }.encode_to_vec(),
        "GetProfile" => GetProfileRequest { profile_id: ID.into() }.encode_to_vec(),
        "ListProfiles" => ListProfilesRequest::default().encode_to_vec(),
        "UpdateProfile" => UpdateProfileRequest { profile, update_mask: Some(FieldMask { paths }) }.encode_to_vec(),
        "DeleteProfile" => DeleteProfileRequest { profile_id: ID.into() }.encode_to_vec(),
        "ListTemplates" => ListTemplatesRequest::default().encode_to_vec(),
        "CreateTemplate" => CreateTemplateRequest { text, ..Default::default() }.encode_to_vec(),
        "UpdateTemplate" => UpdateTemplateRequest { template_id: ID.into(), text }.encode_to_vec(),
        "CreateVerification" => {
            let timeout = Some(Duration { seconds: 60, nanos: 0 });
            CreateVerificationRequest { timeout, ..sms_with_request_id(ID) }.encode_to_vec()
        }
        "GetVerification" => GetVerificationRequest { verification_id: ID.into() }.encode_to_vec(),
        "ListVerifications" => {
            ListVerificationsRequest { phone_number: PHONE.into(), ..Default::default() }.encode_to_vec()
        }
        "CheckVerification" => CheckVerificationRequest { ..check_by_id(ID, "1234") }.encode_to_vec(),
        "ReportVerification" => {
            ReportVerificationRequest { verification_id: ID.into(), outcome: 1, request_id: String::new() }
                .encode_to_vec()
        }
        "WatchVerification" => {
            WatchVerificationRequest { verification_id: ID.into(), ..Default::default() }.encode_to_vec()
        }
        "StreamEvents" => StreamEventsRequest::default().encode_to_vec(),
        other => panic!("no request for {other}"),
    }
}

/// A text field of a request: its path, and the numbers of the fields that lead to it.
#[derive(Clone, Default)]
struct TextField {
    path: String,
    numbers: Vec<u32>,
}

impl TextField {
    /// The bytes that set the field to `text`. After a request, they replace its value or add to its list.
    fn encode(&self, text: &str) -> Vec<u8> {
        self.numbers.iter().rev().fold(text.as_bytes().to_vec(), |value, number| {
            let mut bytes = Vec::new();
            prost::encoding::bytes::encode(*number, &value, &mut bytes);
            bytes
        })
    }
}

/// The text fields of `message` and of the messages in it, below `above`.
fn text_fields(messages: &[(String, DescriptorProto)], message: &str, above: &TextField) -> Vec<TextField> {
    let (_, message) = messages.iter().find(|(name, _)| name == message).unwrap();
    let fields = message.field.iter().flat_map(|field| {
        let dot = if above.path.is_empty() { "" } else { "." };
        let index = if field.label() == Label::Repeated && field.name() == "paths" { "[10]" } else { "" };
        let path = format!("{}{dot}{}{index}", above.path, field.name());
        let number = u32::try_from(field.number()).unwrap();
        let below = TextField { path, numbers: [&above.numbers[..], &[number]].concat() };
        match field.r#type() {
            Type::String => vec![below],
            Type::Message => text_fields(messages, field.type_name(), &below),
            _ => Vec::new(),
        }
    });
    fields.collect()
}

#[tokio::test]
async fn no_text_of_any_request_has_control_characters_or_directions() {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let named = files.iter().flat_map(|file| {
        file.message_type.iter().map(|message| (format!(".{}.{}", file.package(), message.name()), message.clone()))
    });
    let messages: Vec<_> = named.collect();
    let gateway = TestGateway::builder().config(|config| config.events.enabled = true).start().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let mut tried = 0;
    for path in RPCS {
        let rpc = path.rsplit('/').next().unwrap();
        let request = valid_request(rpc);
        // A valid request for a stream has no end.
        if !path.contains("EventService") {
            let headers = answer(&gateway, path, &headers, &framed(&request)).await;
            let status = tonic::Status::from_header_map(&headers).unwrap();
            assert_ne!(status.code(), Code::InvalidArgument, "{rpc}: {status:?}");
        }
        let fields = text_fields(&messages, &format!(".verify.v1.{rpc}Request"), &TextField::default());
        let is_ignored = |field: &TextField| {
            rpc != "UpdateProfile" && field.path == IGNORED[0] || IGNORED[1..].contains(&&*field.path)
        };
        for field in fields.iter().filter(|field| !is_ignored(field)) {
            for bad in BAD {
                tried += 1;
                let valid = match field.path.as_str() {
                    "text" => "{{code}}",
                    path if path.ends_with("_url") => "https://example.com/",
                    _ => "a-1",
                };
                let text = format!("{valid}{bad}");
                let body = framed(&[request.clone(), field.encode(&text)].concat());
                let refused = post(&gateway, path, &headers, &body).await.is(Code::InvalidArgument, "INVALID_REQUEST");
                assert!(refused.fields.contains(&field.path), "{rpc} {} {bad:?}: {refused:?}", field.path);
                assert!(!refused.message.contains(bad), "{rpc} {}", field.path);
            }
        }
    }
    assert!(tried > 400, "{tried}");
    gateway.stop().await;
}
