//! Redis servers as processes.

use std::{
    env, fs,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};

use redis::{AsyncConnectionConfig, FromRedisValue, aio::MultiplexedConnection};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use verify_gateway::config::{Backend, Config, StoreConfig};

/// The path of the server's executable, from the variable `REDIS_SERVER`. If it is not set, tests that need it are
/// skipped with a message, and fail in CI.
pub fn program() -> Option<String> {
    let program = env::var("REDIS_SERVER").ok();
    if program.is_none() {
        assert!(env::var_os("CI").is_none(), "REDIS_SERVER must be set: tests/redis/install prints it");
        let name = thread::current().name().unwrap_or_default().to_owned();
        let why = "it needs a Redis server, and REDIS_SERVER is not set (tests/redis/run sets it)";
        #[expect(clippy::explicit_write, reason = "what macros print is shown of failed tests only")]
        writeln!(io::stderr(), "{name} is skipped: {why}").unwrap();
    }
    program
}

/// A free port.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server on a Unix socket in a temporary folder. Dropping this kills it.
pub struct Redis {
    program: String,
    arguments: Vec<String>,
    child: Child,
    pub folder: TempDir,
}

impl Redis {
    /// Starts a server. None if there is no executable.
    pub async fn start() -> Option<Self> {
        Self::with(&[]).await
    }

    /// Starts a server with more `arguments`.
    pub async fn with(arguments: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        Some(Self::within(program()?, folder, &[&["--port", "0"], arguments].concat()).await)
    }

    /// Starts a server whose files are in `folder`.
    pub async fn within(program: String, folder: TempDir, arguments: &[&str]) -> Self {
        fs::write(folder.path().join("hash_key"), "a key that all replicas share in a test\n").unwrap();
        let socket = folder.path().join("redis.sock").display().to_string();
        let dir = folder.path().display().to_string();
        let own = ["--unixsocket", &socket, "--dir", &dir, "--save", "", "--loglevel", "notice"];
        let arguments = [&own[..], arguments].concat();
        Self::configured(program, folder, &arguments).await
    }

    /// Starts a server with only these `arguments`.
    pub async fn configured(program: String, folder: TempDir, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let child = spawn(&program, &arguments).await;
        Self { program, arguments, child, folder }
    }

    /// Kills the server, like a crash.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again with its files.
    pub async fn revive(&mut self) {
        self.child = spawn(&self.program, &self.arguments).await;
    }

    /// The URL of its socket.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.path("redis.sock").display())
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Settings of a store at this server.
    pub fn store(&self) -> StoreConfig {
        at(&[&self.url()], &self.path("hash_key"))
    }

    /// A connection of the test.
    pub async fn connect(&self) -> MultiplexedConnection {
        connect(&self.url()).await
    }
}

/// Starts a server and waits until it accepts connections.
async fn spawn(program: &str, arguments: &Vec<String>) -> Child {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = String::new();
    loop {
        let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it does not start:\n{seen}"));
        // The first is a server's log line, the second a sentinel's.
        if line.contains("eady to accept connections") || line.contains("monitor master") {
            break;
        }
        seen += &line;
        seen.push('\n');
    }
    // A full pipe would block the server.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// Settings of a store at `urls`.
pub fn at(urls: &[&str], hash_key: &Path) -> StoreConfig {
    let mut store = Config::default().store;
    store.backend = Backend::Redis;
    store.redis.urls = urls.iter().map(ToString::to_string).collect();
    store.redis.hash_key_file = Some(hash_key.into());
    store
}

/// A connection that waits for each answer, however busy the machine is.
pub async fn connect(url: &str) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    redis::Client::open(url).unwrap().get_multiplexed_async_connection_with_config(&patient).await.unwrap()
}

/// The server's answer to a command. Spaces separate the arguments.
pub async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, words: &str) -> T {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    words.for_each(|word| _ = command.arg(word));
    command.query_async(connection).await.unwrap()
}
