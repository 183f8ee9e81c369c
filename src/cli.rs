//! The commands and their exit codes.
//!
//! The exit code is 0 for success, 64 for an invalid command line or configuration (`EX_USAGE` of sysexits.h), and 1
//! for every other error.

mod check;
mod connection;
mod dev;
mod hash_token;
mod health;
mod serve;
mod simulator;
mod smoke;

use std::{ffi::OsString, fmt, future::Future, io, process::ExitCode};

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
    Dev(dev::Arguments),
    Serve(serve::Arguments),
    Simulator(simulator::Arguments),
    Check(check::Arguments),
    HashToken(hash_token::Arguments),
    Health(health::Arguments),
    Smoke(smoke::Arguments),
}

impl Command {
    async fn run(self, env: &Environment) -> Result<(), CliError> {
        match self {
            Self::Dev(arguments) => dev::run(arguments).await,
            Self::Serve(arguments) => serve::run(&arguments, env).await,
            Self::Simulator(arguments) => simulator::run(arguments).await,
            Self::Check(arguments) => check::run(&arguments, env),
            Self::HashToken(arguments) => hash_token::run(&arguments),
            Self::Health(arguments) => health::run(arguments).await,
            Self::Smoke(arguments) => smoke::run(arguments).await,
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
    config::LogConfig::level(text)
        .ok_or_else(|| "must be off, error, warn, info, debug or trace, or a list of target=level".to_owned())
}

/// Why a command failed. The variant decides the exit code.
#[derive(Debug)]
pub enum CliError {
    /// The arguments, the configuration or the tenants are invalid.
    Usage(anyhow::Error),
    /// The command could not be carried out.
    Runtime(anyhow::Error),
}

impl From<Errors> for CliError {
    fn from(errors: Errors) -> Self {
        Self::Usage(errors.into())
    }
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::Runtime(error)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Runtime(error.into())
    }
}

impl CliError {
    /// The command could not be carried out because of `error`.
    fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Self::Runtime(error.into())
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(error) | Self::Runtime(error)) = self;
        // The alternate form includes the causes.
        write!(f, "{error:#}")
    }
}

/// Sets up logs and traces for the process. Dropping the [`Flush`] writes the rest of the log.
fn observe(config: &config::TelemetryConfig) -> Result<(Telemetry, Flush), CliError> {
    let telemetry = Telemetry::new(config).map_err(CliError::runtime)?;
    let (writer, flush) = Writer::start(io::stderr())?;
    let subscriber = telemetry.subscriber(writer).map_err(CliError::runtime)?;
    tracing::dispatcher::set_global_default(subscriber).map_err(CliError::runtime)?;
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
            eprintln!("{failure}");
            ExitCode::from(if matches!(failure, CliError::Usage(_)) { 64 } else { 1 })
        }
    }
}
