//! The connection to a running gateway, for the commands that call it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::usage;
use crate::config::human;

/// The address of the gateway, and how to connect to it.
#[derive(Args)]
pub(super) struct Connection {
    /// The address and port of the gateway.
    #[arg(long, default_value = "127.0.0.1:50051")]
    addr: String,
    /// How long the command may take, including connecting.
    #[arg(long, default_value = "2s", value_parser = timeout)]
    timeout: Duration,
    #[command(flatten)]
    tls: TlsArguments,
}

impl Connection {
    /// Connects and runs `calls`, both within the timeout. Errors name the address.
    pub(super) async fn run<T>(&self, calls: impl AsyncFnOnce(Channel) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let endpoint = self.endpoint()?;
        let connect = async {
            let channel = endpoint.connect().await.map_err(|error| {
                // The layers of the client repeat the same text. The innermost is the most precise.
                let error = anyhow::Error::from(error);
                anyhow!("can't connect: {}", error.root_cause())
            })?;
            calls(channel).await
        };
        let answer = tokio::time::timeout(self.timeout, connect)
            .await
            .map_err(|_| anyhow!("no answer within {}", human::write_duration(self.timeout)))
            .flatten();
        answer.with_context(|| self.addr.clone())
    }

    fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let scheme = if self.tls.enabled { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{}", self.addr))
            .map_err(|_| usage("--addr must be an address and a port, such as 127.0.0.1:50051"))?;
        self.tls.apply(endpoint)
    }
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    human::duration(text).filter(|timeout| !timeout.is_zero()).ok_or("must be a duration such as 500ms or 2s")
}

/// Arguments for TLS.
#[derive(Args)]
struct TlsArguments {
    /// Uses TLS, and trusts the authorities of the system.
    #[arg(id = "tls", long)]
    enabled: bool,
    /// A PEM file with the authorities to trust instead.
    #[arg(long, requires = "tls")]
    ca: Option<PathBuf>,
    /// A PEM file with a certificate to present, for a gateway that accepts one.
    #[arg(long, requires = "tls", requires = "key")]
    cert: Option<PathBuf>,
    /// A PEM file with the private key of the certificate.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// The name in the certificate of the gateway, if it differs from the address.
    #[arg(long, requires = "tls")]
    server_name: Option<String>,
}

impl TlsArguments {
    /// Sets up TLS for connections to `endpoint`.
    fn apply(&self, endpoint: Endpoint) -> anyhow::Result<Endpoint> {
        if !self.enabled {
            return Ok(endpoint);
        }
        let mut tls = match &self.ca {
            Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        if let Some(name) = &self.server_name {
            tls = tls.domain_name(name);
        }
        endpoint.tls_config(tls).context("TLS can't be set up").map_err(usage)
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("{} can't be read", file.display())).map_err(usage)
}
