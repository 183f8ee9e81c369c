//! The one way to serve HTTP/1.1 on a port of its own, with TLS or without. Each connection is bounded.

use std::{collections::VecDeque, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1::Builder,
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    domain::LimitMode,
    telemetry::Metrics,
    tls::{self, HandshakeError, Material},
};

/// How long nothing is accepted after the system could not give a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);
/// Bytes of the head of a request.
const MAX_HEAD: usize = 16 << 10;

/// A port and its bounds.
#[derive(Clone)]
pub struct HttpPort {
    /// What logs and metrics call the port.
    pub name: &'static str,
    /// `None` for plaintext.
    pub tls: Option<watch::Receiver<Arc<Material>>>,
    /// What `max_connections` is called as a limit.
    pub limit: &'static str,
    /// How many connections are open at the same time. The oldest gives way to a new one.
    pub max_connections: usize,
    /// How long a connection may take for its TLS handshake, and for the head of its next request.
    pub head_timeout: Duration,
    /// How long a connection may live, whatever it does. An answer that nobody reads ends then.
    pub max_age: Duration,
    /// Where connections that gave way and failed handshakes are counted.
    pub metrics: Metrics,
}

/// Serves the connections of `listener` until it is dropped. `answer` gets the own address of the connection.
pub async fn serve<A, F, B>(listener: &TcpListener, port: HttpPort, answer: A)
where
    A: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let mut running: VecDeque<AbortOnDropHandle<()>> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, port = port.name, "can't accept connections");
                sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        // It fails if the peer is gone already.
        let Ok(own) = stream.local_addr() else { continue };
        running.retain(|connection| !connection.is_finished());
        if running.len() >= port.max_connections {
            running.pop_front();
            port.metrics.limit_hit(port.limit, LimitMode::Enforce);
        }
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(own, request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        running.push_back(AbortOnDropHandle::new(tokio::spawn(serve_one(stream, port.clone(), service))));
    }
}

async fn serve_one<S, B>(stream: TcpStream, port: HttpPort, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let serving = async {
        let Some(material) = &port.tls else { return speak(stream, port.head_timeout, service).await };
        let material = Arc::clone(&material.borrow());
        let handshake = timeout(port.head_timeout, tls::accept(stream, material)).await;
        match handshake.unwrap_or_else(|late| Err(io::Error::from(late).into())) {
            Ok((stream, _)) => speak(stream, port.head_timeout, service).await,
            Err(HandshakeError { cause, error }) => {
                port.metrics.handshake_failed(port.name, cause);
                Err(error)
            }
        }
    };
    if let Err(error) = timeout(port.max_age, serving).await.map_err(io::Error::from).flatten() {
        tracing::debug!(%error, port = port.name, "a connection ended");
    }
}

async fn speak<S, B>(stream: impl AsyncRead + AsyncWrite + Unpin, head_timeout: Duration, service: S) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let mut http1 = Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(MAX_HEAD);
    http1.serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
}
