//! `unlock`: frees a phone number from its limits, at a running gateway.

use clap::Args;
use reqwest::Method;

use super::find::Question;

/// Frees a phone number from its limits: the sends to it and the wrong codes for it no longer count.
#[derive(Args)]
pub(super) struct UnlockArguments {
    #[command(flatten)]
    question: Question,
}

/// Prints the tenants for which it was done.
pub(super) async fn run(arguments: UnlockArguments) -> anyhow::Result<()> {
    arguments.question.ask(Method::POST, "/unlock", None).await
}
