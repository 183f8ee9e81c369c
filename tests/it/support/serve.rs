//! `verify-gateway serve` as a process, with files of its own.

use std::{fs, net::SocketAddr};

use tempfile::TempDir;
use verify_gateway::tenant::TokenHash;

use super::{KEY, Process, TOKEN};

/// `verify-gateway serve` as a process.
pub struct Served {
    pub process: Process,
    pub addr: SocketAddr,
    _folder: TempDir,
}

impl Served {
    /// Starts it in front of the simulator at `url`, with `more` lines of settings.
    pub async fn start(url: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tenants.yaml"), tenants()).unwrap();
        let config = folder.path().join("gateway.yaml");
        let text = format!(
            "grpc: {{ listen: '127.0.0.1:0' }}\nadmin: {{ listen: '127.0.0.1:0' }}\ntelemetry: {{ log: {{ format: json }} }}\n{more}"
        );
        fs::write(&config, text).unwrap();
        let variables = [("VERIFY_GATEWAY_UPSTREAM__BASE_URL", format!("{url}/v2"))];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut process = Process::with_variables(&["serve", "--config", config.to_str().unwrap()], &variables);
        let addr = process.logged_addr().await;
        Self { process, addr, _folder: folder }
    }
}

/// The tenant `login`, as in other tests.
fn tenants() -> String {
    let hash = TokenHash::of(TOKEN);
    format!("tenants:\n  - id: login\n    tokens: ['{hash}']\n    telnyx_api_key: {{ inline: {KEY} }}\n")
}
