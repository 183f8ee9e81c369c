//! An unreliable connection to a Redis server.

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

/// What happens to one write of a gateway.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Good,
    /// The connection closes before the write reaches the server.
    Unsent,
    /// The write reaches the server, and the connection closes before the answer returns.
    Lost,
    /// The write reaches the server late, even if the gateway has given up.
    Late(Duration),
}

/// A socket that forwards to the socket of a server.
pub struct Relay {
    path: PathBuf,
    _accepting: AbortOnDropHandle<()>,
}

impl Relay {
    /// Creates the socket `name` next to the server's. `fate` decides about each write.
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
                    // The answer proves that a late write has been executed.
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

/// Forwards the gateway's writes to the server.
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

/// Forwards the server's answers, until one is lost.
async fn back(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, loses: Arc<AtomicBool>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        if loses.load(Ordering::SeqCst) || client.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
