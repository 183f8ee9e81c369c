//! The first bytes of a connection, read before a protocol is chosen for it.

use std::io::{self, Cursor};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Chain, Join, ReadHalf, WriteHalf, join, split};

/// The first bytes of every HTTP/2 connection (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first byte of a TLS handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A connection whose first bytes are read once more.
pub(super) type Rewind<IO> = Join<Chain<Cursor<Vec<u8>>, ReadHalf<IO>>, WriteHalf<IO>>;

/// Waits until the first bytes tell whether the peer speaks HTTP/2.
///
/// # Errors
/// The peer goes away, or speaks TLS.
pub(super) async fn read<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO) -> io::Result<(bool, Rewind<IO>)> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
        let missing = PREFACE.len() - first.len();
        if (&mut io).take(missing as u64).read_buf(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if first[0] == TLS_HANDSHAKE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this port does not speak TLS"));
    }
    let (is_http2, (reader, writer)) = (first == PREFACE, split(io));
    Ok((is_http2, join(Cursor::new(first).chain(reader), writer)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, sink};

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_are_read_again_before_the_rest() {
        for (first, is_http2) in [(&PREFACE[..], true), (b"POST / HTTP/1.1\r\n", false), (b"PRI * HTTP/2.1", false)] {
            let (mut peer, ours) = tokio::io::duplex(64);
            // One byte alone does not tell yet.
            peer.write_all(&first[..1]).await.unwrap();
            let reading = tokio::spawn(read(ours));
            peer.write_all(&first[1..]).await.unwrap();
            let (found_http2, mut io) = reading.await.unwrap().unwrap();
            assert_eq!(found_http2, is_http2);
            peer.write_all(b"rest").await.unwrap();
            drop(peer);
            let mut seen = Vec::new();
            let mut piece = [0; 7];
            while let length @ 1.. = io.read(&mut piece).await.unwrap() {
                seen.extend_from_slice(&piece[..length]);
            }
            assert_eq!(seen, [first, b"rest"].concat());
        }
    }

    #[tokio::test]
    async fn anything_but_http_is_refused() {
        for (bytes, kind) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], io::ErrorKind::InvalidData),
            (&PREFACE[..23], io::ErrorKind::UnexpectedEof),
            (b"", io::ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(read(join(bytes, sink())).await.err().unwrap().kind(), kind);
        }
    }
}
