//! Errors on demand: which fault happens to a request, and how it answers.

mod fault;
mod magic_numbers;

use std::{
    collections::{HashSet, VecDeque},
    io,
    num::NonZeroU32,
    time::Duration,
};

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};

pub(super) use self::fault::{RequestSummary, is_below};
pub use self::{
    fault::{Act, Fault, FaultBody},
    magic_numbers::{MAGIC_NUMBERS, MagicNumber},
};
use super::{account::AccountKey, error, ids::Ids};
use crate::telnyx::{ErrorBody, code};

/// How many faults that are used up are kept, so that their hits can be read.
const KEEP_USED: usize = 1000;

/// A fault that is set, or is used up.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct StoredFault {
    #[serde(flatten)]
    fault: Fault,
    /// How many requests it has happened to.
    #[serde(default)]
    hits: u64,
}

/// A fault that happens to a request.
pub(super) struct FaultHit {
    pub(super) fault: Fault,
    pub(super) delay: Duration,
}

/// The faults that are set, oldest first.
#[derive(Default)]
pub(super) struct FaultQueue {
    queue: Vec<StoredFault>,
    used: VecDeque<StoredFault>,
    /// How many IDs were made up.
    named: u64,
    /// The accounts in which a magic number with `once` has failed.
    spent: HashSet<(AccountKey, String)>,
}

/// Faults as a saved state has them. Unlike [`StoredFault`], they show the accounts that they match.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct SavedFaults {
    set: Vec<(Fault, u64, Option<AccountKey>)>,
    named: u64,
    spent: Vec<(AccountKey, String)>,
}

impl FaultQueue {
    /// The faults that are set. Those that are used up are not saved.
    pub(super) fn save(&self) -> SavedFaults {
        let set = self.queue.iter().map(|stored| (stored.fault.clone(), stored.hits, stored.fault.key));
        let mut spent: Vec<_> = self.spent.iter().cloned().collect();
        spent.sort_unstable();
        SavedFaults { set: set.collect(), named: self.named, spent }
    }

    pub(super) fn load(saved: SavedFaults) -> Self {
        let set = saved.set.into_iter().map(|(fault, hits, key)| StoredFault { fault: Fault { key, ..fault }, hits });
        Self {
            queue: set.collect(),
            used: VecDeque::new(),
            named: saved.named,
            spent: saved.spent.into_iter().collect(),
        }
    }

    /// Adds a fault, which happens once unless it says otherwise. It replaces the fault with its ID.
    pub(super) fn push(&mut self, mut fault: Fault) -> StoredFault {
        if !fault.unlimited {
            fault.times.get_or_insert(NonZeroU32::MIN);
        }
        let id = fault.id.take().unwrap_or_else(|| {
            self.named += 1;
            format!("fault-{}", self.named)
        });
        self.remove(&id);
        let stored = StoredFault { fault: Fault { id: Some(id), ..fault }, hits: 0 };
        self.queue.push(stored.clone());
        stored
    }

    /// The fault with this ID. It may be used up.
    pub(super) fn get(&self, id: &str) -> Option<&StoredFault> {
        self.queue.iter().chain(&self.used).find(|stored| stored.fault.id.as_deref() == Some(id))
    }

