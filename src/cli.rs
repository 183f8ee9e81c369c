//! The commands and their exit codes.
//!
//! The exit code is 0 for success, 64 for an invalid command line or configuration (`EX_USAGE` of sysexits.h), and 1
//! for every other error.

mod check;
mod connection;
mod dev;
mod find;
mod hash_token;
mod health;
mod phone_hash;
mod protos;
mod serve;
mod simulator;
mod smoke;
mod unlock;
mod webhook;

use std::{
    ffi::OsString,
    fmt::Display,
    future::Future,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{self, Environment, Errors, LogFormat},
    telemetry::{Flush, Telemetry, Writer},
};

/// A gRPC gateway in front of the Telnyx Verify API.
#[derive(Parser)]
#[command(name = "verify-gateway", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The commands. Each has a module of its name with a function `run`.
#[derive(Subcommand)]
enum Command {
    Dev(dev::DevArguments),
    Serve(serve::ServeArguments),
    Simulator(simulator::SimulatorArguments),
    Check(check::CheckArguments),
    Find(find::FindArguments),
    Unlock(unlock::UnlockArguments),
    PhoneHash(phone_hash::PhoneHashArguments),
    HashToken(hash_token::HashTokenArguments),
    Health(health::HealthArguments),
    Protos(protos::ProtosArguments),
    Smoke(smoke::SmokeArguments),
    Webhook(webhook::WebhookArguments),
}

impl Command {
    async fn run(self, env: &Environment) -> anyhow::Result<()> {
        match self {
            Self::Dev(arguments) => dev::run(arguments).await,
            Self::Serve(arguments) => serve::run(&arguments, env).await,
            Self::Simulator(arguments) => simulator::run(arguments, env).await,
            Self::Check(arguments) => check::run(&arguments, env).await,
            Self::Find(arguments) => find::run(arguments).await,
            Self::Unlock(arguments) => unlock::run(arguments).await,
            Self::PhoneHash(arguments) => phone_hash::run(&arguments, env),
            Self::HashToken(arguments) => hash_token::run(&arguments),
            Self::Health(arguments) => health::run(arguments).await,
            Self::Protos(arguments) => protos::run(&arguments),
            Self::Smoke(arguments) => smoke::run(arguments).await,
            Self::Webhook(arguments) => webhook::run(arguments).await,
        }
    }
}

/// Arguments that override the settings of the log.
#[derive(Args)]
struct LogArguments {
    /// The log level: off, error, warn, info, debug or trace, or a list of target=level.
    #[arg(long, value_parser = log_level)]
    log_level: Option<String>,
    /// The log format: auto is human on a terminal and json elsewhere.
    #[arg(long)]
    log_format: Option<LogFormat>,
}

impl LogArguments {
    fn apply(&self, log: &mut config::LogConfig) {
        if let Some(level) = &self.log_level {
            log.level.clone_from(level);
        }
        if let Some(format) = self.log_format {
            log.format = format;
        }
    }
}

fn log_level(text: &str) -> Result<String, String> {
    config::LogConfig::level(text).ok_or_else(|| format!("must be {}", config::LogConfig::LEVELS))
}

/// The arguments are invalid. As for an invalid configuration ([`Errors`]), the exit code is 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// A [`UsageError`] with the text of `error` and its causes.
fn usage(error: impl Display) -> anyhow::Error {
    UsageError(format!("{error:#}")).into()
}

/// Sets up logs and traces for the process. Dropping the [`Flush`] writes the rest of the log.
fn observe(config: &config::TelemetryConfig) -> anyhow::Result<(Telemetry, Flush)> {
    let telemetry = Telemetry::new(config)?;
    let (writer, flush) = Writer::start(io::stderr(), &telemetry.metrics)?;
    let subscriber = telemetry.subscriber(writer)?;
    tracing::dispatcher::set_global_default(subscriber)?;
    for ignored in &config.ignored {
        tracing::warn!(variable = %ignored.location, "{}", ignored.message);
    }
    Ok((telemetry, flush))
}

/// A future that ends at Ctrl-C or SIGTERM, by which Kubernetes stops a container.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Runs the command in `arguments`. The first argument is the program's name.
pub async fn run(arguments: impl IntoIterator<Item = OsString>, env: &Environment) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // There is no way to report that the stream is closed.
            let _ = answer.print();
            // Help and version are errors of clap too, and go to the standard output.
            return if answer.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command.run(env).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // The alternate form includes the causes. There is no way to report that the stream is closed.
            let _ = writeln!(io::stderr(), "{failure:#}");
            ExitCode::from(if failure.is::<UsageError>() || failure.is::<Errors>() { 64 } else { 1 })
        }
    }
}
