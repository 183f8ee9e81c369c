//! The webhook port: Telnyx tells here what happens to verifications. The signature of a webhook is its credential.

mod outcome;
mod owner;
mod receive;
mod signature;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use http_body_util::Empty;
use tokio::{net::TcpListener, select};

use self::{outcome::WebhookOutcome, receive::Receiver};
use crate::{
    authn::Authenticator,
    clock::Clock,
    config::{Errors, WebhooksConfig},
    events::Events,
    http_server::{self, HttpPort},
    telemetry::Metrics,
    tls::{CertificateReloader, TlsPort},
};

/// Telnyx gives up after two seconds, so a connection that is slower than this serves nobody.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_AGE: Duration = Duration::from_mins(5);

/// A webhook port that does not serve yet.
pub struct WebhookServer {
    receiver: Receiver,
    port: HttpPort,
    /// `None` for plaintext.
    certificate: Option<CertificateReloader>,
}

impl WebhookServer {
    /// Makes what answers webhooks.
    ///
    /// # Errors
    /// All errors in the files of `webhooks.tls`.
    pub fn new(
        config: &WebhooksConfig,
        authenticator: Authenticator,
        events: Events,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, Errors> {
        metrics.webhooks_taken(WebhookOutcome::Accepted.name());
        let certificate = CertificateReloader::load(TlsPort::webhooks(config), clock.clone(), metrics.clone())?;
        let port = HttpPort {
            name: "webhooks",
            tls: certificate.as_ref().map(CertificateReloader::current),
            limit: "webhooks.max_connections",
            max_connections: config.max_connections,
            head_timeout: HEAD_TIMEOUT,
            max_age: MAX_AGE,
            metrics: metrics.clone(),
        };
        let receiver = Receiver { tolerance: config.tolerance, authenticator, events, clock, metrics };
        Ok(Self { receiver, port, certificate })
    }

    /// Serves the connections of `listener` until it is dropped.
    pub async fn serve(self, listener: TcpListener) {
        let receiver = Arc::new(self.receiver);
        let serving = http_server::serve(&listener, self.port, move |_, request| {
            let receiver = receiver.clone();
            async move {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = receiver.receive(request).await;
                response
            }
        });
        match &self.certificate {
            Some(certificate) => select! {
                () = serving => {}
                never = certificate.run() => match never {},
            },
            None => serving.await,
        }
    }
}

#[cfg(test)]
mod tests;
