//! A Redis server behind a proxy that counts what it is asked.

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::Result;

/// A server that ends when this is dropped.
pub struct Redis {
    server: Child,
    _folder: TempDir,
    addr: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    round_trips: AtomicU64,
    commands: AtomicU64,
}

impl Redis {
    /// Starts the program `server` and the proxy.
    pub async fn start(server: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("redis.sock");
        let mut server = Command::new(server)
            .args(["--port", "0", "--save", "", "--daemonize", "no", "--unixsocket"])
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(server.stdout.take().expect("it was just piped")));
        lines
            .find(|line| line.as_ref().is_ok_and(|line| line.contains("eady to accept connections")))
            .ok_or("no server")??;
        std::thread::spawn(move || lines.for_each(drop));
        let (listener, counts) = (TcpListener::bind("127.0.0.1:0").await?, Arc::<Counts>::default());
        let (addr, counted) = (listener.local_addr()?.to_string(), Arc::clone(&counts));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (socket, counted) = (socket.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    // The end of either side ends the other.
                    if let Ok(server) = UnixStream::connect(socket).await {
                        _ = counted.forward(client, server).await;
                    }
                });
            }
        });
        Ok(Self { server, _folder: folder, addr, counts })
    }

    /// Its URL, through the proxy.
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// The round trips so far, and the commands in them.
    pub fn asked(&self) -> [u64; 2] {
        [&self.counts.round_trips, &self.counts.commands].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Counts {
    /// Copies both ways. What arrives after an answer begins a new round trip.
    async fn forward(&self, client: TcpStream, server: UnixStream) -> std::io::Result<()> {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let (mut is_answered, mut last) = (true, b'\n');
        loop {
            tokio::select! {
                size = from_client.read(&mut asked) => {
                    let asked = &asked[..size?];
                    if asked.is_empty() {
                        return Ok(());
                    }
                    self.round_trips.fetch_add(u64::from(is_answered), Ordering::Relaxed);
                    is_answered = false;
                    for byte in asked {
                        // A command is an array of strings. No string of the gateway begins with an asterisk.
                        self.commands.fetch_add(u64::from(last == b'\n' && *byte == b'*'), Ordering::Relaxed);
                        last = *byte;
                    }
                    to_server.write_all(asked).await?;
                }
                size = from_server.read(&mut answered) => {
                    let answered = &answered[..size?];
                    if answered.is_empty() {
                        return Ok(());
                    }
                    is_answered = true;
                    to_client.write_all(answered).await?;
                }
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
