//! The compare-and-set of one record.

use std::{sync::Arc, time::Duration};

use ::redis::{Cmd, Value, cmd};
use tokio::time::{Instant, sleep_until};
use tower::util::rng::{HasherRng, Rng};
use uuid::Uuid;

use super::{
    RedisBackend,
    last_written::LastWritten,
    manager::{CommandError, CommandErrorKind},
    record::{Stamp, StampedRecord, WriteStatus},
    written::WrittenRecord,
};
use crate::store::{
    Change, Error,
    change::RecordOwner,
    log::{KEEP_LOG, LogAppend},
};

/// Replaces a record if nobody changed it.
pub(super) const SWAP: &str = include_str!("swap.lua");

/// How long the stamps of a removed record are kept: longer than anybody repeats a write.
const KEEP_REMOVED: Duration = Duration::from_mins(1);

impl RedisBackend {
    /// Changes the record of `owner` at the full `key`. `last` is the one that was written last at its stripe. Counts the
    /// `conflicts` with other gateways.
    pub(super) async fn compare_and_set<R>(
        &self,
        key: &str,
        until: Instant,
        owner: RecordOwner<'_>,
        mut change: impl FnMut(Option<&[u8]>) -> Result<(Change<Box<[u8]>>, R), Error>,
        (last, conflicts): (&mut LastWritten, &mut u64),
    ) -> Result<R, Error> {
        let counted = last.counted(key);
        // Most records do not exist yet, or this gateway wrote them last, so the first write assumes that. If it is wrong, the
        // answer holds the record. Where the client repeats commands by itself, such an answer could be to a repetition, so the record is read first.
        let (mut record, mut is_assumed) =
            if self.connection.may_repeat() { (self.read(key, until).await?, false) } else { (last.take(key), true) };
        let mut backoff = Backoff::new(until);
        loop {
            let (changed, answer) = match change(record.body()) {
                // What was remembered proves nothing.
                Err(_) if is_assumed => {
                    (record, is_assumed) = (self.read(key, until).await?, false);
                    continue;
                }
                changed => changed?,
            };
            let (body, keep, append) = match &changed {
                Change::Keep if is_assumed => {
                    (record, is_assumed) = (self.read(key, until).await?, false);
                    continue;
                }
                Change::Keep => return Ok(answer),
                Change::Put(body, keep) => (&**body, *keep, None),
                Change::PutAndAppend(body, keep, append) => (&**body, *keep, Some(append)),
                Change::Remove => (&[][..], KEEP_REMOVED, None),
            };
            let current = match self.swap(key, until, &record, (body, keep, append)).await? {
                SwapResult::Written(written) => {
                    let len = key.len() + written.value_len();
                    self.written.add(owner.tenant, counted, WrittenRecord { len, keep });
                    last.set(key, written, keep);
                    if !owner.gives_way {
                        self.connection.replicated(key, until).await.map_err(Error::Unknown)?;
                    }
                    return Ok(answer);
                }
                SwapResult::Found(current) => current,
            };
            *conflicts += u64::from(!is_assumed);
            // After a second conflict others are likely to write again, so the record is read after a wait.
            record = if *conflicts > 1 {
                if !backoff.pause().await {
                    return Err(Error::Contended);
                }
                self.read(key, until).await?
            } else {
                current
            };
            is_assumed = false;
        }
    }

