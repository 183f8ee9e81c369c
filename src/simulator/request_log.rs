//! What was asked of the API, and how it answered.

use std::collections::VecDeque;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{account::AccountKey, faults::is_below};

/// How much of a body the log keeps, in bytes.
const BODY_KEPT: usize = 16 * 1024;

/// A request of the API. It is not `Debug`: it holds phone numbers and codes.
#[derive(Serialize)]
pub(super) struct LoggedRequest {
    pub(super) id: u64,
    /// The time at which it came, by the clock of its account.
    pub(super) received_at: Timestamp,
    /// The account, as messages name it.
    pub(super) account: Option<String>,
    #[serde(skip)]
    pub(super) key: Option<AccountKey>,
    #[serde(serialize_with = "method_name")]
    pub(super) method: Method,
    /// The path and the query.
    pub(super) path: String,
    /// The phone number in the path or the body.
    pub(super) phone: Option<String>,
    #[serde(serialize_with = "json_or_text")]
    pub(super) body: Bytes,
    /// The fault that happened to it, or the magic number.
    pub(super) fault: Option<String>,
    /// None until it is answered, and after a reset of the connection.
    pub(super) status: Option<u16>,
    #[serde(serialize_with = "json_or_text")]
    pub(super) answer: Bytes,
}

impl LoggedRequest {
    pub(super) fn new(method: Method, path: String, body: &Bytes, received_at: Timestamp) -> Self {
        Self {
            id: 0,
            received_at,
            account: None,
            key: None,
            method,
            path,
            phone: None,
            body: kept(body),
            fault: None,
            status: None,
            answer: Bytes::new(),
        }
    }
}

fn kept(body: &Bytes) -> Bytes {
    // A slice would keep the whole body in memory.
    if body.len() > BODY_KEPT { Bytes::copy_from_slice(&body[..BODY_KEPT]) } else { body.clone() }
}

fn method_name<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

/// JSON as it is, other bodies as text, and none as null.
fn json_or_text<S: serde::Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => value.serialize(serializer),
        Err(_) if body.is_empty() => serializer.serialize_none(),
        Err(_) => serializer.serialize_str(&String::from_utf8_lossy(body)),
    }
}

/// The last requests, oldest first.
#[derive(Default)]
pub(super) struct RequestLog {
    next: u64,
    all: VecDeque<LoggedRequest>,
}

impl RequestLog {
    /// Adds a request, and returns its ID.
    pub(super) fn push(&mut self, request: LoggedRequest, keep: usize) -> u64 {
        while self.all.len() >= keep.max(1) {
            self.all.pop_front();
        }
        self.next += 1;
        self.all.push_back(LoggedRequest { id: self.next, ..request });
        self.next
    }

    /// Adds the answer of the request `id`.
    pub(super) fn answer(&mut self, id: u64, status: u16, body: &Bytes) {
        if let Ok(at) = self.all.binary_search_by_key(&id, |request| request.id)
            && let Some(request) = self.all.get_mut(at)
        {
            (request.status, request.answer) = (Some(status), kept(body));
        }
    }

    /// The requests that match, oldest first.
    pub(super) fn find<'a>(&'a self, filter: &'a RequestFilter) -> impl DoubleEndedIterator<Item = &'a LoggedRequest> {
        self.all.iter().filter(move |request| filter.matches(request))
    }

    /// Removes the requests of an account, or all. A running request finds its own again, or nothing.
    pub(super) fn clear(&mut self, key: Option<AccountKey>) {
        self.all.retain(|request| key.is_some() && request.key != key);
    }
}

/// Selects requests, and says how many there must be. All given fields must match.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RequestFilter {
    pub(super) method: Option<String>,
    /// The beginning of the path, with or without `/v2`.
    pub(super) path: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) key: Option<AccountKey>,
    pub(super) status: Option<u16>,
    /// The ID of a fault.
    pub(super) fault: Option<String>,
    /// A JSON object or list that the body contains, or a part of its text.
    pub(super) body: Option<String>,
    /// Matches requests that came at this time or later.
    pub(super) since: Option<Timestamp>,
    /// The most requests to return: the newest.
    pub(super) limit: Option<usize>,
    /// How long to wait until as many match as must, in whole seconds, such as `10s` or `10`.
    pub(super) wait: Option<String>,
    /// The number of requests that must match.
    pub(super) count: Option<usize>,
    pub(super) at_least: Option<usize>,
    pub(super) at_most: Option<usize>,
}

impl RequestFilter {
    /// Whether as many requests match as must.
    pub(super) fn holds(&self, found: usize) -> bool {
        self.count.is_none_or(|count| count == found)
            && self.at_least.is_none_or(|least| least <= found)
            && self.at_most.is_none_or(|most| found <= most)
    }

    fn matches(&self, request: &LoggedRequest) -> bool {
        let path = request.path.split('?').next().unwrap_or_default();
        self.method.as_ref().is_none_or(|method| request.method.as_str().eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|prefix| is_below(path, prefix))
            && self.phone.as_ref().is_none_or(|phone| request.phone.as_ref() == Some(phone))
            && self.key.is_none_or(|key| request.key == Some(key))
            && self.status.is_none_or(|status| request.status == Some(status))
            && self.fault.as_ref().is_none_or(|fault| request.fault.as_ref() == Some(fault))
            && self.since.is_none_or(|since| request.received_at >= since)
            && self.body.as_ref().is_none_or(|part| has_part(&request.body, part))
    }
}

/// Whether a body has `part`: JSON with the same values, or text.
fn has_part(body: &[u8], part: &str) -> bool {
    match serde_json::from_str(part) {
        Ok(part @ (Value::Object(_) | Value::Array(_))) => {
            serde_json::from_slice(body).is_ok_and(|whole| contains(&whole, &part))
        }
        _ => String::from_utf8_lossy(body).contains(part),
    }
}

/// Whether every value in `part` is in `whole`, at the same position.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, part)| whole.get(name).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_matched_by_its_json_or_its_text() {
        let body = br#"{"name": "Shop", "sms": {"app_name": "Shop", "whitelisted_destinations": ["US", "CA"]}}"#;
        for (part, found) in [
            ("{}", true),
            (r#"{"sms": {"app_name": "Shop"}}"#, true),
            (r#"{"sms": {"app_name": "shop"}}"#, false),
            (r#"{"app_name": "Shop"}"#, false),
            (r#"{"sms": {"whitelisted_destinations": ["US", "CA"]}}"#, true),
            (r#"{"sms": {"whitelisted_destinations": ["US"]}}"#, false),
            ("whitelisted", true),
            ("blacklisted", false),
        ] {
            assert_eq!(has_part(body, part), found, "{part}");
        }
        assert!(!has_part(b"not JSON", "{}"));
    }

    #[test]
    fn an_answer_finds_its_request_among_those_that_are_left() {
        let mut log = RequestLog::default();
        let request = |key| LoggedRequest {
            key: Some(AccountKey::of(key)),
            ..LoggedRequest::new(Method::GET, "/v2/x".into(), &Bytes::new(), Timestamp::UNIX_EPOCH)
        };
        let ids: Vec<_> = ["A", "B", "A", "B"].map(|key| log.push(request(key), 3)).into();
        log.clear(Some(AccountKey::of("A")));
        for id in ids {
            log.answer(id, 200, &Bytes::from(vec![b'x'; BODY_KEPT + 1]));
        }
        let left: Vec<_> = log.find(&RequestFilter::default()).map(|r| (r.id, r.status, r.answer.len())).collect();
        assert_eq!(left, [(2, Some(200), BODY_KEPT), (4, Some(200), BODY_KEPT)]);
    }
}
