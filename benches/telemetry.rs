//! The cost of metrics and spans for each call: everything that an untraced call records, and each part alone.
//!
//! `cargo bench --bench telemetry`

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use tracing::Span;
use verify_gateway::{
    config::Config,
    domain::{Country, TenantId},
    telemetry::{Call, Metrics, Telemetry, metrics::SendOutcome},
    telnyx::Channel,
};

const RPC: &str = "verify.v1.VerificationService/CreateVerification";
const TOOK: Duration = Duration::from_millis(87);

fn call(metrics: &Metrics, tenant: &TenantId) {
    metrics.call_ended(RPC, "OK", None, Some(tenant), TOOK);
}

fn attempt(metrics: &Metrics) {
    metrics.attempt_ended("POST", "/verifications/sms", Some(200), None, TOOK);
}

fn send(metrics: &Metrics, country: Option<Country>) {
    metrics.send_ended(Channel::Sms, country, SendOutcome::Sent);
}

fn telemetry(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let _runtime = runtime.enter();
    let mut config = Config::default().telemetry;
    // An exporter makes the sampler decide for each call. No call is sampled.
    config.otlp.endpoint = Some("http://127.0.0.1:1".into());
    config.otlp.sample_ratio = 0.0;
    let telemetry = Telemetry::new(&config).expect("it is a URL");
    let (metrics, sampling) = (telemetry.metrics.clone(), telemetry.sampling.clone());
    let tenant = TenantId::new("bench").expect("it is a name");
    let (country, headers) = (Country::new("US"), HeaderMap::new());
    let named = || Call::new(RPC, None, None, &sampling.span(&headers, Span::none), metrics.clone());

    criterion.bench_function("name a call that is not traced", |bencher| bencher.iter(|| black_box(named())));
    criterion.bench_function("measure a call", |bencher| bencher.iter(|| call(&metrics, &tenant)));
    criterion.bench_function("measure an attempt", |bencher| bencher.iter(|| attempt(&metrics)));
    criterion.bench_function("measure a send", |bencher| bencher.iter(|| send(&metrics, country)));
    criterion.bench_function("all of a send", |bencher| {
        bencher.iter(|| {
            let (_active, named) = (metrics.call_begun(), named());
            attempt(&metrics);
            metrics.simulator_in_use(false);
            send(&metrics, country);
            call(&named.metrics, &tenant);
        });
    });
    criterion.bench_function("a scrape", |bencher| bencher.iter(|| black_box(metrics.text())));
}

criterion_group!(benches, telemetry);
criterion_main!(benches);
