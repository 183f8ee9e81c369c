//! Records at a Redis or Valkey server that several gateways share.
//!
//! A record changes by compare-and-set: what stands there is read, changed here, and put in its place by one script on
//! the server, if nobody has changed it since. A write whose answer is lost is made again as it was; the stamps in the
//! record (`record.rs`) tell whether it had arrived, so it happens once or not at all.

mod connection;
mod files;
mod record;
mod server;

use std::{
    error::Error as StdError,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use ::redis::{Cmd, Script, Value, cmd};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tower::util::rng::{HasherRng, Rng};
use uuid::Uuid;

use self::{
    connection::{Connection, Failure, Kind},
    record::{Record, Stamp, Verdict},
};
pub(super) use self::{files::secret, server::Server};
use super::{Change, Connectivity, Error, UpdateStats};
use crate::config;

/// Puts a record in the place of another one.
const SWAP: &str = include_str!("redis/swap.lua");

/// Of what is written, and how. Another one lives beside it and shares nothing.
const SCHEMA: &str = "1";
/// How long a removed record remembers its writes: longer than anybody waits for the answer of one.
const REMOVED: Duration = Duration::from_mins(1);
/// How many commands may wait for their time limit before an update is given up.
const PATIENCE: u32 = 4;
/// The waits between two tries are random and below these; they double.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(64);
/// How often the server is asked whether it is there.
const WATCH: Duration = Duration::from_secs(1);
/// The updates of one gateway go one after the other, if their keys share one of these.
const LANES: usize = 256;

/// Records at a server.
pub(super) struct Redis {
    connection: Connection,
    script: Script,
    /// What all keys begin with.
    prefix: String,
    timeout: Duration,
    /// Updates of one key do not race within a gateway: of those that race, all but one are made in vain.
    lanes: Vec<Mutex<()>>,
    hasher: RandomState,
    seen: Box<dyn Fn(UpdateStats) + Send + Sync>,
}

impl Redis {
    /// Records at `server`, for those who show it this `mark`.
    pub(super) fn new(
        config: &config::Redis,
        server: Server,
        mark: String,
        seen: Box<dyn Fn(UpdateStats) + Send + Sync>,
    ) -> Self {
        let prefix = format!("{}:{SCHEMA}:", config.key_prefix);
        Self {
            connection: Connection::new(server, config.timeout, format!("{prefix}hash_key"), mark),
            script: Script::new(SWAP),
            prefix,
            timeout: config.timeout,
            lanes: (0..LANES).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
            seen,
        }
    }

    /// Changes the record at `key`.
    pub(super) async fn update<R>(
        &self,
        key: &str,
        deadline: Instant,
        change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
    ) -> Result<R, Error> {
        let (begun, mut conflicts) = (Instant::now(), 0);
        let until = deadline.min(begun + PATIENCE * self.timeout);
        let end = self.change(&format!("{}{key}", self.prefix), until, change, &mut conflicts).await;
        let outcome = end.as_ref().map_or_else(Error::name, |_| "ok");
        (self.seen)(UpdateStats { outcome, took: begun.elapsed(), conflicts });
        end
    }

    async fn change<R>(
        &self,
        key: &str,
        until: Instant,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
        conflicts: &mut u64,
    ) -> Result<R, Error> {
        let _lane = timeout_at(until, self.lane(key)).await.map_err(|_| Error::Contended)?;
        // That there is none is a guess, which is right for most records. Where it is wrong, the answer has the record. It
        // does not tell whether the write was beaten or repeated, where somebody may repeat it.
        let (mut record, mut is_guess) =
            if self.connection.repeats() { (self.read(key, until).await?, false) } else { (Record::default(), true) };
        let mut wait = FIRST_WAIT;
        loop {
            let (changed, answer) = change(record.body())?;
            let (body, keep) = match &changed {
                Change::Keep if is_guess => {
                    (record, is_guess) = (self.read(key, until).await?, false);
                    continue;
                }
                Change::Keep => return Ok(answer),
                Change::Put(body, keep) => (&**body, *keep),
                Change::Remove => (&[][..], REMOVED),
            };
            let Some(other) = self.swap(key, until, &record, (body, keep)).await? else { return Ok(answer) };
            *conflicts += u64::from(!is_guess);
            // Somebody was faster again: what was found now is old after the wait.
            record = if *conflicts > 1 {
                wait = pause(wait, until).await.ok_or(Error::Contended)?;
                self.read(key, until).await?
            } else {
                other
            };
            is_guess = false;
        }
    }

    async fn read(&self, key: &str, until: Instant) -> Result<Record, Error> {
        let mut wait = FIRST_WAIT;
        loop {
            match self.connection.send(cmd("GET").arg(key), until).await {
                Ok(value) => return record(value),
                Err(failure) => match self.again(&failure, wait, until).await {
                    Some(next) => wait = next,
                    None => return Err(refused(failure)),
                },
            }
        }
    }

    /// Puts `body` in the place of `expected`, or gives the record that stands there instead.
    async fn swap(
        &self,
        key: &str,
        until: Instant,
        expected: &Record,
        (body, keep): (&[u8], Duration),
    ) -> Result<Option<Record>, Error> {
        let stamp = stamp();
        let new = expected.replaced(stamp, body);
        let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX).max(1);
        let (mut wait, mut lost) = (FIRST_WAIT, None);
        loop {
            match self.run(until, |command| command.arg(key).arg(expected.newest()).arg(&*new).arg(keep)).await {
                Ok(Value::Int(_)) => return Ok(None),
                Ok(value) => {
                    let found = record(value)?;
                    return match (found.verdict(stamp, expected), lost) {
                        (Verdict::Arrived, _) => Ok(None),
                        (Verdict::Unclear, Some(lost)) => Err(Error::Unknown(lost)),
                        (Verdict::Unclear, None) if self.connection.repeats() => {
                            Err(Error::Unknown(Arc::new(Overwritten)))
                        }
                        (Verdict::Beaten | Verdict::Unclear, _) => Ok(Some(found)),
                    };
                }
                Err(failure) => {
                    if failure.kind == Kind::Lost {
                        lost = Some(failure.cause.clone());
                    }
                    match (self.again(&failure, wait, until).await, lost.clone()) {
                        (Some(next), _) => wait = next,
                        (None, Some(lost)) => return Err(Error::Unknown(lost)),
                        (None, None) => return Err(refused(failure)),
                    }
                }
            }
        }
    }

    /// Runs the script, by its name where the server knows it.
    async fn run(&self, until: Instant, arguments: impl Fn(&mut Cmd) -> &mut Cmd) -> Result<Value, Failure> {
        let by_name = arguments(cmd("EVALSHA").arg(self.script.get_hash()).arg(1)).to_owned();
        match self.connection.send(&by_name, until).await {
            Err(Failure { kind: Kind::NoScript, .. }) => {
                let by_text = arguments(cmd("EVAL").arg(SWAP).arg(1)).to_owned();
                self.connection.send(&by_text, until).await
            }
            end => end,
        }
    }

    /// Waits before another try, and tells the next wait; nothing where another one is of no use.
    async fn again(&self, failure: &Failure, wait: Duration, until: Instant) -> Option<Duration> {
        match failure.kind {
            Kind::Lost | Kind::NotNow => pause(wait, until).await,
            Kind::Unsent | Kind::Refused | Kind::Full | Kind::NoScript => None,
        }
    }

    /// The place to wait in until nobody of this gateway is at `key`.
    async fn lane(&self, key: &str) -> MutexGuard<'_, ()> {
        let lane = self.hasher.hash_one(key) % LANES as u64;
        self.lanes[usize::try_from(lane).unwrap_or_default()].lock().await
    }

    /// Whether the server is there, as soon as that is another answer than `last`.
    pub(super) async fn connectivity(&self, last: Option<Connectivity>) -> Connectivity {
        loop {
            if last.is_some() {
                sleep(WATCH).await;
            }
            match self.connection.check().await {
                Ok(()) if last == Some(Connectivity::Up) => {}
                Ok(()) => {
                    self.welcome().await;
                    return Connectivity::Up;
                }
                Err(_) if last == Some(Connectivity::Down) => {}
                Err(cause) => {
                    tracing::error!(cause = &*cause as &dyn StdError, "the store can't be used");
                    return Connectivity::Down;
                }
            }
        }
    }

    async fn welcome(&self) {
        tracing::info!("the store is there");
        if let Some(policy) = self.connection.eviction().await.filter(|policy| policy != "noeviction") {
            tracing::warn!(
                policy,
                "the store drops records when it is full, and with them their protection: its maxmemory-policy must be noeviction"
            );
        }
    }
}

/// Too much was written to one record at once.
#[derive(Debug, thiserror::Error)]
#[error("others have written too much since")]
struct Overwritten;

fn record(value: Value) -> Result<Record, Error> {
    match value {
        Value::Nil => Ok(Record::default()),
        Value::BulkString(bytes) => Record::read(&bytes).ok_or(Error::Foreign),
        _ => Err(Error::Foreign),
    }
}

fn refused(failure: Failure) -> Error {
    match failure.kind {
        Kind::Full => Error::Full,
        _ => Error::Unreachable(failure.cause),
    }
}

/// A stamp that no other write has. It is never all zeros: an id of this version has bits that are set.
fn stamp() -> Stamp {
    let id = Uuid::new_v4().into_bytes();
    std::array::from_fn(|at| id[at])
}

/// Waits a random while below `wait`, and tells the next one; nothing where there is no time left for it.
async fn pause(wait: Duration, until: Instant) -> Option<Duration> {
    let wake = Instant::now() + wait.mul_f64(HasherRng::default().next_f64());
    if wake >= until {
        return None;
    }
    sleep_until(wake).await;
    Some((wait * 2).min(LONGEST_WAIT))
}
