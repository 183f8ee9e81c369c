//! Keeps one connection to the server: connects on demand, and again after a failure.
//!
//! The reconnecting connection of the client library does not follow the failover of sentinels, and keeps errors other
//! than those of the network for ever, such as a password that was wrong for a moment.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ::redis::{Cmd, ConnectionAddr, ErrorKind, RedisError, RetryMethod, ServerErrorKind, Value, cmd};
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    connection::{RedisConnection, RedisServer},
    marks::{Marks, Reports, ServerReport},
    shared_error::{SharedError, shared},
    watch::ServerWatch,
};
use crate::{
    config::RedisMode,
    store::{Error, Risk, clock::StoreClock},
    sync::Mutex,
};

/// How long calls fail at once after a connection could not be made.
const RECONNECT_BACKOFF: Duration = Duration::from_millis(250);
/// How long the server keeps the digest of a hash key that no gateway uses: longer than any record.
const KEEP_HASH_KEY_DIGEST: Duration = Duration::from_hours(24 * 8);
/// Connecting takes several commands, and more with sentinels. It may take the time of this many.
const CONNECT_TIMEOUTS: u32 = 4;

/// The connection to the server. All calls share it and their commands are pipelined.
pub(super) struct ConnectionManager {
    server: RedisServer,
    timeout: Duration,
    /// Gateways must have the same hash key to share records. The first one stores a digest of its key at
    /// `hash_key_at`, and all compare.
    hash_key_at: String,
    hash_key_digest: String,
    marks: Marks,
    clock: Arc<StoreClock>,
    watch: Mutex<ServerWatch>,
    state: Mutex<ConnectionState>,
    /// Held while connecting. Other calls wait for the same connection.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct ConnectionState {
    connection: Option<RedisConnection>,
    /// The server that the sentinels had named.
    master: Option<ConnectionAddr>,
    /// Counts the connections.
    number: u64,
    /// Until when no connection is tried, and why.
    backoff: Option<(Instant, SharedError)>,
}

/// A command that has no answer.
pub(super) struct CommandError {
    pub(super) kind: CommandErrorKind,
    pub(super) cause: SharedError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandErrorKind {
    /// There is no connection, or the server refused and will refuse again.
    Refused,
    /// The server refused for now.
    TryLater,
    /// The server refused because it is full.
    Full,
    /// The server does not know the script.
    NoScript,
    /// The command may be executed, now or later.
    Lost,
}

impl CommandError {
    /// Whether another try may succeed.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self.kind, CommandErrorKind::Lost | CommandErrorKind::TryLater)
    }
}

impl From<CommandError> for Error {
    fn from(error: CommandError) -> Self {
        match error.kind {
            CommandErrorKind::Full => Self::Full,
            _ => Self::Unreachable(error.cause),
        }
    }
}

/// A server that answers and can't be used.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("{0}: {1}")]
    At(String, SharedError),
    #[error("no answer within {0:?}, the time of a command")]
    Timeout(Duration),
    #[error("the records in it were made with another store.redis.hash_key_file")]
    OtherHashKey,
    #[error("the server is not a master, its role is {0}")]
    NoMaster(String),
    #[error("it is not known that {0} replicas have the write (store.redis.wait_replicas)")]
    NotReplicated(u32),
    #[error("the server refuses writes: {0}")]
    RefusesWrites(String),
}

