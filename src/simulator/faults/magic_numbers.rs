//! Phone numbers that fail without any setup.
//!
//! They are in the block that the North American numbering plan reserves for fiction, so no phone has them. They
//! change sends and the delivery of messages only, never the check of a code.

use super::fault::Fault;
use crate::simulator::webhook::{MessageDelivery, MessageOutcome};

/// A phone number with a fixed fault.
#[derive(Clone, Copy)]
pub struct MagicNumber {
    /// The number, in E.164.
    pub number: &'static str,
    /// The result of a send to it.
    pub effect: &'static str,
    /// Whether only the first send of an account fails.
    pub(super) once: bool,
    /// The fault, in JSON.
    fault: Option<&'static str>,
    /// The delivery of its messages. None: that of other numbers.
    pub(in crate::simulator) delivery: Option<MessageDelivery>,
}

impl MagicNumber {
    pub(in crate::simulator) fn find(phone: &str) -> Option<&'static Self> {
        MAGIC_NUMBERS.iter().find(|number| number.number == phone)
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        let fault = serde_json::from_str::<Fault>(self.fault?).expect("the table has valid faults");
        Some(Fault { id: Some(self.number.to_owned()), ..fault })
    }
}

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
    delivery(
        "+13035550122",
        "accepted with 200, not delivered: the status of the verification is `error`; `verify.failed` with \
         `sending_failed` at once",
        MessageOutcome::SendingFailed,
        0,
    ),
    always("+13035550123", "401 and 10009: the key is refused", r#"{"status": 401, "code": "10009"}"#),
    once("+13035550124", "409 and 10036 once, then it is sent", r#"{"status": 409, "code": "10036"}"#),
    delivery("+13035550125", "sent, and delivered after 1 s", MessageOutcome::Delivered, 1),
    delivery("+13035550126", "sent, and delivered after 45 s", MessageOutcome::Delivered, 45),
    delivery(
        "+13035550127",
        "sent, and not delivered: `verify.failed` with `delivery_failed` after 1 s",
        MessageOutcome::DeliveryFailed,
        1,
    ),
    delivery(
        "+13035550128",
        "sent, and arrives: `delivery_unconfirmed` after 1 s",
        MessageOutcome::DeliveryUnconfirmed,
        1,
    ),
    delivery("+13035550129", "sent, and arrives: no webhook about it", MessageOutcome::Silent, 0),
];

const fn delivery(number: &'static str, effect: &'static str, outcome: MessageOutcome, after_secs: u32) -> MagicNumber {
    MagicNumber { number, effect, once: false, fault: None, delivery: Some(MessageDelivery { outcome, after_secs }) }
}

const fn always(number: &'static str, effect: &'static str, fault: &'static str) -> MagicNumber {
    MagicNumber { number, effect, once: false, fault: Some(fault), delivery: None }
}

const fn once(number: &'static str, effect: &'static str, fault: &'static str) -> MagicNumber {
    MagicNumber { number, effect, once: true, fault: Some(fault), delivery: None }
}
