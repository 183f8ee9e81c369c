//! The load: sends with a fixed concurrency.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tonic::{
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use verify_gateway::pb::{
    Channel as Via, CreateVerificationRequest, verification_service_client::VerificationServiceClient,
};

use super::{CONCURRENCY, CONNECTIONS, Result, TOKEN};

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
    /// Whether each call has a `request_id`.
    named: bool,
}

/// How many phone numbers are used. Each send has its own number, because sends to one number run one by one.
static NUMBERS: AtomicUsize = AtomicUsize::new(0);

impl Load {
    pub async fn connect(addr: &str, named: bool) -> Result<Self> {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(Endpoint::new(format!("http://{addr}"))?.tcp_nodelay(true).connect().await?);
        }
        Ok(Self { channels, named })
    }

    /// Makes `calls` calls. Every call must succeed.
    pub async fn run(&self, calls: usize) -> Result<Sample> {
        let left = Arc::new(AtomicUsize::new(calls));
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for worker in 0..CONCURRENCY {
            let client = VerificationServiceClient::new(self.channels[worker % CONNECTIONS].clone());
            workers.spawn(work(client, Arc::clone(&left), self.named));
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
    named: bool,
) -> Result<Vec<Duration>> {
    let authorization: MetadataValue<_> = format!("Bearer {TOKEN}").parse()?;
    let mut times = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let mut request = tonic::Request::new(CreateVerificationRequest {
            request_id: if named { uuid::Uuid::new_v4().to_string() } else { String::new() },
            phone_number: format!("+1303{:07}", 2_000_000 + NUMBERS.fetch_add(1, Ordering::Relaxed) % 8_000_000),
            channel: Via::Sms.into(),
            profile_id: "4900017a-e7c8-e79e-0a7c-0d98f49b09cc".into(),
            ..CreateVerificationRequest::default()
        });
        request.metadata_mut().insert("authorization", authorization.clone());
        let start = Instant::now();
        let answer = client.create_verification(request).await?.into_inner();
        times.push(start.elapsed());
        if answer.verification.is_none() {
            return Err("an answer without a verification".into());
        }
    }
    Ok(times)
}