impl ConnectionManager {
    /// Connects on first use. All keys begin with `prefix`.
    pub(super) fn new(
        server: RedisServer,
        prefix: &str,
        hash_key_digest: String,
        clock: Arc<StoreClock>,
        settle_window: Duration,
    ) -> Self {
        let config = &server.config;
        let marks = Marks::new(prefix, config.mode == RedisMode::Cluster);
        let watch = ServerWatch::new(settle_window, config.max_clock_offset, config.mode == RedisMode::Sentinel);
        let (timeout, hash_key_at, watch) = (config.timeout, format!("{prefix}hash_key"), Mutex::new(watch));
        let (state, connecting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { server, timeout, hash_key_at, hash_key_digest, marks, clock, watch, state, connecting }
    }

    /// Why the store may lose records, or has lost some.
    pub(super) fn risks(&self) -> BTreeSet<Risk> {
        self.watch.lock().risks().clone()
    }

    /// How many bytes the servers may take together. 0 while they have not said it.
    pub(super) fn max_bytes(&self) -> u64 {
        self.watch.lock().max_bytes()
    }

    /// Waits until the server may have changed.
    pub(super) async fn changed(&self) {
        self.server.changed().await;
    }

    /// Whether the client may execute a command twice.
    pub(super) fn may_repeat(&self) -> bool {
        self.server.config.mode == RedisMode::Cluster
    }

    /// Executes `command`. It fails after the time of one command, or at `until`.
    pub(super) async fn send(&self, command: &Cmd, until: Instant) -> Result<Value, CommandError> {
        self.send_to(None, command, until).await
    }

    /// Executes `command` at the server that has the key `at`, if there is one.
    async fn send_to(&self, at: Option<&str>, command: &Cmd, until: Instant) -> Result<Value, CommandError> {
        let connected = timeout_at(until, self.connection()).await.unwrap_or_else(|_| Err(self.timed_out()));
        let refused = |cause| CommandError { kind: CommandErrorKind::Refused, cause };
        let (mut connection, number) = connected.map_err(refused)?;
        let limit = Instant::now() + self.timeout;
        let answered = async {
            match at {
                Some(key) => connection.query_at(key, command).await,
                None => connection.query(command).await,
            }
        };
        let Ok(result) = timeout_at(limit.min(until), answered).await else {
            // A caller with little time left proves nothing about the connection.
            if limit <= until {
                self.discard(number);
            }
            return Err(CommandError { kind: CommandErrorKind::Lost, cause: self.at(self.timed_out()) });
        };
        result.map_err(|error| {
            // A server that is read-only is no longer the master.
            if error.is_unrecoverable_error() || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
                self.discard(number);
            }
            CommandError { kind: self.kind(&error), cause: self.at(shared(error)) }
        })
    }

    /// Waits until the replicas that the settings ask for have the write of `key` that was just answered. The server knows of
    /// it only as long as its connection lives.
    pub(super) async fn replicated(&self, key: &str, until: Instant) -> Result<(), SharedError> {
        let replicas = self.server.config.wait_replicas;
        if replicas == 0 {
            return Ok(());
        }
        let number = self.state.lock().number;
        // The server answers before the client gives up.
        let millis = u64::try_from(self.timeout.as_millis() / 2).unwrap_or(u64::MAX).max(1);
        let mut wait = cmd("WAIT");
        let have = self.send_to(Some(key), wait.arg(replicas).arg(millis), until).await.map_err(|error| error.cause)?;
        let are_enough = matches!(have, Value::Int(have) if have >= i64::from(replicas));
        if are_enough && self.state.lock().number == number {
            Ok(())
        } else {
            Err(shared(ConnectError::NotReplicated(replicas)))
        }
    }

    /// Checks that the server answers, takes writes, and holds records of our hash key. Leaves a server that the sentinels
    /// no longer name.
    pub(super) async fn check(&self) -> Result<(), SharedError> {
        let (master, number) = {
            let state = self.state.lock();
            (state.master.clone(), state.number)
        };
        if self.server.has_left(master.as_ref()).await {
            tracing::warn!("the sentinels choose another master");
            self.discard(number);
        }
        self.inspect().await.map(|_| ())
    }

