//! `find`: why did this person get no code? Asks a running gateway.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, anyhow};
use clap::Args;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::usage;
use crate::{
    admin,
    domain::PhoneNumber,
    http_client::{self, Proxies},
};

/// Shows what a running gateway knows of a phone number: its limits, until when they are reached, and unresolved sends.
#[derive(Args)]
pub(super) struct FindArguments {
    #[command(flatten)]
    question: Question,
    /// The profile whose unresolved sends are shown. The default is that of each tenant.
    #[arg(long)]
    profile_id: Option<String>,
}

/// A phone number, and where to ask for it.
#[derive(Args)]
pub(super) struct Question {
    /// The phone number in E.164, such as +13035551234.
    phone_number: String,
    /// One tenant. The default is all.
    #[arg(long)]
    tenant: Option<String>,
    /// The URL of the admin port. Its setting admin.phones must be on.
    #[arg(long, default_value = "http://127.0.0.1:9090")]
    admin: Url,
    /// The file with the token of the admin port, if it wants one.
    #[arg(long)]
    token_file: Option<PathBuf>,
}

/// Prints what the gateway knows.
pub(super) async fn run(arguments: FindArguments) -> anyhow::Result<()> {
    let profile_id = arguments.profile_id.map(|profile_id| ("profile_id", profile_id));
    arguments.question.ask(Method::GET, "", profile_id).await
}

impl Question {
    /// Makes a request for the number, and prints the answer.
    pub(super) async fn ask(self, method: Method, action: &str, more: Option<(&str, String)>) -> anyhow::Result<()> {
        let Self { phone_number, tenant, mut admin, token_file } = self;
        PhoneNumber::parse(&phone_number).map_err(|error| usage(format!("the number {error}")))?;
        admin.set_path(&format!("/phones/{phone_number}{action}"));
        admin.query_pairs_mut().extend_pairs(tenant.map(|tenant| ("tenant", tenant)).into_iter().chain(more));
        let client = http_client::build(None, &Proxies::default(), |builder| builder)?;
        let mut request = client.request(method, admin);
        if let Some(file) = &token_file {
            let token = admin::token(file).map_err(|error| usage(format!("{}: the file {error}", file.display())))?;
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await.context("the admin port does not answer")?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        let body: Value = serde_json::from_slice(&body).context("this is no admin port")?;
        if !status.is_success() {
            let cause = body["error"].as_str().unwrap_or_default();
            return Err(anyhow!("{status}: {cause}"));
        }
        writeln!(io::stdout(), "{body:#}")?;
        Ok(())
    }
}
