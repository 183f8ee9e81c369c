//! Connections that a fault can reset.

use std::{net::TcpStream, os::fd::AsFd, sync::Arc};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::net::{TcpListener, TcpSocket};

/// The socket of the connection of a request. None without a port.
#[derive(Clone, Default)]
pub(super) struct SocketHandle(Option<Arc<TcpSocket>>);

impl SocketHandle {
    /// Makes the kernel drop what waits to be sent, and send RST, when the server closes the connection.
    pub(super) fn reset_at_close(&self) {
        if let Some(socket) = &self.0 {
            let _ = socket.set_zero_linger();
        }
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
