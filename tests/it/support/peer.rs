//! An HTTP/2 peer that writes raw frames, so that it can violate the protocol.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::TOKEN;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (RFC 9113 §6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

/// Frame flags. ACK is the flag of SETTINGS and PING.
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Error codes (RFC 9113 §7).
pub const NO_ERROR: u32 = 0;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// A request without its messages.
    pub fn request(stream: u32, path: &str, headers: &[(&str, &str)]) -> Self {
        // POST and http by their index in the static table of RFC 7541, the rest as literals.
        let mut block = vec![0x83, 0x86];
        let fixed = [("te", "trailers"), ("content-type", "application/grpc")];
        for (name, value) in [(":path", path)].iter().chain(&fixed).chain(headers) {
            literal(&mut block, name, value);
        }
        Self::new(HEADERS, END_HEADERS, stream, block)
    }

    /// An empty gRPC message with `END_STREAM`.
    pub fn empty_message(stream: u32) -> Self {
        Self::new(DATA, END_STREAM, stream, [0; 5])
    }

    pub fn reset(stream: u32) -> Self {
        Self::new(RST_STREAM, 0, stream, CANCEL.to_be_bytes())
    }

    /// The error code of a `RST_STREAM` or GOAWAY.
    pub fn code(&self) -> u32 {
        let code = &self.payload[if self.kind == GOAWAY { 4..8 } else { 0..4 }];
        u32::from_be_bytes(code.try_into().unwrap())
    }

    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&u32::try_from(self.payload.len()).unwrap().to_be_bytes()[1..]);
        into.extend_from_slice(&[self.kind, self.flags]);
        into.extend_from_slice(&self.stream.to_be_bytes());
        into.extend_from_slice(&self.payload);
    }
}

/// Appends a literal header without indexing (RFC 7541 §6.2.2).
pub fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        // An integer with a 7-bit prefix (§5.1).
        let mut length = text.len();
        if length < 127 {
            block.push(u8::try_from(length).unwrap());
        } else {
            block.push(127);
            length -= 127;
            while length >= 128 {
                block.push(u8::try_from(length % 128 + 128).unwrap());
                length /= 128;
            }
            block.push(u8::try_from(length).unwrap());
        }
        block.extend_from_slice(text.as_bytes());
    }
}

/// A connection that acknowledges SETTINGS and PING, and does nothing else on its own.
pub struct Peer(TcpStream);

impl Peer {
    /// A TCP connection without any bytes.
    pub async fn silent(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.unwrap())
    }

    /// A connection that sends the preface and `frames`.
    pub async fn begin(addr: SocketAddr, frames: impl IntoIterator<Item = Frame>) -> Self {
        let mut peer = Self::silent(addr).await;
        let mut bytes = PREFACE.to_vec();
        Frame::new(SETTINGS, 0, 0, []).encode(&mut bytes);
        frames.into_iter().for_each(|frame| frame.encode(&mut bytes));
        peer.write(&bytes).await;
        peer
    }

    /// Writes `bytes`. Ignores that the other side has closed.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Writes `frames` at once.
    pub async fn send(&mut self, frames: impl IntoIterator<Item = Frame>) {
        let mut bytes = Vec::new();
        frames.into_iter().for_each(|frame| frame.encode(&mut bytes));
        self.write(&bytes).await;
    }

    /// The next frame that is neither SETTINGS nor PING. None after the end.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            if !matches!(kind, SETTINGS | PING) {
                return Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload });
            }
            if flags & ACK == 0 {
                let payload = if kind == PING { payload } else { Vec::new() };
                self.send([Frame::new(kind, ACK, 0, payload)]).await;
            }
        }
    }

    /// The next frame of `kind`.
    pub async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the connection ended without a frame {kind}"));
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Waits until the other side closes.
    pub async fn closed(mut self) {
        while self.next().await.is_some() {}
    }

    /// The same, without acknowledging anything.
    pub async fn closed_without_answers(mut self) {
        let mut buffer = [0; 1024];
        while self.0.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    }
}

/// The path of an RPC that every token may call.
pub const LIST: &str = "/verify.v1.TemplateService/ListTemplates";

/// A whole call of [`LIST`].
pub fn list(stream: u32) -> [Frame; 2] {
    let bearer = format!("Bearer {TOKEN}");
    [Frame::request(stream, LIST, &[("authorization", &bearer)]), Frame::empty_message(stream)]
}
