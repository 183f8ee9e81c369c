//! Upstreams that answer every connection with the same bytes, or not at all.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// A TCP server that reads one request on each connection and always writes the same bytes.
pub struct Origin {
    pub addr: SocketAddr,
    counts: watch::Receiver<Counts>,
    released: CancellationToken,
}

/// What the server has counted.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub requests: usize,
    /// Connections that the client closed before the answer.
    pub given_up: usize,
}

impl Origin {
    /// Answers with `bytes`, and closes.
    pub async fn answering(bytes: &'static [u8]) -> Self {
        let origin = Self::holding(bytes).await;
        origin.release();
        origin
    }

    /// Answers with `bytes` and closes, after [`Origin::release`].
    pub async fn holding(bytes: &'static [u8]) -> Self {
        Self::start(Some(bytes)).await
    }

    /// Sends the answers that are held back.
    pub fn release(&self) {
        self.released.cancel();
    }

    /// Reads and never answers.
    pub async fn silent() -> Self {
        Self::start(None).await
    }

    /// An address with a closed port.
    pub async fn refusing() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    /// The number of requests.
    pub fn requests(&self) -> usize {
        self.counts.borrow().requests
    }

    /// Waits until `seen` is true.
    pub async fn until(&self, seen: impl FnMut(&Counts) -> bool) {
        self.counts.clone().wait_for(seen).await.unwrap();
    }

    async fn start(answer: Option<&'static [u8]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (count, counts) = watch::channel(Counts::default());
        let released = CancellationToken::new();
        let release = released.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, count.clone(), release.clone()));
            }
        });
        Self { addr, counts, released }
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Option<&[u8]>,
    count: watch::Sender<Counts>,
    released: CancellationToken,
) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read) = stream.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        request.extend_from_slice(&buffer[..read]);
        if is_whole(&request) {
            break;
        }
    }
    count.send_modify(|counts| counts.requests += 1);
    if let Some(bytes) = answer {
        released.cancelled().await;
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
    } else {
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        count.send_modify(|counts| counts.given_up += 1);
    }
}

/// Whether `request` has its head and the whole body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
