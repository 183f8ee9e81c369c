//! Exporters by OTLP, over gRPC and over HTTP.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol as Encoding, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::trace::{BatchConfig, BatchConfigBuilder};
use tokio::runtime::Handle;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::Error;
use crate::{
    config::{OtlpConfig, Protocol, SignalConfig},
    http_client::{self, Proxies, ProxyConnector},
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

/// How one signal is exported.
struct Export<'o> {
    url: String,
    protocol: Protocol,
    timeout: Duration,
    proxies: &'o Proxies,
}

impl<'o> Export<'o> {
    /// What is set for `signal`, and for all signals otherwise. `path` follows the common endpoint where the protocol is HTTP.
    fn of(otlp: &'o OtlpConfig, signal: &SignalConfig, path: &str) -> Self {
        let protocol = signal.protocol.unwrap_or(otlp.protocol);
        let url = signal.endpoint.clone().unwrap_or_else(|| {
            let path = if protocol == Protocol::Http { path } else { "" };
            format!("{}{path}", otlp.endpoint.as_deref().unwrap_or_default())
        });
        Self { url, protocol, timeout: signal.timeout.unwrap_or(otlp.timeout), proxies: &otlp.proxies }
    }

    fn client(&self) -> Result<OnRuntime, Error> {
        let client = http_client::build(None, self.proxies, |builder| builder.timeout(self.timeout))?;
        Ok(OnRuntime { client, runtime: Handle::current() })
    }

    /// A connection that is made when it is needed, and again when the collector does not answer on it any more.
    fn channel(&self) -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(self.url.clone())?
            .connect_timeout(self.timeout)
            .timeout(self.timeout)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(self.timeout)
            .keep_alive_while_idle(true);
        let is_https = endpoint.uri().scheme_str() == Some("https");
        let tls = || endpoint.clone().tls_config(ClientTlsConfig::new().with_enabled_roots());
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = ProxyConnector::new(tcp, self.proxies);
        Ok(if is_https { tls()? } else { endpoint }.connect_with_connector_lazy(connector))
    }
}

/// The batches of spans.
pub(super) fn batches(otlp: &OtlpConfig) -> BatchConfig {
    BatchConfigBuilder::default()
        .with_max_queue_size(otlp.max_queue_size)
        .with_max_export_batch_size(otlp.max_batch_size)
        .with_scheduled_delay(otlp.batch_delay)
        .build()
}

/// An exporter of one signal.
macro_rules! exporter {
    ($exporter:ident, $export:expr) => {{
        let export = $export;
        let exporter = match export.protocol {
            Protocol::Grpc => {
                let channel = export.channel()?;
                $exporter::builder().with_tonic().with_channel(channel).with_timeout(export.timeout).build()
            }
            Protocol::Http => $exporter::builder()
                .with_http()
                .with_http_client(export.client()?)
                .with_protocol(Encoding::HttpBinary)
                .with_endpoint(export.url)
                .with_timeout(export.timeout)
                .build(),
        };
        Ok(exporter?)
    }};
}

pub(super) fn spans(otlp: &OtlpConfig) -> Result<SpanExporter, Error> {
    exporter!(SpanExporter, Export::of(otlp, &otlp.signals.traces, "/v1/traces"))
}

pub(super) fn metrics(otlp: &OtlpConfig) -> Result<MetricExporter, Error> {
    exporter!(MetricExporter, Export::of(otlp, &otlp.signals.metrics, "/v1/metrics"))
}

pub(super) fn logs(otlp: &OtlpConfig) -> Result<LogExporter, Error> {
    exporter!(LogExporter, Export::of(otlp, &otlp.signals.logs, "/v1/logs"))
}
