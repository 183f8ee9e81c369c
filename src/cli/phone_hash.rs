//! `phone-hash`: what stands for a phone number in audit events.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;

use super::usage;
use crate::{
    clock::Clock,
    config::{Backend, Config, Environment},
    domain::PhoneNumber,
    store::Store,
};

/// Prints what stands for a phone number in audit events (`phone_hash`), to search them for it.
#[derive(Args)]
pub(super) struct PhoneHashArguments {
    /// The phone number in E.164, such as +13035551234.
    phone_number: String,
    /// The configuration file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
}

/// Prints the hash by the key of the store.
pub(super) fn run(arguments: &PhoneHashArguments, env: &Environment) -> anyhow::Result<()> {
    let phone_number =
        PhoneNumber::parse(&arguments.phone_number).map_err(|error| usage(format!("the number {error}")))?;
    let (config, errors) = Config::read(&arguments.config, env);
    let config = errors.into_result(config)?.unwrap_or_default();
    if config.store.backend == Backend::Memory {
        return Err(usage("needs store.backend: redis; a memory has a new key in each process, so use `find` instead"));
    }
    let store = Store::new(&config.store, config.sends.settle_window, Clock::default(), |_| ())?;
    writeln!(io::stdout(), "{}", store.phone_hash(&phone_number))?;
    Ok(())
}
