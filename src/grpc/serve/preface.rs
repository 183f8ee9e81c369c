//! The first bytes of a connection, read before anything is made for it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that has begun well. It reads as if its first bytes had not been read yet.
pub(super) struct Begun<IO> {
    io: IO,
    /// How much of the preface was read for the second time.
    again: usize,
}

/// Waits until the peer has said that it speaks HTTP/2.
///
/// # Errors
/// Where it speaks something else or goes away.
pub(super) async fn expect<IO: AsyncRead + Unpin>(mut io: IO) -> io::Result<Begun<IO>> {
    let mut first = [0; PREFACE.len()];
    io.read_exact(&mut first).await?;
    if first != *PREFACE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP/2"));
    }
    Ok(Begun { io, again: 0 })
}

impl<IO: AsyncRead + Unpin> AsyncRead for Begun<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = &PREFACE[self.again..];
        if rest.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let length = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..length]);
        self.again += length;
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Begun<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn the_preface_is_read_again_in_pieces_of_any_size_and_then_the_rest() {
        let (mut peer, ours) = tokio::io::duplex(64);
        peer.write_all(PREFACE).await.unwrap();
        peer.write_all(b"rest").await.unwrap();
        let mut begun = expect(ours).await.unwrap();
        let mut seen = [0; PREFACE.len() + 4];
        for piece in seen.chunks_mut(7) {
            begun.read_exact(piece).await.unwrap();
        }
        assert_eq!(seen, *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest");
    }

    #[tokio::test]
    async fn what_is_no_preface_is_refused() {
        for (bytes, kind) in [
            (&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], io::ErrorKind::InvalidData),
            (&PREFACE[..23], io::ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(expect(bytes).await.err().unwrap().kind(), kind);
        }
    }
}
