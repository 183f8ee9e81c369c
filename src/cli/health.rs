//! `health`: a health check of a running gateway, for probes and scripts.

use std::io::{self, Write};

use anyhow::anyhow;
use clap::Args;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::connection::Connection;

/// Checks the health of a running gateway over gRPC. Exits 0 only if the status is SERVING.
#[derive(Args)]
pub(super) struct HealthArguments {
    #[command(flatten)]
    connection: Connection,
    /// The service to check, such as verify.v1.VerificationService. Empty: the whole gateway.
    #[arg(long, default_value = "")]
    service: String,
}

/// Prints the status.
pub(super) async fn run(arguments: HealthArguments) -> anyhow::Result<()> {
    let HealthArguments { connection, service } = arguments;
    let check = async |channel| {
        let answer = HealthClient::new(channel).check(HealthCheckRequest { service }).await;
        let status = answer.map_err(|status| match status.code() {
            Code::NotFound => anyhow!("the gateway has no such service"),
            code => anyhow!("the health check failed with {code:?}: {}", status.message()),
        })?;
        let status = status.into_inner().status();
        writeln!(io::stdout(), "{}", status.as_str_name())?;
        if status == ServingStatus::Serving { Ok(()) } else { Err(anyhow!("not serving")) }
    };
    connection.run(check).await
}
