//! A gateway on a free port, with a simulator as upstream.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use verify_gateway::{
    app::Gateway,
    clock::Clock,
    config::Config,
    domain::{ApiKey, Identity, Permissions, Tenant, TenantId, TokenHash},
    simulator,
    telemetry::Telemetry,
    tenant::{Credential, Directory},
};

use super::Clients;

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The token and the API key of the tenant `login`.
pub const TOKEN: &str = "vgw_login-login-login";
pub const KEY: &str = "KEYlogin";
/// The token and the API key of the tenant `billing`.
pub const OTHER_TOKEN: &str = "vgw_billing-billing";
pub const OTHER_KEY: &str = "KEYbilling";

/// A gateway on a free port, and a simulator, which is the upstream unless a test sets another one.
pub struct TestGateway {
    pub addr: SocketAddr,
    pub simulator: SocketAddr,
    /// The URL of the admin port.
    pub admin: String,
    /// The webhook port, if a test opens it.
    pub webhooks: SocketAddr,
    /// The gateway's clock. The simulator has its own.
    pub clock: Clock,
    http: reqwest::Client,
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

/// Builds a [`TestGateway`]. The defaults are those of production, except for ports and back-off.
pub struct Builder {
    config: Config,
    clock: Clock,
    login: Tenant,
    permissions: Permissions,
    tenants: Option<Directory>,
    upstream: Option<SocketAddr>,
}

impl Builder {
    fn new() -> Self {
        let mut config = Config::default();
        config.grpc.listen = ANY_PORT;
        config.admin.listen = Some(ANY_PORT);
        // The back-off between attempts takes real time.
        config.upstream.retry.base_delay = Duration::from_millis(1);
        Self {
            config,
            clock: Clock::default(),
            login: Tenant::new(TenantId::new("login").unwrap(), ApiKey::new(KEY).unwrap()),
            permissions: Permissions::all(),
            tenants: None,
            upstream: None,
        }
    }

    /// Changes settings.
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets the gateway's clock. The simulator has its own.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Changes the tenant `login`.
    pub fn login(mut self, change: impl FnOnce(&mut Tenant)) -> Self {
        change(&mut self.login);
        self
    }

    /// Sets the permissions of the tenant `login`'s identity. The default is all.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Sets the tenants. The default is `login` and `billing`, each with one identity that has a token.
    pub fn tenants(mut self, tenants: Directory) -> Self {
        self.tenants = Some(tenants);
        self
    }

    /// Sets the upstream. The default is the gateway's own simulator.
    pub fn upstream(mut self, upstream: SocketAddr) -> Self {
        self.upstream = Some(upstream);
        self
    }

    /// Starts the gateway and its simulator.
    pub async fn start(mut self) -> TestGateway {
        let settings = simulator::Settings::default();
        let simulator_server =
            simulator::Server::bind(ANY_PORT, false, settings, simulator::Fixtures::default()).await.unwrap();
        let simulator = simulator_server.addr();
        self.config.upstream.base_url = format!("http://{}/v2", self.upstream.unwrap_or(simulator));
        let directory = self.tenants.unwrap_or_else(|| default_tenants(self.login, self.permissions));
        let telemetry = Telemetry::new(&self.config.telemetry).unwrap();
        let gateway = Gateway::bind(&self.config, directory, self.clock.clone(), &telemetry).await.unwrap();
        let admin = gateway.admin_addr().map(|addr| format!("http://{addr}")).unwrap_or_default();

        let webhooks = gateway.webhooks_addr().unwrap_or(ANY_PORT);
        let stop = CancellationToken::new();
        let addr = gateway.addr();
        let running = vec![
            tokio::spawn(simulator_server.serve(stop.clone().cancelled_owned())),
            tokio::spawn({
                let stop = stop.clone().cancelled_owned();
                async move { gateway.run(stop).await }
            }),
        ];
        TestGateway { addr, simulator, admin, webhooks, clock: self.clock, http: reqwest::Client::new(), stop, running }
    }
}

/// The tenants `login` and `billing`, each with one identity that has a token.
fn default_tenants(login: Tenant, permissions: Permissions) -> Directory {
    let billing = Tenant::new(TenantId::new("billing").unwrap(), ApiKey::new(OTHER_KEY).unwrap());
    let identity = |name: &str, permissions, token| {
        vec![(Identity { name: name.into(), permissions }, vec![Credential::Token(TokenHash::of(token))])]
    };
    Directory::new(vec![
        (login, identity("login-service", permissions, TOKEN)),
        (billing, identity("billing-service", Permissions::all(), OTHER_TOKEN)),
    ])
}

impl TestGateway {
    /// Starts a gateway with all defaults.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A builder with all defaults.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The status and the body of `GET path` on the admin port.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.admin)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A connection to the gateway.
    pub async fn channel(&self) -> Channel {
        Endpoint::new(format!("http://{}", self.addr)).unwrap().connect().await.unwrap()
    }

    /// Clients with the token of `login`.
    pub async fn clients(&self) -> Clients {
        self.clients_with(Some(TOKEN)).await
    }

    /// Clients with `token`.
    pub async fn clients_with(&self, token: Option<&str>) -> Clients {
        Clients::of(self.addr, token).await
    }

    /// The messages that the simulator has sent to `phone`, oldest first.
    pub async fn messages(&self, phone: &str) -> Vec<Value> {
        self.outbox(&format!("?phone={}", phone.replace('+', "%2B"))).await
    }

    /// All messages that the simulator has sent, oldest first.
    pub async fn all_messages(&self) -> Vec<Value> {
        self.outbox("").await
    }

    async fn outbox(&self, query: &str) -> Vec<Value> {
        let url = format!("http://{}/_simulator/messages{query}", self.simulator);
        let body = self.http.get(url).send().await.unwrap().bytes().await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The code of the newest message to `phone`.
    pub async fn code(&self, phone: &str) -> String {
        let messages = self.messages(phone).await;
        messages.last().expect("a message")["code"].as_str().expect("a code").to_owned()
    }

    /// Calls the simulator's control API.
    pub async fn control(&self, path: &str, body: Value) {
        let url = format!("http://{}/_simulator/{path}", self.simulator);
        let method = if path == "settings" { reqwest::Method::PATCH } else { reqwest::Method::POST };
        let answer = self
            .http
            .request(method, url)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    }

    /// Adds `fault` to the simulator.
    pub async fn fault(&self, fault: Value) {
        self.control("faults", fault).await;
    }

    /// Starts to stop both.
    pub fn begin_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops both, and fails if one of them failed.
    pub async fn stop(self) {
        self.stop.cancel();
        for running in self.running {
            running.await.unwrap();
        }
    }
}

/// A tenants file with the tenant `id`. Its identity has `token` and all permissions. `key` is the source of its API key.
pub fn tenants_file(id: &str, token: &str, key: &str) -> String {
    let hash = TokenHash::of(token);
    format!(
        "tenants:
  - id: {id}
    telnyx_api_key: {key}
    identities:
      - name: {id}-service
        tokens: ['{hash}']
        roles: [admin]
        channels: any
        countries: any
        profiles: any
"
    )
}

/// A fault that answers with `status` and Telnyx's `code`.
pub fn refusal(status: u16, code: &str) -> Value {
    json!({"status": status, "code": code})
}