    /// Since when the servers have kept all records. None if a server does not say it.
    pub(super) async fn records_since(&self) -> Option<Timestamp> {
        let since = |report: Result<ServerReport, _>| Some(report.ok()?.since);
        self.inspect().await.ok()?.into_iter().map(since).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Asks all servers again. A connection that can't be used is discarded.
    async fn inspect(&self) -> Result<Reports, SharedError> {
        let (mut connection, number) = self.connection().await?;
        let reports = timeout(self.timeout, self.handshake(&mut connection)).await;
        let reports = reports.unwrap_or_else(|_| Err(self.timed_out()));
        if reports.is_err() {
            self.discard(number);
        }
        reports.map_err(|cause| self.at(cause))
    }

    /// The connection with its number. Connects if there is none.
    async fn connection(&self) -> Result<(RedisConnection, u64), SharedError> {
        if let Some(known) = self.known() {
            return known;
        }
        let _connecting = self.connecting.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let connect = async {
            let (mut connection, master) = self.server.connect().await?;
            self.clock.forget();
            self.handshake(&mut connection).await?;
            Ok((connection, master))
        };
        let connected = timeout(CONNECT_TIMEOUTS * self.timeout, connect).await;
        let mut state = self.state.lock();
        match connected.unwrap_or_else(|_| Err(self.timed_out())) {
            Ok((connection, master)) => {
                let number = state.number + 1;
                *state = ConnectionState { connection: Some(connection.clone()), master, number, backoff: None };
                Ok((connection, number))
            }
            Err(cause) => {
                let cause = self.at(cause);
                state.backoff = Some((Instant::now() + RECONNECT_BACKOFF, cause.clone()));
                Err(cause)
            }
        }
    }

    /// The present connection, or why none may be tried now.
    fn known(&self) -> Option<Result<(RedisConnection, u64), SharedError>> {
        let state = self.state.lock();
        match (&state.connection, &state.backoff) {
            (Some(connection), _) => Some(Ok((connection.clone(), state.number))),
            (None, Some((until, cause))) if *until > Instant::now() => Some(Err(cause.clone())),
            (None, _) => None,
        }
    }

    /// Discards the connection `number`, unless a newer one has replaced it.
    fn discard(&self, number: u64) {
        let mut state = self.state.lock();
        if state.number == number {
            (state.connection, state.master) = (None, None);
        }
    }

    /// Compares the hash key, renews the marks and measures the clock.
    async fn handshake(&self, connection: &mut RedisConnection) -> Result<Reports, SharedError> {
        self.compare_hash_key(connection).await?;
        let asked = Instant::now();
        let mut reports = self.marks.renew(connection).await?;
        if let Some(Ok(first)) = reports.first() {
            self.clock.measured(first.time, asked);
        }
        reports = reports.into_iter().map(|report| report.and_then(usable)).collect();
        let (good, bad): (Vec<_>, Vec<_>) = reports.iter().partition(|report| report.is_ok());
        let good: Vec<_> = good.into_iter().flatten().collect();
        self.watch.lock().note(&good, self.clock.offset());
        match bad.first() {
            // In a cluster the records of the other servers can be used.
            Some(Err(cause)) if good.is_empty() => Err(cause.clone()),
            _ => Ok(reports),
        }
    }

    /// Compares the digest of the hash key. The first gateway stores it.
    async fn compare_hash_key(&self, connection: &mut RedisConnection) -> Result<(), SharedError> {
        let (key, digest) = (&self.hash_key_at, &self.hash_key_digest);
        let millis = u64::try_from(KEEP_HASH_KEY_DIGEST.as_millis()).unwrap_or(u64::MAX);
        // Twice, because another gateway may store its digest first.
        for _ in 0..2 {
            match connection.query(cmd("GET").arg(key)).await.map_err(shared)? {
                Value::Nil => {
                    let mut set = cmd("SET");
                    set.arg(key).arg(digest).arg("NX").arg("PX").arg(millis);
                    connection.query(&set).await.map_err(shared)?;
                }
                Value::BulkString(stored) if stored == digest.as_bytes() => {
                    connection.query(cmd("PEXPIRE").arg(key).arg(millis)).await.map_err(shared)?;
                    return Ok(());
                }
                _ => return Err(shared(ConnectError::OtherHashKey)),
            }
        }
        Ok(())
    }

    fn kind(&self, error: &RedisError) -> CommandErrorKind {
        // The error of a cluster's last attempt says nothing about the earlier attempts.
        if self.may_repeat() && error.kind() != ErrorKind::Server(ServerErrorKind::NoScript) {
            return CommandErrorKind::Lost;
        }
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => CommandErrorKind::NoScript,
            ErrorKind::Server(_) | ErrorKind::Extension if error.code() == Some("OOM") => CommandErrorKind::Full,
            ErrorKind::Server(_) if !matches!(error.retry_method(), RetryMethod::NoRetry) => CommandErrorKind::TryLater,
            ErrorKind::Extension if error.code() == Some("BUSY") => CommandErrorKind::TryLater,
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed => CommandErrorKind::Refused,
            _ => CommandErrorKind::Lost,
        }
    }

    /// `cause` with the addresses of the settings.
    fn at(&self, cause: SharedError) -> SharedError {
        let addresses: Vec<_> = self.server.config.addresses().collect();
        shared(ConnectError::At(addresses.join(", "), cause))
    }

    fn timed_out(&self) -> SharedError {
        shared(ConnectError::Timeout(self.timeout))
    }
}

/// The report, if its server is a master and takes writes, or would if it were not full.
fn usable(report: ServerReport) -> Result<ServerReport, SharedError> {
    if report.role != "master" {
        return Err(shared(ConnectError::NoMaster(report.role)));
    }
    if !report.refusal.is_empty() && !report.is_full() {
        return Err(shared(ConnectError::RefusesWrites(report.refusal)));
    }
    Ok(report)
}
