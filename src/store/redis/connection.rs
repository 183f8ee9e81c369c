//! The connection to the server: made when it is needed, and made anew when it is of no use any more.
//!
//! The client library has a connection that mends itself, too. It can't follow a sentinel's failover, and keeps for ever
//! what failed for another reason than the network, such as a password that was being changed.

use std::{
    error::Error,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use ::redis::{Cmd, ErrorKind, RedisError, RetryMethod, ServerErrorKind, Value, cmd};
use tokio::{
    sync as tokio_sync,
    time::{Instant, timeout, timeout_at},
};

use super::server::{Link, Server};
use crate::sync::Mutex;

/// How long nobody tries to connect after somebody failed to: calls fail at once meanwhile.
const REST: Duration = Duration::from_millis(250);
/// How long the server keeps the mark of a hash key that nobody shows any more: longer than any record.
const MARK: Duration = Duration::from_hours(24 * 8);
/// How many commands' time connecting may take: it is several of them, and with sentinels some on top.
const CONNECTING: u32 = 4;

/// What lies behind a failure.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// The connection to the server. All calls share it: their commands go one behind the other and wait for nobody.
pub(super) struct Connection {
    server: Server,
    timeout: Duration,
    mark_key: String,
    mark: String,
    slot: Mutex<Slot>,
    /// Held by whoever connects: who else needs the connection waits for the same one.
    connecting: tokio_sync::Mutex<()>,
}

#[derive(Default)]
struct Slot {
    link: Option<Link>,
    /// Which one it is.
    number: u64,
    /// Until when nobody tries to connect, and why.
    down: Option<(Instant, Cause)>,
}

/// Why a command has no answer.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) cause: Cause,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is no connection, so nothing was sent.
    Unsent,
    /// The server refused to carry it out, as it will again.
    Refused,
    /// The server refused to carry it out, for now.
    NotNow,
    /// The server refused because it is full.
    Full,
    /// The server does not know the script.
    NoScript,
    /// It may have been carried out, now or later.
    Lost,
}

/// Why a server that answers is of no use.
#[derive(Debug, thiserror::Error)]
enum Useless {
    #[error("no answer in time, which is {0:?} for a command")]
    Late(Duration),
    #[error("its records were made with another store.redis.hash_key_file")]
    OtherKey,
}

impl Connection {
    /// A connection to `server` that is not made yet. Whoever shows the server another mark than others did is refused.
    pub(super) fn new(server: Server, timeout: Duration, mark_key: String, mark: String) -> Self {
        Self { server, timeout, mark_key, mark, slot: Mutex::default(), connecting: tokio_sync::Mutex::default() }
    }

    /// Whether a command that was given once may be carried out twice.
    pub(super) fn repeats(&self) -> bool {
        self.server.is_cluster()
    }

    /// Has the server carry out `command`. The answer has the time of one command, and no longer than `until`.
    pub(super) async fn send(&self, command: &Cmd, until: Instant) -> Result<Value, Failure> {
        let late = |kind| Failure { kind, cause: self.late() };
        let linked = timeout_at(until, self.link()).await.unwrap_or_else(|_| Err(self.late()));
        let (mut link, number) = linked.map_err(|cause| Failure { kind: Kind::Unsent, cause })?;
        let limit = Instant::now() + self.timeout;
        let Ok(end) = timeout_at(limit.min(until), link.query(command)).await else {
            // Its caller may have had less time than it may take.
            if limit <= until {
                self.part(number);
            }
            return Err(late(Kind::Lost));
        };
        match end {
            Ok(value) => Ok(value),
            Err(error) => {
                if is_of_no_use(&error) {
                    self.part(number);
                }
                Err(Failure { kind: self.kind(&error), cause: Arc::new(error) })
            }
        }
    }

    /// Asks the server whether it is there, takes writes, and holds what was made with our hash key.
    pub(super) async fn check(&self) -> Result<(), Cause> {
        let (mut link, number) = self.link().await?;
        let end = timeout(self.timeout, self.greet(&mut link)).await.unwrap_or_else(|_| Err(self.late()));
        if end.is_err() {
            self.part(number);
        }
        end
    }

