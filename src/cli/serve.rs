//! `serve`: the gateway, in production.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, LogArguments, check, observe, stop_signal};
use crate::{app::Gateway, clock::Clock, config::Environment};

/// Runs the gateway with a configuration file and its tenants file.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
    #[command(flatten)]
    log: LogArguments,
}

/// Runs the gateway until Ctrl-C or SIGTERM. Nothing is bound before both files are found to be right.
pub(super) async fn run(arguments: &Arguments, env: &Environment) -> Result<(), Failure> {
    let (mut config, directory) = check::load(&arguments.config, env)?;
    arguments.log.apply(&mut config.telemetry.log);
    let stopped = stop_signal()?;
    let telemetry = observe(&config.telemetry)?;
    let gateway = Gateway::bind(&config, directory, Clock::default(), &telemetry).await.map_err(Failure::runtime)?;
    gateway.run(stopped).await;
    telemetry.shutdown(config.shutdown.grace_period).await;
    Ok(())
}
