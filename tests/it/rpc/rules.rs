//! The rules of fields that several RPCs share, and those of profiles.

use prost_types::FieldMask;
use verify_gateway::{
    domain::PhoneNumber,
    pb::{
        CallSettings, CreateProfileRequest, CreateTemplateRequest, CreateVerificationRequest, DeleteProfileRequest,
        FlashcallSettings, GetProfileRequest, GetVerificationRequest, ListVerificationsRequest, Profile,
        ReportVerificationRequest, ReportedOutcome, SmsSettings, UpdateProfileRequest, UpdateTemplateRequest,
        WhatsappSettings,
    },
    telnyx::{Channel, pattern},
};

use crate::support::{Refused, TestGateway, check_by_id, check_by_phone, every_channel, sms};

#[tokio::test]
async fn a_malformed_phone_number_is_refused_and_not_repeated() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for phone in ["3035551234", "+1303555", "+1 303 555 1234", "+1303555CALL", "+٣٠٣٥٥٥١٢٣٤", "\0", "+49015112345679"]
    {
        let list = ListVerificationsRequest { phone_number: phone.into(), ..Default::default() };
        let send = CreateVerificationRequest { phone_number: phone.into(), ..sms("some-profile") };
        for refused in [
            Refused::by(clients.verifications.create_verification(send).await),
            Refused::by(clients.verifications.list_verifications(list).await),
            Refused::by(clients.verifications.check_verification(check_by_phone(phone, "some-profile", "1234")).await),
        ] {
            let refused = refused.names_fields(&["phone_number"]);
            let cause = PhoneNumber::parse(phone).unwrap_err();
            assert_eq!(refused.message, format!("phone_number: {cause}"), "{phone}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_id_is_never_a_word_of_telnyx_paths() {
    let patterns = [pattern::CHECK_BY_PHONE, pattern::TEMPLATE];
    let words = patterns.iter().flat_map(|pattern| pattern.split('/')).filter(|word| !word.contains('{'));
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    for word in words.chain(Channel::ALL.map(Channel::as_str)).chain(["", ".", "..", "templates/1", "1?a", "1%2f"]) {
        let id = || word.to_owned();
        let profile = Some(Profile { id: id(), name: "a".into(), ..Profile::default() });
        let update_mask = Some(FieldMask { paths: vec!["name".into()] });
        let outcome = ReportedOutcome::Accepted.into();
        let (profiles, verifications) = (&mut clients.profiles, &mut clients.verifications);
        let template = UpdateTemplateRequest { template_id: id(), text: "{{code}}".into() };
        let report = ReportVerificationRequest { verification_id: id(), outcome, request_id: String::new() };
        for (refused, field) in [
            (Refused::by(profiles.get_profile(GetProfileRequest { profile_id: id() }).await), "profile_id"),
            (Refused::by(profiles.delete_profile(DeleteProfileRequest { profile_id: id() }).await), "profile_id"),
            (Refused::by(profiles.update_profile(UpdateProfileRequest { profile, update_mask }).await), "profile.id"),
            (Refused::by(clients.templates.update_template(template).await), "template_id"),
            (Refused::by(verifications.create_verification(sms(word)).await), "profile_id"),
            (
                Refused::by(verifications.get_verification(GetVerificationRequest { verification_id: id() }).await),
                "verification_id",
            ),
            (Refused::by(verifications.check_verification(check_by_id(word, "1234")).await), "verification_id"),
            (Refused::by(verifications.report_verification(report).await), "verification_id"),
        ] {
            assert_eq!(refused.names_fields(&[field]).reason, "INVALID_REQUEST", "{word}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_nil_uuid_is_no_request_id() {
    let gateway = TestGateway::start().await;
    let mut clients = gateway.clients().await;
    let profile = Some(every_channel());
    for request_id in ["00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "1"] {
        let request_id = request_id.to_owned();
        let create = CreateProfileRequest { request_id: request_id.clone(), profile: profile.clone() };
        let template = CreateTemplateRequest { request_id: request_id.clone(), text: "{{code}}".into() };
        let send = CreateVerificationRequest { request_id, ..sms("some-profile") };
        Refused::by(clients.profiles.create_profile(create).await).names_fields(&["request_id"]);
        Refused::by(clients.templates.create_template(template).await).names_fields(&["request_id"]);
        Refused::by(clients.verifications.create_verification(send).await).names_fields(&["request_id"]);
    }
    gateway.stop().await;
}

/// The fields that are refused if a profile with every channel is changed by `change` and created.
async fn refused_fields(gateway: &TestGateway, change: impl FnOnce(&mut Profile)) -> Vec<String> {
    let mut profile = every_channel();
    change(&mut profile);
    let request = CreateProfileRequest { profile: Some(profile), ..CreateProfileRequest::default() };
    let answer = gateway.clients().await.profiles.create_profile(request).await;
    answer.err().map(|status| Refused::by(Err::<(), _>(status)).fields).unwrap_or_default()
}

#[tokio::test]
async fn destinations_are_countries_with_phone_numbers() {
    let gateway = TestGateway::start().await;
    for (destinations, is_valid) in [
        (&["US", "GB", "XK"][..], true),
        (&["*"], true),
        (&["UK"], false),
        (&["EU"], false),
        (&["ZZ"], false),
        (&["us"], false),
        (&["USA"], false),
        (&["GB+"], false),
        (&[""], false),
        (&["US", "US"], false),
        (&["US", "*"], false),
    ] {
        let list: Vec<String> = destinations.iter().map(ToString::to_string).collect();
        let fields = refused_fields(&gateway, |profile| {
            let allowed_destinations = list;
            profile.sms =
                Some(SmsSettings { allowed_destinations: allowed_destinations.clone(), ..Default::default() });
            profile.call =
                Some(CallSettings { allowed_destinations: allowed_destinations.clone(), ..Default::default() });
            profile.flashcall =
                Some(FlashcallSettings { allowed_destinations: allowed_destinations.clone(), ..Default::default() });
            profile.whatsapp = Some(WhatsappSettings { allowed_destinations, ..Default::default() });
        });
        let refused = ["sms", "call", "flashcall", "whatsapp"];
        let expected = refused.map(|channel| format!("profile.{channel}.allowed_destinations"));
        assert_eq!(fields.await, if is_valid { &[][..] } else { &expected }, "{destinations:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn texts_that_people_read_need_a_letter() {
    let gateway = TestGateway::start().await;
    for text in ["12345", " ", "-", "1-800"] {
        let fields = refused_fields(&gateway, |profile| {
            let app_name = text.to_owned();
            profile.sms = Some(SmsSettings { app_name: app_name.clone(), ..SmsSettings::default() });
            profile.call = Some(CallSettings { app_name: app_name.clone(), ..CallSettings::default() });
            profile.flashcall = Some(FlashcallSettings { app_name, ..FlashcallSettings::default() });
        });
        assert_eq!(fields.await, ["sms", "call", "flashcall"].map(|channel| format!("profile.{channel}.app_name")));
        let alpha_sender = text.to_owned();
        let sms = Some(SmsSettings { alpha_sender, ..SmsSettings::default() });
        assert_eq!(refused_fields(&gateway, |profile| profile.sms = sms).await, ["profile.sms.alpha_sender"], "{text}");
    }
    for (name, language) in [(" ", "en-US"), ("\u{3000}", "-"), ("\u{a0}", "12"), (" ", "e"), (" ", "en-")] {
        let fields = refused_fields(&gateway, |profile| {
            (profile.name, profile.language) = (name.into(), language.into());
        });
        let expected = if language == "en-US" { &["profile.name"][..] } else { &["profile.name", "profile.language"] };
        assert_eq!(fields.await, expected, "{name:?} {language}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn webhooks_have_public_hosts_unless_private_ones_are_allowed() {
    let private =
        ["http://localhost:8080/", "http://127.1/", "http://[::1]/", "http://169.254.169.254/", "http://10.0.0.1"];
    let bad = ["https://example.com/\n", "https://exa\tmple.com/", "ftp://example.com/", "https://example.com/a b"];
    for allowed in [false, true] {
        let allow = |config: &mut verify_gateway::config::Config| config.upstream.allow_private_webhooks = allowed;
        let gateway = TestGateway::builder().config(allow).start().await;
        let public = ["https://example.com/hook", "http://8.8.8.8/"];
        for url in private.iter().chain(&bad).chain(&public) {
            let is_valid = public.contains(url) || allowed && private.contains(url);
            let fields = refused_fields(&gateway, |profile| {
                (profile.webhook_url, profile.webhook_failover_url) = (url.to_string(), url.to_string());
            });
            let expected = if is_valid { &[][..] } else { &["profile.webhook_url", "profile.webhook_failover_url"] };
            assert_eq!(fields.await, expected, "{url:?}, private hosts allowed: {allowed}");
        }
        gateway.stop().await;
    }
}
