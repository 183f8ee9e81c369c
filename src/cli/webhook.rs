//! `webhook`: sends one signed webhook to a running gateway, to test an installation.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;

use super::usage;
use crate::{
    clock::Clock,
    http_client::{self, Proxies},
};

/// How long the gateway may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An event of no verification: it is answered and not kept.
const BODY: &str = r#"{"data":{"event_type":"verify_gateway.test"}}"#;

/// Sends one signed webhook to a running gateway. Exits 0 only if the gateway answers as it should: it takes one that a key of
/// the account signed, and refuses all others.
#[derive(Args)]
pub(super) struct WebhookArguments {
    /// The URL for the webhooks of an account, such as <https://webhooks.example/webhooks/TOKEN>.
    #[arg(long)]
    url: String,
    /// The private key of the account: base64 of 32 bytes, as the setting `webhook_key` of the simulator. Without it a new key
    /// signs, which the gateway must refuse.
    #[arg(long, env = "WEBHOOK_KEY", hide_env_values = true)]
    key: Option<String>,
    /// A PEM file with the authorities to trust instead of the system's.
    #[arg(long)]
    ca: Option<PathBuf>,
}

/// Prints what the gateway did.
pub(super) async fn run(arguments: WebhookArguments) -> anyhow::Result<()> {
    let WebhookArguments { url, key, ca } = arguments;
    let pair = match &key {
        Some(key) => BASE64_STANDARD.decode(key).ok().and_then(|seed| Ed25519KeyPair::from_seed_unchecked(&seed).ok()),
        None => Ed25519KeyPair::generate().ok(),
    };
    let Some(pair) = pair else { return Err(usage("--key must be the base64 of 32 bytes")) };
    let ca = ca.map(|file| fs::read(&file).with_context(|| file.display().to_string())).transpose()?;
    let client = http_client::build(ca.as_deref(), &Proxies::default(), |builder| builder.timeout(TIMEOUT))?;
    let timestamp = Clock::default().now().as_second().to_string();
    let signature = pair.sign(format!("{timestamp}|{BODY}").as_bytes());
    let request = client
        .post(&url)
        .header("telnyx-timestamp", timestamp)
        .header("telnyx-signature-ed25519", BASE64_STANDARD.encode(signature))
        .body(BODY);
    // The URL has a secret, so no error shows it.
    let answer = request.send().await.map_err(reqwest::Error::without_url).context("no answer")?;
    let said = match (key, answer.status().as_u16()) {
        (Some(_), 200) => "the webhook was taken",
        (None, 401) => "a webhook that a stranger signed was refused",
        (_, status) => bail!("the gateway answered {status}"),
    };
    writeln!(io::stdout(), "{said}")?;
    Ok(())
}
