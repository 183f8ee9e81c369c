//! Webhooks: what is sent when, how it is signed, and what happens after a failure.

mod attempts;
mod log;
mod outcomes;
mod signatures;

use std::collections::VecDeque;

use axum::{Router, body::Bytes, extract::State, routing::post};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use super::Sim;

/// A receiver of webhooks that answers with the statuses of a script, and 200 after its end.
struct Receiver {
    url: String,
    hooks: mpsc::UnboundedReceiver<Hook>,
}

/// A webhook that came.
struct Hook {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

type Script = (mpsc::UnboundedSender<Hook>, std::sync::Arc<std::sync::Mutex<VecDeque<u16>>>);

impl Receiver {
    async fn start(script: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, hooks) = mpsc::unbounded_channel();
        let script = std::sync::Arc::new(std::sync::Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
        let app = Router::new().fallback(post(receive)).with_state((sender, script));
        tokio::spawn(async { axum::serve(listener, app).await });
        Self { url, hooks }
    }

    async fn next(&mut self) -> Hook {
        self.hooks.recv().await.unwrap()
    }

    /// The event type and the delivery status of the next webhook.
    async fn event(&mut self) -> (String, String) {
        let hook = self.next().await.json();
        let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
        (text(&hook["data"]["event_type"]), text(&hook["data"]["payload"]["delivery_status"]))
    }
}

async fn receive(State((sender, script)): State<Script>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = script.lock().unwrap().pop_front().unwrap_or(200);
    sender.send(Hook { path: uri.path().to_owned(), headers, body }).unwrap();
    StatusCode::from_u16(status).unwrap()
}

impl Hook {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A simulator whose clock stands still, and a profile whose webhooks go to `urls`.
async fn frozen(settings: &[(&str, &str)], urls: &[&str]) -> (Sim, String) {
    let sim = Sim::with(settings).await;
    sim.patch("/_simulator/clock", json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).await.ok();
    let profile = sim.profile();
    let names = ["webhook_url", "webhook_failover_url"].into_iter().zip(urls);
    let body = names.map(|(name, url)| (name.to_owned(), json!(url))).collect::<serde_json::Map<_, _>>();
    sim.patch(&format!("/v2/verify_profiles/{profile}"), body.into()).await.ok();
    (sim, profile)
}

/// Waits until a delivery of this status exists, and returns all that match.
async fn deliveries(sim: &Sim, query: &str) -> Vec<Value> {
    let found = sim.get(&format!("/_simulator/webhooks?wait=60s&{query}")).await.ok();
    found.as_array().unwrap().clone()
}