    /// Removes the fault with this ID. False if there is none.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let exists = self.get(id).is_some();
        let is_other = |stored: &StoredFault| stored.fault.id.as_deref() != Some(id);
        self.queue.retain(is_other);
        self.used.retain(is_other);
        exists
    }

    /// Removes the faults of an account, or all.
    pub(super) fn clear(&mut self, key: Option<AccountKey>) {
        let is_other = |stored: &StoredFault| key.is_some() && stored.fault.key != key;
        self.queue.retain(is_other);
        self.used.retain(is_other);
    }

    /// Removes the faults of an account, and lets its magic numbers with `once` fail again.
    pub(super) fn remove_account(&mut self, key: AccountKey) {
        self.clear(Some(key));
        self.spent.retain(|(of, _)| *of != key);
    }

    /// The faults of an account, or all, without those that are used up.
    pub(super) fn list(&self, key: Option<AccountKey>) -> impl Iterator<Item = &StoredFault> {
        self.queue.iter().filter(move |stored| key.is_none() || stored.fault.key == key)
    }

    /// The fault that happens to `request`. It uses up one of its times.
    pub(super) fn take(&mut self, request: &RequestSummary<'_>, ids: &mut Ids) -> Option<FaultHit> {
        let happens = |fault: &Fault, ids: &mut Ids| {
            fault.matches(request) && fault.probability.is_none_or(|share| ids.fraction() < share)
        };
        let fault = match self.queue.iter().position(|stored| happens(&stored.fault, ids)) {
            Some(at) => self.hit(at)?,
            None => self.magic_fault(request)?,
        };
        let delay = fault.delay_ms.map(|delay| delay.draw(ids)).unwrap_or_default();
        Some(FaultHit { fault, delay })
    }

    fn hit(&mut self, at: usize) -> Option<Fault> {
        let stored = self.queue.get_mut(at)?;
        stored.hits += 1;
        let fault = stored.fault.clone();
        if !fault.unlimited {
            stored.fault.times = fault.times.and_then(|times| NonZeroU32::new(times.get() - 1));
            if stored.fault.times.is_none() {
                if self.used.len() == KEEP_USED {
                    self.used.pop_front();
                }
                self.used.push_back(self.queue.remove(at));
            }
        }
        Some(fault)
    }

    /// The fault of the magic number that a send has.
    fn magic_fault(&mut self, request: &RequestSummary<'_>) -> Option<Fault> {
        let number = MagicNumber::find(request.phone.filter(|_| sends(request))?)?;
        let happens = !number.once || self.spent.insert((request.key?, number.number.to_owned()));
        number.fault().filter(|_| happens)
    }
}

impl StoredFault {
    pub(super) fn into_fault(self) -> Fault {
        self.fault
    }
}

/// Whether a request starts a verification.
fn sends(request: &RequestSummary<'_>) -> bool {
    let channel = request.path.strip_prefix("/verifications");
    request.method == Method::POST && channel.is_some_and(|channel| channel.matches('/').count() <= 1)
}

impl Fault {
    /// Whether the fault answers in place of the operation.
    pub(super) fn answers(&self) -> bool {
        self.reset || self.status.is_some() || self.body.is_some() || self.truncate
    }

    /// The answer. `real` is that of the operation, if it took effect.
    pub(super) fn answer(self, real: Option<Response>) -> Response {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let mut response = match (self.body, status, real) {
            (Some(body), status, _) => {
                let headers = [(header::CONTENT_TYPE, body.content_type)];
                (status.unwrap_or(StatusCode::OK), headers, body.text).into_response()
            }
            (None, Some(status), _) => {
                let code = self.code.unwrap_or_else(|| usual_code(status).to_owned());
                let detail = self.detail.as_deref().unwrap_or("A simulated fault.");
                let item = error::item(status, &code, detail, None);
                (status, Json(ErrorBody { errors: vec![item] })).into_response()
            }
            (None, None, Some(real)) => real,
            (None, None, None) => Json(serde_json::json!({"data": {}})).into_response(),
        };
        let headers =
            self.headers.iter().filter_map(|(name, value)| Some((name.try_into().ok()?, value.try_into().ok()?)));
        response.headers_mut().extend(headers.collect::<HeaderMap>());
        response
    }
}

/// The code for a status, unless the fault sets one.
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => code::AUTHENTICATION_FAILED,
        402 => code::NO_FUNDS,
        403 => error::AUTHORIZATION_FAILED,
        404 => code::NOT_FOUND,
        409 => code::BEING_PROCESSED,
        422 => code::UNPROCESSABLE,
        429 => code::TOO_MANY_REQUESTS,
        400..=499 => code::BAD_REQUEST,
        503 => code::UNAVAILABLE,
        504 => error::TIMEOUT,
        _ => code::UNEXPECTED,
    }
}

/// Announces the length of the whole body, and sends half of it.
pub(super) async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    // The server flushes what it has only while the body is pending.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::ErrorKind::UnexpectedEof)
    });
    let half = stream::iter([Ok(whole.slice(..whole.len() / 2))]).chain(end);
    Response::from_parts(parts, Body::from_stream(half.map_err(io::Error::from)))
}
