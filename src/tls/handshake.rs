//! The handshake of one connection.

use std::{io, sync::Arc};

use rustls::{Error, InvalidMessage, server::Acceptor};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{HTTP1, Material};
use crate::domain::PeerCertificate;

/// The alert `no_application_protocol` (RFC 7301 §3.2), as it is sent before there are keys.
const NO_APPLICATION_PROTOCOL: [u8; 7] = [21, 3, 3, 0, 2, 2, 120];

/// A failed handshake.
#[derive(Debug)]
pub struct HandshakeError {
    /// The kind of failure, as a label.
    pub cause: &'static str,
    /// What the system or rustls says of it.
    pub error: io::Error,
}

/// Performs the handshake with the peer at `io`. Returns the stream, and the certificate that the peer has presented.
pub async fn accept<IO>(
    io: IO,
    material: Arc<Material>,
) -> Result<(TlsStream<IO>, Option<Arc<PeerCertificate>>), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), io).await?;
    // rustls accepts a client that offers no protocol. Such a client would speak HTTP/1.1, or nobody knows what.
    let protocols = &material.server.alpn_protocols;
    let is_served = match start.client_hello().alpn() {
        Some(mut offered) => offered.any(|one| protocols.iter().any(|ours| ours == one)),
        None => protocols[..] == [HTTP1],
    };
    if !is_served {
        // Best effort: the peer may have gone away.
        let _ = start.io.write_all(&NO_APPLICATION_PROTOCOL).await;
        return Err(io::Error::new(io::ErrorKind::InvalidData, Error::NoApplicationProtocol).into());
    }
    let stream = start.into_stream(Arc::clone(&material.server)).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| PeerCertificate::read(&chain[0]));
    Ok((stream, certificate.map(Arc::new)))
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        Self { cause: cause(&error), error }
    }
}

/// The kind of a failure. There are few, because each is a time series.
fn cause(error: &io::Error) -> &'static str {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    match (error.kind(), error.get_ref().and_then(|source| source.downcast_ref())) {
        (_, Some(Error::InvalidMessage(InvalidMessage::InvalidContentType))) => "not_tls",
        (_, Some(Error::NoApplicationProtocol)) => "no_protocol",
        (_, Some(Error::PeerIncompatible(_))) => "incompatible",
        (_, Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented)) => "client_certificate",
        (_, Some(Error::AlertReceived(_))) => "refused_by_client",
        (TimedOut, None) => "timeout",
        (UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe, None) => "closed",
        _ => "other",
    }
}
