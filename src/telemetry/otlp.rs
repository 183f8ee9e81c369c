//! Exporters by OTLP, over gRPC and over HTTP.

use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol as Encoding, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::trace::{BatchConfig, BatchConfigBuilder};
use tokio::runtime::Handle;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::Error;
use crate::{
    config::{OtlpConfig, Protocol},
    http_client,
};

/// After what time without an answer of the collector its connection is probed.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Sends exports over HTTP from whatever thread: the batches are made on threads that have no runtime, where a request
/// would panic. So each is made by the gateway's own.
#[derive(Debug)]
struct OnRuntime {
    client: reqwest::Client,
    runtime: Handle,
}

#[tonic::async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}

fn client(timeout: Duration) -> Result<OnRuntime, Error> {
    let client = http_client::build(None, |builder| builder.timeout(timeout))?;
    Ok(OnRuntime { client, runtime: Handle::current() })
}

/// The batches of spans.
pub(super) fn batches(otlp: &OtlpConfig) -> BatchConfig {
    BatchConfigBuilder::default()
        .with_max_queue_size(otlp.max_queue_size)
        .with_max_export_batch_size(otlp.max_batch_size)
        .with_scheduled_delay(otlp.batch_delay)
        .build()
}

/// An exporter of one signal, which is sent to `path` where the protocol is HTTP.
macro_rules! exporter {
    ($exporter:ident, $otlp:ident, $path:literal) => {{
        let exporter = match $otlp.protocol {
            Protocol::Grpc => {
                $exporter::builder().with_tonic().with_channel(channel($otlp)?).with_timeout($otlp.timeout).build()
            }
            Protocol::Http => $exporter::builder()
                .with_http()
                .with_http_client(client($otlp.timeout)?)
                .with_protocol(Encoding::HttpBinary)
                .with_endpoint(endpoint($otlp, $path))
                .with_timeout($otlp.timeout)
                .build(),
        };
        Ok(exporter?)
    }};
}

/// A connection that is made when it is needed, and again when the collector does not answer on it any more.
fn channel(otlp: &OtlpConfig) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(endpoint(otlp, ""))?
        .connect_timeout(otlp.timeout)
        .timeout(otlp.timeout)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(otlp.timeout)
        .keep_alive_while_idle(true);
    let is_https = endpoint.uri().scheme_str() == Some("https");
    let tls = || endpoint.clone().tls_config(ClientTlsConfig::new().with_enabled_roots());
    Ok(if is_https { tls()? } else { endpoint }.connect_lazy())
}

fn endpoint(otlp: &OtlpConfig, path: &str) -> String {
    format!("{}{path}", otlp.endpoint.as_deref().unwrap_or_default())
}

pub(super) fn spans(otlp: &OtlpConfig) -> Result<SpanExporter, Error> {
    exporter!(SpanExporter, otlp, "/v1/traces")
}

pub(super) fn metrics(otlp: &OtlpConfig) -> Result<MetricExporter, Error> {
    exporter!(MetricExporter, otlp, "/v1/metrics")
}

pub(super) fn logs(otlp: &OtlpConfig) -> Result<LogExporter, Error> {
    exporter!(LogExporter, otlp, "/v1/logs")
}
