//! Properties of the reader: whatever stands around a field or in its place, the others are read.

use proptest::{collection, prelude::*, sample, string::string_regex};
use serde_json::{Map, Value, json};

use super::*;
use crate::telnyx::{CheckResponse, Data, ErrorBody, List, Profile, Template, Time, Verification, VerificationStatus};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::vec((key(), inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Keys of all kinds: any text, and every key that some type knows.
fn key() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 24] = [
        "data",
        "meta",
        "errors",
        "code",
        "detail",
        "source",
        "pointer",
        "id",
        "type",
        "status",
        "phone_number",
        "verify_profile_id",
        "timeout_secs",
        "custom_code",
        "created_at",
        "response_code",
        "name",
        "sms",
        "call",
        "whatsapp",
        "daily_spend_limit",
        "daily_spend_limit_enabled",
        "whitelisted_destinations",
        "page_number",
    ];
    prop_oneof![sample::select(&KNOWN[..]).prop_map(str::to_owned), ".{0,8}"]
}

/// An object with the members of `known` among unknown ones, in any order.
fn among_unknown(known: Value) -> impl Strategy<Value = Value> {
    let Value::Object(known) = known else { panic!("an object is needed") };
    let unknown = collection::vec((string_regex("x_[a-z]{1,6}").unwrap(), any_json()), 0..5);
    unknown.prop_flat_map(move |unknown| {
        let members: Vec<(String, Value)> = known.clone().into_iter().chain(unknown).collect();
        Just(members).prop_shuffle().prop_map(|members| Value::Object(Map::from_iter(members)))
    })
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    read_object(&value.to_string()).unwrap()
}

fn verification() -> Value {
    json!({
        "id": "12ade33a-21c0-473b-b055-b3c836e1c292", "type": "sms", "status": "pending",
        "phone_number": "+13035551234", "timeout_secs": 300, "created_at": "2020-09-14T17:03:32.965812",
    })
}

proptest! {
    #[test]
    fn unknown_keys_change_nothing(value in among_unknown(verification())) {
        let read: Verification = read(&value);
        prop_assert_eq!(read.id.as_deref(), Some("12ade33a-21c0-473b-b055-b3c836e1c292"));
        prop_assert_eq!(read.channel.as_deref(), Some("sms"));
        prop_assert_eq!(read.timeout_secs, Some(300));
        prop_assert_eq!(read.created_at, Time::parse("2020-09-14T17:03:32.965812Z"));
    }

    #[test]
    fn one_odd_field_hides_no_other(odd in any_json(), field in sample::select(vec![
        "type", "status", "phone_number", "timeout_secs", "created_at", "custom_code", "updated_at",
    ])) {
        let mut value = verification();
        value[field] = odd;
        let read: Verification = read(&value);
        prop_assert_eq!(read.id.as_deref(), Some("12ade33a-21c0-473b-b055-b3c836e1c292"));
        prop_assert!(field == "timeout_secs" || read.timeout_secs == Some(300));
        prop_assert!(field == "status" || read.status == Some(VerificationStatus::Pending));
    }

    #[test]
    fn an_odd_block_hides_no_other(odd in any_json()) {
        let read: Profile = read(&json!({"id": "p", "sms": odd, "call": {"code_length": "6"}}));
        prop_assert_eq!(read.id.as_deref(), Some("p"));
        prop_assert_eq!(read.call.and_then(|call| call.code_length), Some(6));
    }

    #[test]
    fn any_object_is_read_and_nothing_panics(pairs in collection::vec((key(), any_json()), 0..8)) {
        let value = Value::Object(pairs.into_iter().collect());
        read::<Verification>(&value);
        read::<CheckResponse>(&value);
        read::<Profile>(&value);
        read::<Template>(&value);
    }

    #[test]
    fn a_member_that_is_repeated_counts_as_its_last_one(odd in any_json()) {
        let read: Verification = read_object(&format!(r#"{{"id": {odd}, "status": {odd}, "id": "v", "status": "pending"}}"#)).unwrap();
        prop_assert_eq!((read.id.as_deref(), read.status), (Some("v"), Some(VerificationStatus::Pending)));
    }

    #[test]
    fn one_odd_element_of_a_list_costs_that_element(odd in any_json().prop_filter("no object", |odd| !odd.is_object())) {
        let body = format!(r#"{{"data": [{{"id": "a"}}, {odd}, {{"id": "b"}}], "meta": {odd}}}"#);
        let (list, unreadable) = List::<Template>::read(body.as_bytes()).unwrap();
        let ids: Vec<_> = list.data.iter().map(|one| one.id.as_deref()).collect();
        prop_assert_eq!((ids, unreadable), (vec![Some("a"), None, Some("b")], 1));
    }

    #[test]
    fn any_text_is_read_or_refused_and_nothing_panics(text in "\\PC{0,80}") {
        let _ = Data::<Verification>::read(text.as_bytes());
        let _ = List::<Profile>::read(text.as_bytes());
        let _ = ErrorBody::read(text.as_bytes());
    }
}

#[test]
fn error_codes_come_as_text_or_number() {
    let body: ErrorBody = read(&json!({"errors": [
        {"code": 10009, "title": "a", "source": null}, {"code": "10005", "source": {"pointer": "/phone_number"}},
    ]}));
    let codes: Vec<_> = body.errors.iter().map(|item| item.code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["10009", "10005"]);
}

#[test]
fn a_lone_destination_is_a_list_of_one() {
    let read: Profile = read(&json!({"sms": {"whitelisted_destinations": "US"}}));
    assert_eq!(read.sms.unwrap().whitelisted_destinations.unwrap(), ["US"]);
}

#[test]
fn a_number_keeps_its_digits() {
    let id = |number: &str| {
        Data::<Template>::read(format!(r#"{{"data": {{"id": {number}}}}}"#).as_bytes()).unwrap().id.unwrap()
    };
    for digits in ["7", "18446744073709551617", "123456789012345678901234567890", "-0.10", "1e400"] {
        assert_eq!(id(digits), digits);
    }
}

#[test]
fn what_is_not_quite_json_is_read() {
    let bodies: [&[u8]; 4] = [
        b"\xef\xbb\xbf{\"data\": {\"id\": \"t\", \"text\": \"x\"}}",
        b"{\"data\": {\"id\": \"t\", \"text\": \"x\"}, \"data\": {\"id\": \"t\", \"text\": \"x\"}}",
        b"{\"data\": {\"id\": \"t\", \"text\": \"x\", \"text\": \"x\", \"other\": \"\\ud800\"}}",
        b"{\"data\": {\"id\": \"t\", \"text\": \"x\", \"other\": \"\xff\"}, \"meta\": 1}",
    ];
    for body in bodies {
        let read = Data::<Template>::read(body).unwrap();
        assert_eq!((read.id.as_deref(), read.text.as_deref()), (Some("t"), Some("x")), "{}", body.escape_ascii());
    }
    for body in ["", "{}", "[]", "null", r#"{"data": null}"#, r#"{"data": []}"#, r#"{"data": {"#, "<html></html>"] {
        assert!(Data::<Template>::read(body.as_bytes()).is_none(), "{body}");
    }
    for body in ["", "{}", "[]", r#"{"data": {}}"#, r#"{"data": null}"#, r#"{"data": [1"#] {
        assert!(List::<Template>::read(body.as_bytes()).is_none(), "{body}");
    }
}

#[test]
fn an_empty_identifier_is_missing() {
    assert_eq!(read::<Template>(&json!({"id": "", "text": ""})).id, None);
    assert_eq!(read::<Template>(&json!({"id": "", "text": ""})).text.as_deref(), Some(""));
}
