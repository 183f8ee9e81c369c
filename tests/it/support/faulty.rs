//! An upstream that fails for one tenant, and answers all others.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};

use super::gateway::KEY;

/// How the upstream fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The port is closed.
    Refused,
    /// SYN packets are dropped.
    SynDropped,
    /// The connection is reset after the head of a request.
    ResetBeforeBody,
    /// The connection is reset after the whole request.
    ResetAfterBody,
    /// The head of the answer never ends.
    SlowHeaders,
    /// The body of the answer never ends.
    SlowBody,
    /// The body ends in the middle of its JSON.
    HalfJson,
    /// A success with an HTML page.
    Html,
    /// An endless body.
    Oversized,
    /// A small compressed body that is large when decompressed.
    Bomb,
    /// The body is shorter than announced.
    WrongLength,
    /// The request takes effect, and the answer is an error.
    FailureAfterActing,
    /// 429 for every request.
    Throttled,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::Refused,
        Self::SynDropped,
        Self::ResetBeforeBody,
        Self::ResetAfterBody,
        Self::SlowHeaders,
        Self::SlowBody,
        Self::HalfJson,
        Self::Html,
        Self::Oversized,
        Self::Bomb,
        Self::WrongLength,
        Self::FailureAfterActing,
        Self::Throttled,
    ];

    /// Whether requests reach the upstream, so that the fault can affect one tenant.
    pub fn is_of_requests(self) -> bool {
        !matches!(self, Self::Refused | Self::SynDropped)
    }
}

/// The upstream. It fails for the tenant `login`.
pub struct Faulty {
    pub addr: SocketAddr,
    door: Door,
    state: Arc<State>,
}

enum Door {
    Open,
    /// Bound and not listening, so that the port is reserved.
    Shut(TcpSocket),
    /// The queue is full of connections that are not accepted.
    Full {
        listener: TcpListener,
        _waiting: TcpStream,
    },
}

#[derive(Default)]
struct State {
    fault: Mutex<Option<Fault>>,
    /// Key, method and path of each request.
    requests: watch::Sender<Vec<(String, String)>>,
}

impl Faulty {
    /// An upstream that fails with `fault`, or answers if there is none.
    pub async fn start(fault: Option<Fault>) -> Self {
        let state = Arc::new(State { fault: Mutex::new(fault), ..State::default() });
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = socket.local_addr().unwrap();
        let door = match fault {
            Some(Fault::Refused) => Door::Shut(socket),
            Some(Fault::SynDropped) => {
                // The queue has space for one connection. Linux drops SYN packets for a full queue.
                let listener = socket.listen(0).unwrap();
                Door::Full { listener, _waiting: TcpStream::connect(addr).await.unwrap() }
            }
            _ => {
                tokio::spawn(accept(socket.listen(128).unwrap(), Arc::clone(&state)));
                Door::Open
            }
        };
        Self { addr, door, state }
    }

    /// Changes the fault. It must be one that requests reach.
    pub fn fail(&mut self, fault: Option<Fault>) {
        *self.state.fault.lock().unwrap() = fault;
        let listener = match mem::replace(&mut self.door, Door::Open) {
            Door::Open => return,
            Door::Shut(socket) => socket.listen(128).unwrap(),
            Door::Full { listener, .. } => listener,
        };
        tokio::spawn(accept(listener, Arc::clone(&self.state)));
    }

    /// The number of requests with `key` for `what`, a method and a path.
    pub fn count(&self, key: &str, what: &str) -> usize {
        count(&self.state.requests.borrow(), key, what)
    }

    /// Waits for `count` such requests.
    pub async fn until(&self, number: usize, key: &str, what: &str) {
        let mut requests = self.state.requests.subscribe();
        requests.wait_for(|requests| count(requests, key, what) >= number).await.unwrap();
    }
}

