//! The load: calls of one kind with a fixed concurrency.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use verify_gateway::pb::verification_service_client::VerificationServiceClient;

use super::{Result, kind::Kind};

/// The measurements of one round.
pub struct Sample {
    pub cpu_per_call: Duration,
    pub calls_per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

/// Connections to one server.
pub struct Load {
    channels: Vec<Channel>,
    kind: Kind,
}

impl Load {
    pub async fn connect(addr: &str, kind: Kind, connections: usize) -> Result<Self> {
        let mut channels = Vec::new();
        for _ in 0..connections {
            channels.push(Endpoint::new(format!("http://{addr}"))?.tcp_nodelay(true).connect().await?);
        }
        Ok(Self { channels, kind })
    }

    /// Makes `calls` calls, `in_flight` at a time. Every call must succeed.
    pub async fn run(&self, calls: usize, in_flight: usize) -> Result<Sample> {
        let left = Arc::new(AtomicUsize::new(calls));
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for worker in 0..in_flight {
            let client = VerificationServiceClient::new(self.channels[worker % self.channels.len()].clone());
            workers.spawn(work(client, Arc::clone(&left), self.kind));
        }
        let mut times = Vec::with_capacity(calls);
        while let Some(done) = workers.join_next().await {
            times.extend(done??);
        }
        let took = start.elapsed();
        times.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let calls_per_second = times.len() as f64 / took.as_secs_f64();
        Ok(Sample {
            cpu_per_call: Duration::ZERO,
            calls_per_second,
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
        })
    }
}

async fn work(
    mut client: VerificationServiceClient<Channel>,
    left: Arc<AtomicUsize>,
    kind: Kind,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let start = Instant::now();
        kind.call(&mut client).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}
