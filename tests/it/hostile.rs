//! Attacks of strangers and of one tenant, each with a victim of another tenant beside it that must not notice.

mod calls;
mod connections;
mod frames;
mod open_services;
mod store;

use verify_gateway::pb::ListTemplatesRequest;

use crate::support::{Clients, OTHER_TOKEN, TestGateway};

/// A caller of another tenant, on a connection of its own.
struct Victim(Clients);

impl Victim {
    async fn of(gateway: &TestGateway) -> Self {
        let mut victim = Self(Clients::over(gateway.channel().await, Some(OTHER_TOKEN)));
        victim.is_served().await;
        victim
    }

    /// Makes calls, none of which may fail.
    async fn is_served(&mut self) {
        for _ in 0..50 {
            self.0.templates.list_templates(ListTemplatesRequest::default()).await.unwrap();
        }
    }
}

/// How often the gateway counted that a limit was reached.
async fn hits(gateway: &TestGateway, limit: &str) -> u64 {
    let (_, metrics) = gateway.admin("/metrics").await;
    let label = format!("limit=\"{limit}\"");
    let of_limit =
        metrics.lines().filter(|line| line.starts_with("verify_gateway_limit_hits") && line.contains(&label));
    of_limit.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
