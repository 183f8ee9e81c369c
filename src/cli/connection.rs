//! The way to a running gateway, for commands that ask it something.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::CliError;
use crate::config::human;

/// Where the gateway is, and how to speak to it.
#[derive(Args)]
pub(super) struct Connection {
    /// The gateway's address and port.
    #[arg(long, default_value = "127.0.0.1:50051")]
    addr: String,
    /// How long it may take, connecting included.
    #[arg(long, default_value = "2s", value_parser = timeout)]
    timeout: Duration,
    #[command(flatten)]
    tls: Tls,
}

impl Connection {
    /// Connects, and does what `ask` says, all within the timeout. Errors name the address.
    pub(super) async fn ask<T>(&self, ask: impl AsyncFnOnce(Channel) -> anyhow::Result<T>) -> Result<T, CliError> {
        let endpoint = self.endpoint()?;
        let connect = async {
            let channel = endpoint.connect().await.map_err(|error| {
                // The layers of the client say the same thing one after the other: the innermost says it best.
                let error = anyhow::Error::from(error);
                anyhow!("can't connect: {}", error.root_cause())
            })?;
            ask(channel).await
        };
        let answer = tokio::time::timeout(self.timeout, connect)
            .await
            .map_err(|_| anyhow!("no answer within {}", human::write_duration(self.timeout)))
            .flatten();
        Ok(answer.with_context(|| self.addr.clone())?)
    }

    fn endpoint(&self) -> Result<Endpoint, CliError> {
        let scheme = if self.tls.is_asked_for { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{}", self.addr))
            .map_err(|_| CliError::Usage(anyhow!("--addr must be an address and a port, such as 127.0.0.1:50051")))?;
        self.tls.apply(endpoint)
    }
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    human::duration(text).filter(|timeout| !timeout.is_zero()).ok_or("must be a duration such as 500ms or 2s")
}

/// How to speak TLS.
#[derive(Args)]
struct Tls {
    /// Speaks TLS, and trusts the authorities of the system.
    #[arg(id = "tls", long)]
    is_asked_for: bool,
    /// A PEM file with the authorities to trust instead.
    #[arg(long, requires = "tls")]
    ca: Option<PathBuf>,
    /// A PEM file with a certificate to show, for a gateway that asks for one.
    #[arg(long, requires = "tls", requires = "key")]
    cert: Option<PathBuf>,
    /// A PEM file with its private key.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// The name that the gateway's certificate must have, where that is not the one in the address.
    #[arg(long, requires = "tls")]
    server_name: Option<String>,
}

impl Tls {
    /// Has connections to `endpoint` do so.
    fn apply(&self, endpoint: Endpoint) -> Result<Endpoint, CliError> {
        if !self.is_asked_for {
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
        endpoint
            .tls_config(tls)
            .map_err(|error| CliError::Usage(anyhow::Error::from(error).context("TLS can't be set up")))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(file).with_context(|| format!("{} can't be read", file.display())).map_err(CliError::Usage)
}
