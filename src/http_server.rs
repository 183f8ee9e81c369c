//! The one way to serve HTTP/1.1 on a port of its own. Each connection is bounded.

use std::{collections::VecDeque, convert::Infallible, io, net::SocketAddr, time::Duration};

use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1::Builder,
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// How long nothing is accepted after the system could not give a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);
/// Bytes of the head of a request.
const MAX_HEAD: usize = 16 << 10;

/// The bounds of a port.
#[derive(Clone, Copy, Debug)]
pub struct PortBounds {
    /// What logs call the port.
    pub name: &'static str,
    /// How many connections are open at the same time. The oldest gives way to a new one.
    pub max_connections: usize,
    /// How long a connection may take for the head of its next request.
    pub head_timeout: Duration,
    /// How long a connection may live, whatever it does. An answer that nobody reads ends then.
    pub max_age: Duration,
}

/// Serves the connections of `listener` until it is dropped. `answer` gets the own address of the connection.
pub async fn serve<A, F, B>(listener: &TcpListener, bounds: PortBounds, answer: A)
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
                tracing::warn!(%error, port = bounds.name, "can't accept connections");
                sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        // It fails if the peer is gone already.
        let Ok(own) = stream.local_addr() else { continue };
        running.retain(|connection| !connection.is_finished());
        if running.len() >= bounds.max_connections {
            running.pop_front();
        }
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(own, request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        running.push_back(AbortOnDropHandle::new(tokio::spawn(serve_one(stream, bounds, service))));
    }
}

async fn serve_one<S, B>(stream: TcpStream, bounds: PortBounds, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let mut http1 = Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(bounds.head_timeout).max_buf_size(MAX_HEAD);
    let served = timeout(bounds.max_age, http1.serve_connection(TokioIo::new(stream), service)).await;
    if let Err(error) = served.map_err(io::Error::from).and_then(|served| served.map_err(io::Error::other)) {
        tracing::debug!(%error, port = bounds.name, "a connection ended");
    }
}
