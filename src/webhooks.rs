//! The webhook port: Telnyx tells here what happens to verifications. The signature of a webhook is its credential.

mod outcome;
mod owner;
mod receive;
mod signature;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use http_body_util::Empty;
use tokio::net::TcpListener;

use self::receive::Receiver;
use crate::{
    authn::Authenticator,
    clock::Clock,
    config::WebhooksConfig,
    events::Events,
    http_server::{self, PortBounds},
    telemetry::Metrics,
};

/// Telnyx gives up after two seconds, so a connection that is slower than this serves nobody.
const BOUNDS: PortBounds = PortBounds {
    name: "webhooks",
    max_connections: 256,
    head_timeout: Duration::from_secs(5),
    max_age: Duration::from_mins(5),
};

/// A webhook port that is bound and does not serve yet.
pub struct WebhookServer {
    listener: TcpListener,
    addr: SocketAddr,
    receiver: Receiver,
}

impl WebhookServer {
    /// Binds the port at `listen`.
    pub async fn bind(
        listen: SocketAddr,
        config: &WebhooksConfig,
        authenticator: Authenticator,
        events: Events,
        clock: Clock,
        metrics: Metrics,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let receiver = Receiver { tolerance: config.tolerance, authenticator, events, clock, metrics };
        Ok(Self { listener, addr, receiver })
    }

    /// The address of the port.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        let receiver = Arc::new(self.receiver);
        http_server::serve(&self.listener, BOUNDS, move |_, request| {
            let receiver = receiver.clone();
            async move {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = receiver.receive(request).await;
                response
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
