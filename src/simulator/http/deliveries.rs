//! Webhook deliveries: Telnyx's log of them, and what the control endpoints show.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    answer::{ControlError, PrettyJson, read_wait},
    extract::{ApiCall, PathSegment},
    paging::ListQuery,
};
use crate::{
    simulator::{
        account::AccountKey,
        error::ApiError,
        handle::Handle,
        state::SimulatorState,
        webhook::{DeliveryProgress, SigningKey, WebhookDelivery},
    },
    telnyx::{Data, List},
};

/// `GET /webhook_deliveries`. As in Telnyx's log, a delivery appears when it has ended.
pub(super) async fn list(
    call: ApiCall,
    Query(pairs): Query<Vec<(String, String)>>,
    query: ListQuery,
) -> Result<Json<List<Value>>, ApiError> {
    let state = call.state();
    for (name, value) in &pairs {
        let is_time = name.starts_with("filter[") && (name.ends_with("[gte]") || name.ends_with("[lte]"));
        if is_time && value.parse::<Timestamp>().is_err() {
            return Err(ApiError::parameter(&state.settings, name, "It must be a time in ISO 8601."));
        }
        if name == "filter[status][eq]" && !["delivered", "failed"].contains(&value.as_str()) {
            return Err(ApiError::parameter(&state.settings, name, "It must be delivered or failed."));
        }
    }
    let ended = state.webhooks.list(Some(call.key)).filter(|delivery| delivery.finished_at.is_some());
    let found = ended.filter(|delivery| pairs.iter().all(|(name, value)| matches(delivery, name, value)));
    let found = found.map(to_json).collect();
    Ok(Json(query.page(found, &state.settings, state.settings.max_page_size.into())))
}

fn matches(delivery: &WebhookDelivery, name: &str, value: &str) -> bool {
    let time = || value.parse::<Timestamp>().ok();
    match name {
        "filter[status][eq]" => json!(delivery.status) == value,
        "filter[event_type]" => value.split(',').any(|event_type| event_type.trim() == delivery.event_type()),
        "filter[webhook][contains]" => delivery.webhook.to_string().contains(value),
        "filter[attempts][contains]" => delivery.attempts_text().contains(value),
        "filter[started_at][gte]" => delivery.started_at >= time(),
        "filter[started_at][lte]" => delivery.started_at <= time(),
        "filter[finished_at][gte]" => delivery.finished_at >= time(),
        "filter[finished_at][lte]" => delivery.finished_at <= time(),
        _ => true,
    }
}

fn to_json(delivery: &WebhookDelivery) -> Value {
    json!(delivery)
}

/// `GET /webhook_deliveries/{id}`.
pub(super) async fn get(call: ApiCall, PathSegment(id): PathSegment) -> Result<Json<Data<Value>>, ApiError> {
    let state = call.state();
    let mut ended = state.webhooks.list(Some(call.key)).filter(|delivery| delivery.finished_at.is_some());
    let found = ended.find(|delivery| delivery.id() == id).map(to_json);
    found.map(|data| Json(Data { data })).ok_or_else(|| ApiError::not_found("webhook delivery"))
}

/// Selects deliveries: all given fields must match.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeliveryFilter {
    key: Option<AccountKey>,
    verification_id: Option<String>,
    event_type: Option<String>,
    status: Option<DeliveryProgress>,
    /// The fewest attempts.
    attempts: Option<usize>,
    /// The most deliveries to return: the newest.
    limit: Option<usize>,
    /// How long to wait for the first delivery, as messages are waited for.
    wait: Option<String>,
}

impl DeliveryFilter {
    fn find<'a>(&'a self, state: &'a SimulatorState) -> impl DoubleEndedIterator<Item = &'a WebhookDelivery> {
        let equals = |filter: &Option<String>, value: &str| filter.as_ref().is_none_or(|filter| filter == value);
        state.webhooks.list(self.key).filter(move |delivery| {
            equals(&self.verification_id, delivery.verification_id())
                && equals(&self.event_type, delivery.event_type())
                && self.status.is_none_or(|status| status == delivery.status)
                && self.attempts.is_none_or(|least| delivery.attempts() >= least)
        })
    }
}

/// The deliveries of all accounts, oldest first.
pub(super) async fn all(
    State(simulator): State<Handle>,
    Query(filter): Query<DeliveryFilter>,
) -> Result<Response, ControlError> {
    if let Some(wait) = &filter.wait {
        simulator.wait_until(read_wait(wait)?, |state| filter.find(state).next().is_some()).await;
    }
    let state = simulator.state();
    let mut found: Vec<_> = filter.find(&state).collect();
    let more = found.len().saturating_sub(filter.limit.unwrap_or(usize::MAX));
    Ok(PrettyJson(found.split_off(more)).into_response())
}

/// The public key of an account.
#[derive(Serialize)]
pub(super) struct AccountPublicKey {
    /// The account, as messages name it.
    account: String,
    public_key: String,
}

/// The account of `?key=`, else those that have made a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysQuery {
    key: Option<AccountKey>,
}

/// The public keys that verify webhooks.
pub(super) async fn keys(
    State(simulator): State<Handle>,
    Query(query): Query<KeysQuery>,
) -> PrettyJson<Vec<AccountPublicKey>> {
    let state = simulator.state();
    let accounts = query.key.map_or_else(|| state.accounts.keys().copied().collect(), |key| vec![key]);
    let public = |key: AccountKey| SigningKey::new(state.settings.webhook_key.as_deref(), key.bytes()).public();
    let mut keys: Vec<_> = accounts
        .into_iter()
        .map(|key| AccountPublicKey { account: key.to_string(), public_key: public(key) })
        .collect();
    keys.sort_unstable_by(|a, b| a.account.cmp(&b.account));
    PrettyJson(keys)
}
