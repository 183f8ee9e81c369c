//! Connections that a fault can reset.

use std::{io, net::TcpStream, os::fd::AsFd, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::connect_info::Connected,
    response::{IntoResponse, Response},
    serve::IncomingStream,
};
use futures_util::stream;
use tokio::net::{TcpListener, TcpSocket};

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

impl Connected<IncomingStream<'_, TcpListener>> for SocketHandle {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let socket = stream.io().as_fd().try_clone_to_owned().map(TcpStream::from).map(TcpSocket::from_std_stream);
        if let Ok(socket) = &socket {
            // Otherwise a small answer can wait for the peer's acknowledgement.
            let _ = socket.set_nodelay(true);
        }
        Self(socket.ok().map(Arc::new))
    }
}