    async fn read(&self, key: &str, until: Instant) -> Result<StampedRecord, Error> {
        let mut backoff = Backoff::new(until);
        loop {
            match self.connection.send(cmd("GET").arg(key), until).await {
                Ok(value) => return record(value),
                Err(error) if error.may_pass() && backoff.pause().await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Replaces `expected` by the body, and appends, unless another record is there.
    async fn swap(
        &self,
        key: &str,
        until: Instant,
        expected: &StampedRecord,
        (body, keep, append): (&[u8], Duration, Option<&LogAppend>),
    ) -> Result<SwapResult, Error> {
        let stamp = new_stamp();
        let new = expected.replaced(stamp, body);
        let keep = millis(keep).max(1);
        let log = append.map(|append| self.full_key(&append.log));
        let arguments = |command: &mut Cmd| {
            command.arg(1 + usize::from(log.is_some())).arg(key).arg(&log);
            command.arg(expected.newest()).arg(&*new).arg(keep);
            if let Some(LogAppend { bytes, bounds, .. }) = append {
                command.arg(&**bytes).arg(bounds.max_entries).arg(millis(bounds.retention)).arg(millis(KEEP_LOG));
            }
        };
        let (mut backoff, mut lost) = (Backoff::new(until), None);
        loop {
            match self.run_script(until, &arguments).await {
                Ok(Value::Int(_)) => return Ok(SwapResult::Written(StampedRecord::parse(&new).unwrap_or_default())),
                Ok(value) => {
                    let found = record(value)?;
                    return match (found.status_of(stamp, expected), lost) {
                        (WriteStatus::Arrived, _) => Ok(SwapResult::Written(found)),
                        (WriteStatus::Unclear, Some(lost)) => Err(Error::Unknown(lost)),
                        (WriteStatus::Unclear, None) if self.connection.may_repeat() => {
                            Err(Error::Unknown(Arc::new(Overwritten)))
                        }
                        (WriteStatus::Beaten | WriteStatus::Unclear, _) => Ok(SwapResult::Found(found)),
                    };
                }
                Err(error) => {
                    if error.kind == CommandErrorKind::Lost {
                        lost = Some(error.cause.clone());
                    }
                    if !(error.may_pass() && backoff.pause().await) {
                        return Err(lost.map_or_else(|| error.into(), Error::Unknown));
                    }
                }
            }
        }
    }

    /// Runs the script by its hash, or by its text if the server does not know it.
    async fn run_script(&self, until: Instant, arguments: impl Fn(&mut Cmd)) -> Result<Value, CommandError> {
        let mut by_hash = cmd("EVALSHA");
        arguments(by_hash.arg(self.script.get_hash()));
        match self.connection.send(&by_hash, until).await {
            Err(CommandError { kind: CommandErrorKind::NoScript, .. }) => {
                let mut by_text = cmd("EVAL");
                arguments(by_text.arg(SWAP));
                self.connection.send(&by_text, until).await
            }
            result => result,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The result of a write.
enum SwapResult {
    /// It took effect. This is the newest record that is known.
    Written(StampedRecord),
    /// It did not, because this record is there.
    Found(StampedRecord),
}

/// More writes followed than a record remembers.
#[derive(Debug, thiserror::Error)]
#[error("too many later writes to tell whether this one arrived")]
struct Overwritten;

fn record(value: Value) -> Result<StampedRecord, Error> {
    match value {
        Value::Nil => Ok(StampedRecord::default()),
        Value::BulkString(bytes) => StampedRecord::parse(&bytes).ok_or(Error::Foreign),
        _ => Err(Error::Foreign),
    }
}

/// A stamp that no other write has. It is never all zeros, because a UUID has a version.
fn new_stamp() -> Stamp {
    let id = Uuid::new_v4().into_bytes();
    std::array::from_fn(|at| id[at])
}

/// Random waits below a bound that doubles, until a deadline.
struct Backoff {
    bound: Duration,
    until: Instant,
}

impl Backoff {
    const MAX: Duration = Duration::from_millis(64);

    const fn new(until: Instant) -> Self {
        Self { bound: Duration::from_millis(2), until }
    }

    /// Waits. Returns false at once if the wait would pass the deadline.
    async fn pause(&mut self) -> bool {
        let wake = Instant::now() + self.bound.mul_f64(HasherRng::default().next_f64());
        if wake >= self.until {
            return false;
        }
        sleep_until(wake).await;
        self.bound = (self.bound * 2).min(Self::MAX);
        true
    }
}
