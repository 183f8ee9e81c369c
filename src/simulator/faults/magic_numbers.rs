//! Phone numbers that fail without any setup.
//!
//! They are in the block that the North American numbering plan reserves for fiction, so no phone has them. They
//! change sends only, never the check of a code.

use super::fault::Fault;

/// A phone number with a fixed fault.
#[derive(Clone, Copy)]
pub struct MagicNumber {
    /// The number, in E.164.
    pub number: &'static str,
    /// The result of a send to it.
    pub effect: &'static str,
    /// Whether only the first send of an account fails.
    pub(super) once: bool,
    /// The fault, in JSON. None for a message that is accepted and not delivered.
    fault: Option<&'static str>,
}

impl MagicNumber {
    pub(super) fn find(phone: &str) -> Option<&'static Self> {
        MAGIC_NUMBERS.iter().find(|number| number.number == phone)
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        let fault = serde_json::from_str::<Fault>(self.fault?).expect("the table has valid faults");
        Some(Fault { id: Some(self.number.to_owned()), ..fault })
    }
}

/// The number whose messages are accepted and not delivered.
pub(in crate::simulator) const UNDELIVERED: &str = "+13035550122";

const RATE_LIMITED: &str = r#"{"status": 429, "headers": {"retry-after": "1", "x-ratelimit-limit": "1",
    "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}}"#;
const HTML: &str = r#"{"act": "after", "body":
    {"content_type": "text/html", "text": "<html><body><h1>Please stand by</h1></body></html>"}}"#;
const HALF_JSON: &str = r#"{"act": "after", "body":
    {"content_type": "application/json", "text": "{\"data\": {\"id\": \"12ade33a"}}"#;
const NO_BODY: &str = r#"{"act": "after", "body": {"content_type": "application/json", "text": ""}}"#;

/// Every magic number.
pub const MAGIC_NUMBERS: &[MagicNumber] = &[
    always("+13035550100", "429 with `retry-after: 1` and `x-ratelimit-*`", RATE_LIMITED),
    once("+13035550101", "429 with `retry-after: 1` once, then it is sent", RATE_LIMITED),
    always("+13035550102", "500, nothing is sent", r#"{"status": 500}"#),
    once("+13035550103", "500 once with nothing sent, then it is sent", r#"{"status": 500}"#),
    always("+13035550104", "500, but it is sent", r#"{"status": 500, "act": "after"}"#),
    always("+13035550105", "503, nothing is sent", r#"{"status": 503}"#),
    once("+13035550106", "503 once with nothing sent, then it is sent", r#"{"status": 503}"#),
    always("+13035550107", "504, but it is sent", r#"{"status": 504, "act": "after"}"#),
    always("+13035550108", "connection reset, nothing is sent", r#"{"reset": true}"#),
    always("+13035550109", "connection reset, but it is sent", r#"{"reset": true, "act": "after"}"#),
    always("+13035550110", "sent, and answered after 2 s", r#"{"delay_ms": 2000, "act": "after"}"#),
    always("+13035550111", "sent, and answered after 60 s", r#"{"delay_ms": 60000, "act": "after"}"#),
    always("+13035550112", "sent, and answered with 200 and HTML", HTML),
    always("+13035550113", "sent, and answered with 200 and half a JSON document", HALF_JSON),
    always("+13035550114", "sent, and answered with 200 and an empty body", NO_BODY),
    always(
        "+13035550115",
        "sent, and the connection closes in the middle of the answer",
        r#"{"truncate": true, "act": "after"}"#,
    ),
    always("+13035550116", "402 and 20100: no funds", r#"{"status": 402, "code": "20100"}"#),
    always("+13035550117", "400 and 40309: region not allowed", r#"{"status": 400, "code": "40309"}"#),
    always(
        "+13035550118",
        "400 and 40020: blocked as artificially inflated traffic",
        r#"{"status": 400, "code": "40020"}"#,
    ),
    always("+13035550119", "400 and 40001: a landline", r#"{"status": 400, "code": "40001"}"#),
    always("+13035550120", "403 and 10039: limited at this account's level", r#"{"status": 403, "code": "10039"}"#),
    always("+13035550121", "429 and 40333: spend limit", r#"{"status": 429, "code": "40333"}"#),
    MagicNumber {
        number: UNDELIVERED,
        effect: "accepted with 200, not delivered: the status of the verification is `error`",
        once: false,
        fault: None,
    },
    always("+13035550123", "401 and 10009: the key is refused", r#"{"status": 401, "code": "10009"}"#),
    once("+13035550124", "409 and 10036 once, then it is sent", r#"{"status": 409, "code": "10036"}"#),
];

const fn always(number: &'static str, effect: &'static str, fault: &'static str) -> MagicNumber {
    MagicNumber { number, effect, once: false, fault: Some(fault) }
}

const fn once(number: &'static str, effect: &'static str, fault: &'static str) -> MagicNumber {
    MagicNumber { number, effect, once: true, fault: Some(fault) }
}