    /// What the server does when it is full, and whether it has a limit. Nothing where it does not tell.
    pub(super) async fn eviction(&self) -> Option<String> {
        let (mut link, _) = self.link().await.ok()?;
        let Ok(Ok(info)) = timeout(self.timeout, link.memory()).await else { return None };
        let of = |key| info.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let policy = of("maxmemory_policy:")?;
        (of("maxmemory:") != Some("0")).then(|| policy.to_owned())
    }

    /// The link, with its number. It is made if there is none.
    async fn link(&self) -> Result<(Link, u64), Cause> {
        if let Some(known) = self.known() {
            return known;
        }
        let _connecting = self.connecting.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let connecting = async {
            let mut link = self.server.connect().await?;
            self.greet(&mut link).await?;
            Ok(link)
        };
        let end = timeout(CONNECTING * self.timeout, connecting).await.unwrap_or_else(|_| Err(self.late()));
        let mut slot = self.slot();
        match end {
            Ok(link) => {
                *slot = Slot { link: Some(link.clone()), number: slot.number + 1, down: None };
                Ok((link, slot.number))
            }
            Err(cause) => {
                slot.down = Some((Instant::now() + REST, cause.clone()));
                Err(cause)
            }
        }
    }

    /// The link that is there, or why nobody should try to make one now.
    fn known(&self) -> Option<Result<(Link, u64), Cause>> {
        let slot = self.slot();
        match (&slot.link, &slot.down) {
            (Some(link), _) => Some(Ok((link.clone(), slot.number))),
            (None, Some((until, cause))) if *until > Instant::now() => Some(Err(cause.clone())),
            (None, _) => None,
        }
    }

    /// Gives up the link `number`, unless there is a newer one.
    fn part(&self, number: u64) {
        let mut slot = self.slot();
        if slot.number == number {
            slot.link = None;
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock()
    }

    /// Shows the server the mark of our hash key: the first one leaves it there, and everybody else must have the same.
    async fn greet(&self, link: &mut Link) -> Result<(), Cause> {
        let millis = u64::try_from(MARK.as_millis()).unwrap_or(u64::MAX);
        // Twice, as somebody else may be the first one after all.
        for _ in 0..2 {
            match link.query(cmd("GET").arg(&self.mark_key)).await.map_err(cause)? {
                Value::Nil => {
                    let mut set = cmd("SET");
                    set.arg(&self.mark_key).arg(&self.mark).arg("NX").arg("PX").arg(millis);
                    link.query(&set).await.map_err(cause)?;
                }
                Value::BulkString(mark) if mark == self.mark.as_bytes() => {
                    link.query(cmd("PEXPIRE").arg(&self.mark_key).arg(millis)).await.map_err(cause)?;
                    return Ok(());
                }
                _ => return Err(Arc::new(Useless::OtherKey)),
            }
        }
        Ok(())
    }

    fn kind(&self, error: &RedisError) -> Kind {
        // What a cluster's client says of its last try says nothing of those before.
        if self.repeats() && error.kind() != ErrorKind::Server(ServerErrorKind::NoScript) {
            return Kind::Lost;
        }
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Kind::NoScript,
            ErrorKind::Server(_) | ErrorKind::Extension if error.code() == Some("OOM") => Kind::Full,
            ErrorKind::Server(_) if !matches!(error.retry_method(), RetryMethod::NoRetry) => Kind::NotNow,
            ErrorKind::Extension if error.code() == Some("BUSY") => Kind::NotNow,
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed => Kind::Refused,
            _ => Kind::Lost,
        }
    }

    fn late(&self) -> Cause {
        Arc::new(Useless::Late(self.timeout))
    }
}

/// Whether the connection that gave `error` gives nothing else any more. A server that only reads is the master no more.
fn is_of_no_use(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

pub(super) fn cause(error: impl Error + Send + Sync + 'static) -> Cause {
    Arc::new(error)
}
