//! The simulator, over real HTTP.

mod api;
mod checks;
mod clock;
mod control;
mod faults;
mod fixtures;
mod numbers;
mod origin;
mod page;
mod parallel;
mod process;
mod quickstart;
mod request_log;
mod requests;
mod saved;
mod settings;
mod strict;
mod webhooks;

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use verify_gateway::simulator::{Fixtures, Handle, Server, Settings};

const PHONE: &str = "+13035551234";
const ENCODED: &str = "%2B13035551234";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A running simulator, and a client with the key `KEY1`.
pub struct Sim {
    addr: SocketAddr,
    handle: Handle,
    client: Client<HttpConnector, Body>,
    _stop: DropGuard,
}

pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Sim {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(changes: &[(&str, &str)]) -> Self {
        Self::with_fixtures(changes, Fixtures::default()).await
    }

    async fn with_fixtures(changes: &[(&str, &str)], fixtures: Fixtures) -> Self {
        let mut settings = Settings::default();
        for (name, value) in changes {
            settings.set(name, value).unwrap();
        }
        let server = Server::bind(LOOPBACK, false, settings, fixtures).await.unwrap();
        let stop = CancellationToken::new();
        let (addr, handle) = (server.addr(), server.handle());
        tokio::spawn(server.serve(stop.clone().cancelled_owned()));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { addr, handle, client, _stop: stop.drop_guard() }
    }

    async fn try_call(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Answer, Box<dyn std::error::Error>> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.addr));
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let (parts, body) = self.client.request(request.body(Body::from(body))?).await?.into_parts();
        let text = String::from_utf8(to_bytes(Body::new(body), usize::MAX).await?.to_vec())?;
        Ok(Answer { status: parts.status, headers: parts.headers, text })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.try_call(Some("KEY1"), method, path, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Creates a profile with all channels, and returns its id.
    fn profile(&self) -> String {
        self.handle.seed_profile("KEY1", "Shop")
    }

    async fn send(&self, profile: &str, changes: Value) -> Answer {
        let mut body = json!({"phone_number": PHONE, "verify_profile_id": profile});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.post("/v2/verifications/sms", body).await
    }

    /// Sends an SMS and returns the verification's id and its code.
    async fn sent(&self, profile: &str) -> (String, String) {
        let id = self.send(profile, json!({})).await.ok()["data"]["id"].as_str().unwrap().to_owned();
        (id, self.handle.latest_code(PHONE).unwrap())
    }

    async fn check(&self, id: &str, code: &str) -> Answer {
        self.post(&format!("/v2/verifications/{id}/actions/verify"), json!({"code": code})).await
    }

    async fn check_by_phone(&self, profile: &str, code: &str) -> Answer {
        let body = json!({"code": code, "verify_profile_id": profile});
        self.post(&format!("/v2/verifications/by_phone_number/{ENCODED}/actions/verify"), body).await
    }

    async fn status(&self, id: &str) -> String {
        let answer = self.get(&format!("/v2/verifications/{id}")).await.ok();
        answer["data"]["status"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text))
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    /// The status and the first error's code of a refusal.
    fn refusal(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned();
        (self.status.as_u16(), code)
    }

    /// The response code of a check, or the status of a refusal.
    fn outcome(&self) -> String {
        let json = self.json();
        json["data"]["response_code"].as_str().map_or_else(|| self.status.as_u16().to_string(), str::to_owned)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A code that differs from `right`.
fn wrong(right: &str) -> String {
    let first = if right.starts_with('1') { '2' } else { '1' };
    format!("{first}{}", &right[1..])
}
