//! The requests to the URLs of profiles.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use http::header;
use reqwest::{Client, Url};

use super::delivery::{AttemptAnswer, OutgoingAttempt, WebhookAnswer};
use crate::{
    http_client::{self, Proxies},
    simulator::handle::Handle,
};

/// The most requests at a time.
const MAX_RUNNING: usize = 64;

/// How much of the body of an answer is kept, in bytes.
const BODY_KEPT: usize = 10 * 1024;

/// Makes the requests that fall due until the simulator stops.
pub(in crate::simulator) async fn run(simulator: Handle) {
    // A receiver on this machine must be reachable in an environment that has a proxy, and no redirect leads elsewhere.
    let client =
        http_client::build(None, &Proxies::default(), |builder| builder.user_agent("verify-gateway-simulator"));
    let client = client.map_err(|error| error.to_string());
    let waker = simulator.state().webhooks.waker();
    let mut running = FuturesUnordered::new();
    loop {
        let (due, wait) = simulator.state().due_attempts(MAX_RUNNING - running.len());
        running.extend(due.into_iter().map(|attempt| {
            let (hosts, timeout) = {
                let settings = &simulator.state().settings;
                (settings.webhook_hosts.clone(), Duration::from_millis(settings.webhook_timeout_ms.into()))
            };
            let client = client.clone();
            async move {
                let answer = match client {
                    Ok(client) => post(&client, &attempt, hosts.as_deref(), timeout).await,
                    Err(error) => Err(error),
                };
                (attempt, answer)
            }
        }));
        let is_full = running.len() == MAX_RUNNING;
        tokio::select! {
            () = simulator.stopped() => return,
            () = waker.notified(), if !is_full => {}
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() && !is_full => {}
            Some((attempt, answer)) = running.next() => {
                simulator.state().finish_attempt(&attempt, answer);
                simulator.notify();
            }
        }
    }
}

async fn post(client: &Client, attempt: &OutgoingAttempt, hosts: Option<&str>, timeout: Duration) -> AttemptAnswer {
    let url = Url::parse(&attempt.url).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default();
    if hosts.is_some_and(|hosts| !hosts.split(',').any(|allowed| allowed.trim().eq_ignore_ascii_case(host))) {
        return Err("webhook_hosts does not list the host".to_owned());
    }
    let request = client
        .post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("telnyx-signature-ed25519", &attempt.signed.signature)
        .header("telnyx-timestamp", &attempt.signed.timestamp)
        .body(attempt.signed.body.clone());
    let exchange = async {
        let mut answer = request.send().await?;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let (status, headers, mut body) = (answer.status().as_u16(), headers.collect(), Vec::new());
        while body.len() < BODY_KEPT
            && let Some(chunk) = answer.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(BODY_KEPT);
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(WebhookAnswer { status, headers, body })
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(answer) => answer.map_err(|error: reqwest::Error| describe(&error)),
        Err(_) => Err(format!("no answer within {} ms", timeout.as_millis())),
    }
}

/// The innermost cause, which says most.
fn describe(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