fn count(requests: &[(String, String)], key: &str, what: &str) -> usize {
    requests.iter().filter(|(of, request)| of == key && request == what).count()
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        // The gateway may close the connection.
        tokio::spawn(async move { drop(serve(stream, &state).await) });
    }
}

/// Answers the requests of one connection.
async fn serve(mut stream: TcpStream, state: &State) -> io::Result<()> {
    let mut buffer = VecDeque::new();
    while let Some((head, length)) = head(&mut stream, &mut buffer).await? {
        let mut lines = head.lines();
        let request = lines.next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
        let key = lines.find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap_or_default().to_owned();
        let fault = (*state.fault.lock().unwrap()).filter(|_| key == KEY);
        state.requests.send_modify(|requests| requests.push((key, request.clone())));
        if fault == Some(Fault::ResetBeforeBody) {
            return stream.set_zero_linger();
        }
        while buffer.len() < length {
            more(&mut stream, &mut buffer).await?;
        }
        buffer.drain(..length);
        match fault {
            // Reads are compressed without a request for it.
            None if request.starts_with("GET") => stream.write_all(&packed(good(&request).as_bytes())).await?,
            None => stream.write_all(&whole("200 OK", "", good(&request).as_bytes())).await?,
            Some(fault) => return fail(stream, fault).await,
        }
    }
    Ok(())
}

/// Takes the head of the next request out of `buffer`, with the length of its body.
async fn head(stream: &mut TcpStream, buffer: &mut VecDeque<u8>) -> io::Result<Option<(String, usize)>> {
    loop {
        let end = buffer.make_contiguous().windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(buffer.drain(..end + 4).collect()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            return Ok(Some((head.clone(), length.map_or(0, |length| length.parse().unwrap()))));
        }
        if more(stream, buffer).await.is_err() {
            return Ok(None);
        }
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut VecDeque<u8>) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let read = stream.read(&mut bytes).await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    buffer.extend(&bytes[..read]);
    Ok(())
}

/// The regular answer to `request`.
fn good(request: &str) -> &'static str {
    let (method, path) = request.split_once(' ').unwrap();
    match method {
        "POST" if path.ends_with("/verify") => r#"{"data": {"response_code": "accepted"}}"#,
        "POST" => r#"{"data": {"id": "some-id", "status": "pending"}}"#,
        _ => r#"{"data": []}"#,
    }
}

fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body).unwrap();
    whole("200 OK", "content-encoding: gzip\r\n", &packed.finish().unwrap())
}

/// Fails as `fault` says, and closes.
async fn fail(mut stream: TcpStream, fault: Fault) -> io::Result<()> {
    match fault {
        Fault::Refused | Fault::SynDropped | Fault::ResetBeforeBody => unreachable!("it had no request to answer"),
        Fault::ResetAfterBody => return stream.set_zero_linger(),
        Fault::SlowHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").await?;
            return until_closed(stream).await;
        }
        Fault::SlowBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"data\": ").await?;
            return until_closed(stream).await;
        }
        Fault::HalfJson => stream.write_all(&whole("200 OK", "", b"{\"data\": {\"id\": ")).await?,
        Fault::Html => stream.write_all(&whole("200 OK", "", b"<html></html>")).await?,
        Fault::Oversized => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [&b"1000\r\n"[..], &[b' '; 0x1000], b"\r\n"].concat();
            // Until the gateway closes the connection.
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        Fault::Bomb => stream.write_all(&packed(&vec![b' '; 1 << 20])).await?,
        Fault::WrongLength => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"data\": ").await?;
        }
        Fault::FailureAfterActing => {
            stream.write_all(&whole("500 Internal Server Error", "", br#"{"errors": [{"code": "10007"}]}"#)).await?;
        }
        Fault::Throttled => {
            stream.write_all(&whole("429 Too Many Requests", "", br#"{"errors": [{"code": "10011"}]}"#)).await?;
        }
    }
    stream.shutdown().await?;
    until_closed(stream).await
}

async fn until_closed(mut stream: TcpStream) -> io::Result<()> {
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}
