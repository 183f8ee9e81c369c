//! One webhook and its attempts, as `GET /v2/webhook_deliveries` shows them.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{event::time, key::SigningKey};
use crate::simulator::{
    account::AccountKey,
    settings::{Settings, WebhookResign, WebhookSuccess},
};

/// One webhook and its attempts. It is not `Debug`: it holds a phone number and a code.
#[derive(Serialize)]
pub(in crate::simulator) struct WebhookDelivery {
    id: String,
    record_type: &'static str,
    /// The account, as messages name it.
    user_id: String,
    pub(in crate::simulator) status: DeliveryProgress,
    #[serde(serialize_with = "write_time")]
    pub(in crate::simulator) started_at: Option<Timestamp>,
    #[serde(serialize_with = "write_time")]
    pub(in crate::simulator) finished_at: Option<Timestamp>,
    /// The `data` of the webhook.
    pub(in crate::simulator) webhook: Value,
    /// The newest comes first.
    attempts: VecDeque<DeliveryAttempt>,
    #[serde(skip)]
    pub(in crate::simulator) key: AccountKey,
    #[serde(skip)]
    urls: Vec<String>,
    #[serde(skip)]
    failures: u32,
    #[serde(skip)]
    successes: u32,
    /// Whether an attempt runs or is due.
    #[serde(skip)]
    pub(super) is_begun: bool,
    /// The first request, which the next ones may have to repeat.
    #[serde(skip)]
    first: Option<SignedBody>,
}

/// The state of a delivery. Telnyx has the last two.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum DeliveryProgress {
    Pending,
    Delivered,
    Failed,
}

#[derive(Serialize)]
struct DeliveryAttempt {
    status: DeliveryProgress,
    #[serde(serialize_with = "write_time")]
    started_at: Option<Timestamp>,
    #[serde(serialize_with = "write_time")]
    finished_at: Option<Timestamp>,
    http: Value,
    /// Telnyx's numbers of errors, which it does not publish.
    errors: [u32; 0],
    /// Why there is no answer. Telnyx does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn write_time<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(time).serialize(serializer)
}

/// The body of a request, with its signature.
#[derive(Clone)]
pub(super) struct SignedBody {
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

/// A request that must be made now.
pub(super) struct OutgoingAttempt {
    /// The number of its delivery.
    pub(super) delivery: u64,
    pub(super) url: String,
    pub(super) signed: SignedBody,
    pub(super) started_at: Timestamp,
}

/// The answer to a request, or why there is none.
pub(super) type AttemptAnswer = Result<WebhookAnswer, String>;

/// The answer of a receiver.
pub(super) struct WebhookAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl WebhookDelivery {
    pub(super) fn new(id: String, key: AccountKey, urls: Vec<String>, webhook: Value) -> Self {
        Self {
            id,
            record_type: "webhook_delivery",
            user_id: key.to_string(),
            status: DeliveryProgress::Pending,
            started_at: None,
            finished_at: None,
            webhook,
            attempts: VecDeque::new(),
            key,
            urls,
            failures: 0,
            successes: 0,
            is_begun: false,
            first: None,
        }
    }

    pub(in crate::simulator) fn id(&self) -> &str {
        &self.id
    }

    pub(in crate::simulator) fn event_type(&self) -> &str {
        self.webhook["event_type"].as_str().unwrap_or_default()
    }

    pub(in crate::simulator) fn verification_id(&self) -> &str {
        self.webhook["payload"]["id"].as_str().unwrap_or_default()
    }

    /// How many attempts have ended.
    pub(in crate::simulator) fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// The attempts as JSON text.
    pub(in crate::simulator) fn attempts_text(&self) -> String {
        serde_json::to_string(&self.attempts).unwrap_or_default()
    }

    /// The next request. `signed_at` is the time that it is signed with.
    pub(super) fn attempt(
        &mut self,
        number: u64,
        settings: &Settings,
        now: Timestamp,
        signed_at: Timestamp,
    ) -> Option<OutgoingAttempt> {
        let url = self.urls.get((self.failures / settings.webhook_attempts) as usize)?.clone();
        self.started_at.get_or_insert(now);
        let again = self.first.clone().filter(|_| settings.webhook_resign == WebhookResign::Once);
        let signed = again.unwrap_or_else(|| {
            let mut body = json!({"data": self.webhook});
            if self.webhook.get("id").is_some() {
                body["meta"] = json!({"attempt": self.attempts.len() + 1, "delivered_to": url});
            }
            let (timestamp, body) = (signed_at.as_second().to_string(), body.to_string().into_bytes());
            let key = SigningKey::new(settings.webhook_key.as_deref(), self.key.bytes());
            SignedBody { signature: key.sign(&timestamp, &body), timestamp, body }
        });
        self.first.get_or_insert_with(|| signed.clone());
        Some(OutgoingAttempt { delivery: number, url, signed, started_at: now })
    }

    /// Records an attempt. Returns after how many milliseconds the next one is due, or none if there is none.
    pub(super) fn finish(
        &mut self,
        attempt: &OutgoingAttempt,
        answer: AttemptAnswer,
        settings: &Settings,
        now: Timestamp,
    ) -> Option<u64> {
        let succeeded = answer.as_ref().is_ok_and(|answer| match settings.webhook_success {
            WebhookSuccess::Exact => answer.status == 200,
            WebhookSuccess::Any => (200..300).contains(&answer.status),
        });
        let next = if succeeded {
            self.successes += 1;
            (self.successes <= settings.webhook_duplicates).then_some(0)
        } else {
            self.failures += 1;
            let of_url = self.failures % settings.webhook_attempts;
            let backoff = u64::from(settings.webhook_backoff_ms) << of_url.saturating_sub(1).min(32);
            let is_left = self.urls.len() as u64 > u64::from(self.failures / settings.webhook_attempts);
            // The next URL is tried at once.
            is_left.then_some(if of_url == 0 { 0 } else { backoff })
        };
        let status = if succeeded { DeliveryProgress::Delivered } else { DeliveryProgress::Failed };
        self.attempts.push_front(DeliveryAttempt::new(attempt, answer, status, now));
        if next.is_none() {
            self.status = if self.successes > 0 { DeliveryProgress::Delivered } else { DeliveryProgress::Failed };
            self.finished_at = Some(now);
        }
        next
    }
}

impl DeliveryAttempt {
    fn new(attempt: &OutgoingAttempt, answer: AttemptAnswer, status: DeliveryProgress, now: Timestamp) -> Self {
        let SignedBody { timestamp, signature, .. } = &attempt.signed;
        let headers = [
            ["content-type", "application/json"],
            ["telnyx-signature-ed25519", signature],
            ["telnyx-timestamp", timestamp],
        ];
        let mut http = json!({"request": {"url": attempt.url, "headers": headers}});
        let detail = match answer {
            Ok(WebhookAnswer { status, headers, body }) => {
                http["response"] = json!({"status": status, "headers": headers, "body": body});
                None
            }
            Err(detail) => Some(detail),
        };
        let (started_at, finished_at) = (Some(attempt.started_at), Some(now));
        Self { status, started_at, finished_at, http, errors: [], detail }
    }
}
