//! The first bytes of a connection, read before anything is made for it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first byte of a TLS handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A connection that has begun. It reads as if its first bytes had not been read yet.
pub(super) struct Rewind<IO> {
    io: IO,
    first: [u8; PREFACE.len()],
    /// How many of them there are.
    length: usize,
    /// How many were read for the second time.
    again: usize,
}

/// Waits until the peer has said whether it speaks HTTP/2.
///
/// # Errors
/// Where it goes away, or can't mean to speak HTTP at all.
pub(super) async fn read<IO: AsyncRead + Unpin>(mut io: IO) -> io::Result<Rewind<IO>> {
    let (mut first, mut length) = ([0; PREFACE.len()], 0);
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match io.read(&mut first[length..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
    }
    if first[0] == TLS_HANDSHAKE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "TLS, which is not spoken here"));
    }
    Ok(Rewind { io, first, length, again: 0 })
}

impl<IO> Rewind<IO> {
    /// Whether it speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.first == *PREFACE
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Rewind<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = &self.first[self.again..self.length];
        if rest.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let length = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..length]);
        self.again += length;
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Rewind<IO> {
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
    async fn the_first_bytes_are_read_again_in_pieces_of_any_size_and_then_the_rest() {
        for (first, is_http2) in [(&PREFACE[..], true), (b"POST / HTTP/1.1\r\n", false), (b"PRI * HTTP/2.1", false)] {
            let (mut peer, ours) = tokio::io::duplex(64);
            // One byte alone does not tell yet.
            peer.write_all(&first[..1]).await.unwrap();
            let begun = tokio::spawn(read(ours));
            peer.write_all(&first[1..]).await.unwrap();
            let mut begun = begun.await.unwrap().unwrap();
            assert_eq!(begun.is_http2(), is_http2);
            peer.write_all(b"rest").await.unwrap();
            drop(peer);
            let mut seen = Vec::new();
            let mut piece = [0; 7];
            while let length @ 1.. = begun.read(&mut piece).await.unwrap() {
                seen.extend_from_slice(&piece[..length]);
            }
            assert_eq!(seen, [first, b"rest"].concat());
        }
    }

    #[tokio::test]
    async fn what_is_no_http_is_refused() {
        for (bytes, kind) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], io::ErrorKind::InvalidData),
            (&PREFACE[..23], io::ErrorKind::UnexpectedEof),
            (b"", io::ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(read(bytes).await.err().unwrap().kind(), kind);
        }
    }
}
