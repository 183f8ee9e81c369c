//! `health`: one question to a running gateway, for probes and scripts.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;
use tonic::{
    Code,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::Failure;
use crate::config::human;

/// Asks a running gateway for its health, over gRPC. Exits 0 only if the answer is SERVING.
#[derive(Args)]
pub(super) struct Arguments {
    /// The gateway's address and port.
    #[arg(long, default_value = "127.0.0.1:50051")]
    addr: String,
    /// The service to ask for, such as verify.v1.VerificationService; empty for the gateway as a whole.
    #[arg(long, default_value = "")]
    service: String,
    /// How long the answer may take, connecting included.
    #[arg(long, default_value = "2s", value_parser = timeout)]
    timeout: Duration,
    #[command(flatten)]
    tls: Tls,
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
    fn apply(&self, endpoint: Endpoint) -> Result<Endpoint, Failure> {
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
            .map_err(|error| Failure::Usage(anyhow::Error::from(error).context("TLS can't be set up")))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).with_context(|| format!("{} can't be read", file.display())).map_err(Failure::Usage)
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    human::duration(text).filter(|timeout| !timeout.is_zero()).ok_or("must be a duration such as 500ms or 2s")
}

/// Prints the answer.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { addr, service, timeout, tls } = arguments;
    let scheme = if tls.is_asked_for { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{addr}"))
        .map_err(|_| Failure::Usage(anyhow!("--addr must be an address and a port, such as 127.0.0.1:50051")))?;
    let endpoint = tls.apply(endpoint)?;
    let ask = async {
        let channel = endpoint.connect().await.map_err(|error| {
            // The layers of the client say the same thing one after the other: the innermost says it best.
            let error = anyhow::Error::from(error);
            anyhow!("can't connect: {}", error.root_cause())
        })?;
        let answer = HealthClient::new(channel).check(HealthCheckRequest { service }).await;
        answer.map(|answer| answer.into_inner().status()).map_err(|status| match status.code() {
            Code::NotFound => anyhow!("the gateway has no such service"),
            code => anyhow!("the question failed with {code:?}: {}", status.message()),
        })
    };
    let status = tokio::time::timeout(timeout, ask)
        .await
        .map_err(|_| anyhow!("no answer within {}", human::write_duration(timeout)))
        .flatten()
        .with_context(|| addr.clone())?;
    writeln!(io::stdout(), "{}", status.as_str_name())?;
    match status {
        ServingStatus::Serving => Ok(()),
        _ => Err(anyhow!("{addr}: not serving").into()),
    }
}
