//! What Telnyx says to each API key: reads alone, which change nothing.

use std::io::{self, Write};

use anyhow::{anyhow, ensure};
use futures_util::future::join_all;
use tokio::time::{Duration, Instant};

use super::list;
use crate::{
    clock::Clock,
    config::Config,
    domain::{CallContext, Caller, Error, Tenant},
    pb::ErrorReason,
    telemetry::Metrics,
    telnyx::Profile,
    tenant::TenantEntry,
    upstream::{Client, Page},
};

/// How long a read may take, with its retries.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Reads with each key, and prints what is wrong with the address, the key or the account.
///
/// # Errors
/// A key that can't be used.
pub(super) async fn run(config: &Config, entries: &[TenantEntry]) -> anyhow::Result<()> {
    let client = Client::new(config, Clock::default(), &Metrics::default())?;
    let mut keys: Vec<Vec<&TenantEntry>> = Vec::new();
    for entry in entries {
        let same = |group: &&mut Vec<&TenantEntry>| group[0].tenant.key.identity() == entry.tenant.key.identity();
        match keys.iter_mut().find(same) {
            Some(group) => group.push(entry),
            None => keys.push(vec![entry]),
        }
    }
    let reads = join_all(keys.iter().map(async |group| {
        let context = CallContext::new(Caller::unrestricted(group[0].tenant.clone()), Instant::now() + TIMEOUT);
        client.profiles(&context, None, Page::LARGEST).await
    }));
    let mut failed = 0;
    for (group, read) in keys.iter().zip(reads.await) {
        let tenants = list(&group.iter().map(|entry| &entry.tenant.id).collect::<Vec<_>>(), "");
        match read {
            Ok(profiles) => {
                writeln!(io::stdout(), "online: {tenants}: Telnyx accepts the key")?;
                for line in elsewhere(config, &group[0].tenant, &profiles.data) {
                    writeln!(io::stdout(), "online: {tenants}: {line}")?;
                }
            }
            Err(error) => {
                failed += 1;
                let (problem, cause) = (problem(config, &error), anyhow!(error));
                writeln!(io::stdout(), "online: {tenants}: {problem} ({})", cause.root_cause())?;
            }
        }
    }
    ensure!(failed == 0, "{failed} of {} keys can't be used", keys.len());
    Ok(())
}

/// The profiles whose webhooks do not come to this gateway. Their URLs may be secrets.
fn elsewhere(config: &Config, tenant: &Tenant, profiles: &[Profile]) -> Vec<String> {
    let Some(ours) = config.webhooks.url(tenant.webhook_token.as_deref()) else { return Vec::new() };
    let line = |profile: &Profile| {
        let goes = match profile.webhook_url.as_deref() {
            Some(url) if url == ours => return None,
            None | Some("") => "nowhere: it has no webhook_url",
            Some(_) => "elsewhere, not to webhooks.public_url",
        };
        let id = profile.id.as_deref().unwrap_or_default();
        Some(format!("warning: the webhooks of profile {id} go {goes}"))
    };
    profiles.iter().filter_map(line).collect()
}

/// What is wrong, and what is to be corrected.
fn problem(config: &Config, error: &Error) -> String {
    let address = &config.upstream.base_url;
    match error.reason {
        ErrorReason::UpstreamKeyRefused => "Telnyx refuses the key: replace it".to_owned(),
        ErrorReason::AccountRestricted | ErrorReason::InsufficientFunds => format!("the account: {error}"),
        ErrorReason::UpstreamAnswerUnreadable => {
            format!("no Verify API at upstream.base_url: must be like https://api.telnyx.com/v2, and is {address}")
        }
        ErrorReason::UpstreamUnavailable | ErrorReason::DeadlineExceeded => {
            format!("upstream.base_url can't be reached, or fails: {address}")
        }
        _ => error.to_string(),
    }
}
