//! `serve`: runs the gateway in production.

use std::{io, path::PathBuf, sync::Arc};

use clap::Args;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use tokio_util::task::AbortOnDropHandle;

use super::{LogArguments, observe, stop_signal};
use crate::{
    app::{Gateway, Loaded, descriptors},
    clock::Clock,
    config::Environment,
};

/// Runs the gateway with a configuration file and its tenants file.
#[derive(Args)]
pub(super) struct ServeArguments {
    /// The configuration file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
    #[command(flatten)]
    log: LogArguments,
}

/// Runs the gateway until Ctrl-C or SIGTERM. It opens no port before it has checked all files.
pub(super) async fn run(arguments: &ServeArguments, env: &Environment) -> anyhow::Result<()> {
    let Loaded { mut config, directory, watch, .. } = Loaded::read(&arguments.config, env)?;
    arguments.log.apply(&mut config.telemetry.log);
    let stopped = stop_signal()?;
    let (telemetry, _flush) = observe(&config.telemetry)?;
    descriptors::fit(&mut config.grpc);
    let gateway = Gateway::bind(&config, directory, Clock::default(), &telemetry).await?;
    let (at_once, _hangup) = hangup()?;
    let gateway = gateway.telling(env.get("NOTIFY_SOCKET").ok().map(PathBuf::from));
    gateway.watching(watch, config.tenants.reload_interval, at_once).run(stopped).await;
    telemetry.shutdown().await;
    Ok(())
}

/// A notification at each SIGHUP, which makes the gateway reload its files, until the task is dropped.
fn hangup() -> io::Result<(Arc<Notify>, AbortOnDropHandle<()>)> {
    let (mut hangup, notify) = (signal(SignalKind::hangup())?, Arc::new(Notify::new()));
    let notified = notify.clone();
    let task = tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            notified.notify_one();
        }
    });
    Ok((notify, AbortOnDropHandle::new(task)))
}
