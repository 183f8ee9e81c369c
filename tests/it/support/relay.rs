//! A way to a Redis server that is bad at times.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// What becomes of what a gateway writes at once.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Good,
    /// The connection ends before it reaches the server.
    Unsent,
    /// It reaches the server, and the connection ends before the answer is back.
    Lost,
    /// It reaches the server late, also if nobody waits any more.
    Late(Duration),
}

/// A socket that leads to that of a server.
pub struct Relay {
    path: PathBuf,
    _accepting: AbortOnDropHandle<()>,
}

impl Relay {
    /// Makes the socket `name` beside that of the server. `fate` is asked about all that a gateway writes.
    pub fn start(server: &Path, name: &str, fate: impl Fn(&[u8]) -> Fate + Send + Sync + 'static) -> Self {
        let path = server.with_file_name(name);
        let listener = UnixListener::bind(&path).unwrap();
        let (server, fate) = (server.to_owned(), Arc::new(fate));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, fate) = (server.clone(), fate.clone());
                tokio::spawn(async move {
                    let Ok(server) = UnixStream::connect(server).await else { return };
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    let loses = Arc::new(AtomicBool::new(false));
                    let answers = AbortOnDropHandle::new(tokio::spawn(back(from_server, to_client, loses.clone())));
                    forth(from_client, to_server, &*fate, &loses).await;
                    // What was written late has been carried out when the answer is there.
                    if loses.load(Ordering::SeqCst) {
                        _ = answers.await;
                    }
                });
            }
        });
        Self { path, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.path.display())
    }
}

/// Takes to the server what a gateway writes.
async fn forth(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    fate: &impl Fn(&[u8]) -> Fate,
    loses: &AtomicBool,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer).await {
        let fate = fate(&buffer[..read]);
        match fate {
            Fate::Unsent => return,
            Fate::Late(wait) => sleep(wait).await,
            Fate::Lost => loses.store(true, Ordering::SeqCst),
            Fate::Good => {}
        }
        if server.write_all(&buffer[..read]).await.is_err() || matches!(fate, Fate::Lost) {
            return;
        }
    }
}

/// Takes the server's answers back, until one is to be lost.
async fn back(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, loses: Arc<AtomicBool>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        if loses.load(Ordering::SeqCst) || client.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
