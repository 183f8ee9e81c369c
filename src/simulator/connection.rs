//! Connections: in plaintext or with TLS, and which a fault can reset.

use std::{io, net::SocketAddr, os::fd::AsFd, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::connect_info::Connected,
    response::{IntoResponse, Response},
    serve::{IncomingStream, Listener},
};
use futures_util::{StreamExt, future::BoxFuture, stream, stream::FuturesUnordered};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;

/// The longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

type Handshake = BoxFuture<'static, Option<(TlsStream<TcpStream>, SocketAddr)>>;

/// Accepts connections, and does their TLS handshakes side by side.
pub(super) struct ConnectionListener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handshakes: FuturesUnordered<Handshake>,
}

impl ConnectionListener {
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, tls, handshakes: FuturesUnordered::new() }
    }
}

impl Listener for ConnectionListener {
    type Io = Either<TlsStream<TcpStream>, TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                (stream, addr) = Listener::accept(&mut self.listener) => match &self.tls {
                    None => return (Either::Right(stream), addr),
                    Some(tls) => {
                        let handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream));
                        self.handshakes.push(Box::pin(async move { Some((handshake.await.ok()?.ok()?, addr)) }));
                    }
                },
                Some(done) = self.handshakes.next() => if let Some((stream, addr)) = done {
                    return (Either::Left(stream), addr);
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The socket of the connection of a request. None without a port.
#[derive(Clone, Default)]
pub(super) struct SocketHandle(Option<Arc<TcpSocket>>);

impl SocketHandle {
    /// Resets the connection in place of an answer.
    pub(super) fn reset(&self) -> Response {
        // The kernel drops what waits to be sent, and sends RST, when the server closes the connection.
        if let Some(socket) = &self.0 {
            let _ = socket.set_zero_linger();
        }
        // The server closes the connection when the body fails, before it has sent the head.
        let failure = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
        Body::from_stream(failure).into_response()
    }
}

impl Connected<IncomingStream<'_, ConnectionListener>> for SocketHandle {
    fn connect_info(stream: IncomingStream<'_, ConnectionListener>) -> Self {
        let tcp = match stream.io() {
            Either::Left(tls) => tls.get_ref().0,
            Either::Right(tcp) => tcp,
        };
        let socket = tcp.as_fd().try_clone_to_owned().map(std::net::TcpStream::from).map(TcpSocket::from_std_stream);
        if let Ok(socket) = &socket {
            // Otherwise a small answer can wait for the peer's acknowledgement.
            let _ = socket.set_nodelay(true);
        }
        Self(socket.ok().map(Arc::new))
    }
}
