//! Phone numbers that go wrong on purpose, with nothing to set up.
//!
//! They are of the block that the North American plan keeps for fiction, so none of them can be anyone's. They act on
//! sends only; a check of a code is never made easier or harder by a number.

use std::collections::BTreeMap;

use super::faults::{Act, Fault, FaultBody};
use crate::telnyx::code;

/// A number that goes wrong.
#[derive(Clone, Copy)]
pub struct Number {
    /// The number, in E.164.
    pub number: &'static str,
    /// What happens to a send to it.
    pub effect: &'static str,
    /// Whether it happens to an account's first send only.
    pub(super) once: bool,
    /// None where the message just does not arrive.
    pub(super) fault: Option<fn() -> Fault>,
}

const fn always(number: &'static str, effect: &'static str, fault: fn() -> Fault) -> Number {
    Number { number, effect, once: false, fault: Some(fault) }
}

const fn once(number: &'static str, effect: &'static str, fault: fn() -> Fault) -> Number {
    Number { number, effect, once: true, fault: Some(fault) }
}

/// The number whose messages are taken and never arrive.
pub(super) const UNDELIVERED: &str = "+13035550122";

/// Every number that goes wrong.
pub const NUMBERS: &[Number] = &[
    always("+13035550100", "429 with `retry-after: 1` and `x-ratelimit-*`", rate_limited),
    once("+13035550101", "429 with `retry-after: 1` once, then it is sent", rate_limited),
    always("+13035550102", "500, nothing is sent", || status(500, Act::Before)),
    once("+13035550103", "500 once with nothing sent, then it is sent", || status(500, Act::Before)),
    always("+13035550104", "500, and yet it is sent", || status(500, Act::After)),
    always("+13035550105", "503, nothing is sent", || status(503, Act::Before)),
    once("+13035550106", "503 once with nothing sent, then it is sent", || status(503, Act::Before)),
    always("+13035550107", "504, and yet it is sent", || status(504, Act::After)),
    always("+13035550108", "connection reset, nothing is sent", || reset(Act::Before)),
    always("+13035550109", "connection reset, and yet it is sent", || reset(Act::After)),
    always("+13035550110", "sent, and answered after 2 s", || slow(2_000)),
    always("+13035550111", "sent, and answered after 60 s", || slow(60_000)),
    always("+13035550112", "sent, and answered with 200 and HTML", || {
        body("text/html", "<html><body><h1>Please stand by</h1></body></html>")
    }),
    always("+13035550113", "sent, and answered with 200 and half a JSON document", || {
        body("application/json", r#"{"data": {"id": "12ade33a"#)
    }),
    always("+13035550114", "sent, and answered with 200 and nothing", || body("application/json", "")),
    always("+13035550115", "sent, and the connection closes in the middle of the answer", || Fault {
        truncate: true,
        act: Act::After,
        ..Fault::default()
    }),
    always("+13035550116", "402 and 20100: no funds", || refusal(402, code::NO_FUNDS)),
    always("+13035550117", "400 and 40309: region not allowed", || refusal(400, code::REGION_NOT_ALLOWED)),
    always("+13035550118", "400 and 40020: blocked as artificially inflated traffic", || {
        refusal(400, code::TRAFFIC_BLOCKED)
    }),
    always("+13035550119", "400 and 40001: a landline", || refusal(400, code::NOT_ROUTABLE)),
    always("+13035550120", "403 and 10039: limited at this account's level", || refusal(403, code::LEVEL_LIMITED)),
    always("+13035550121", "429 and 40333: spend limit", || refusal(429, code::SPEND_LIMIT)),
    Number {
        number: UNDELIVERED,
        effect: "taken with 200, never arrives: the verification's status is `error`",
        once: false,
        fault: None,
    },
    always("+13035550123", "401 and 10009: the key is refused", || refusal(401, code::AUTHENTICATION_FAILED)),
    once("+13035550124", "409 and 10036 once, then it is sent", || refusal(409, code::BEING_PROCESSED)),
];

pub(super) fn find(phone: &str) -> Option<&'static Number> {
    NUMBERS.iter().find(|number| number.number == phone)
}

fn status(status: u16, act: Act) -> Fault {
    Fault { status: Some(status), act, ..Fault::default() }
}

fn refusal(status: u16, code: &str) -> Fault {
    Fault { status: Some(status), code: Some(code.to_owned()), ..Fault::default() }
}

fn reset(act: Act) -> Fault {
    Fault { reset: true, act, ..Fault::default() }
}

fn slow(millis: u64) -> Fault {
    Fault { delay_ms: Some(millis), act: Act::After, ..Fault::default() }
}

fn body(content_type: &str, text: &str) -> Fault {
    let body = FaultBody { content_type: content_type.to_owned(), text: text.to_owned() };
    Fault { body: Some(body), act: Act::After, ..Fault::default() }
}

fn rate_limited() -> Fault {
    let headers =
        [("retry-after", "1"), ("x-ratelimit-limit", "1"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
    let headers: BTreeMap<_, _> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Fault { status: Some(429), headers, ..Fault::default() }
}
