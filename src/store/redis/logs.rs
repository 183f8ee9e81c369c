//! Logs at a server: one stream each. `swap.lua` appends to them.

use ::redis::{Cmd, Value, cmd, from_redis_value};
use tokio::time::Instant;

use super::{RedisBackend, manager::CommandError};
use crate::store::{
    Error,
    log::{KEEP_LOG, LogEntry, LogPosition, following, next_position},
};

impl RedisBackend {
    /// The position of the newest entry of `log`. Begins it at `millis` if nobody has.
    pub(in crate::store) async fn log_end(&self, log: &str, millis: i64) -> Result<LogPosition, Error> {
        let key = self.full_key(log);
        let newest = || {
            let mut newest = cmd("XREVRANGE");
            newest.arg(&key).arg("+").arg("-").arg("COUNT").arg(1);
            newest
        };
        if let Some(entry) = self.entries(&newest()).await?.first() {
            return Ok(entry.position);
        }
        // Another gateway may begin it at the same time, which refuses this.
        let (mut begin, mut expire) = (cmd("XADD"), cmd("PEXPIRE"));
        begin.arg(&key).arg(id(next_position(None, millis))).arg("e").arg("");
        expire.arg(&key).arg(u64::try_from(KEEP_LOG.as_millis()).unwrap_or(u64::MAX));
        _ = self.ask(&begin).await;
        self.ask(&expire).await?;
        self.entries(&newest()).await?.first().map(|entry| entry.position).ok_or(Error::LogGap)
    }

    /// What follows `after` in `log`: at most `max` entries.
    pub(in crate::store) async fn read_log(
        &self,
        log: &str,
        after: LogPosition,
        max: usize,
    ) -> Result<Vec<LogEntry>, Error> {
        let key = self.full_key(log);
        let range = |from: &str, count: usize| {
            let mut range = cmd("XRANGE");
            range.arg(&key).arg(from).arg("+").arg("COUNT").arg(count);
            range
        };
        let found = self.entries(&range(&id(after), max + 1)).await?;
        let oldest = if found.first().is_some_and(|first| first.position == after) {
            None
        } else {
            self.entries(&range("-", 1)).await?.first().map(|entry| entry.position)
        };
        following(after, found, oldest)
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, CommandError> {
        self.connection.send(command, Instant::now() + super::MAX_TIMEOUTS * self.timeout).await
    }

    async fn entries(&self, command: &Cmd) -> Result<Vec<LogEntry>, Error> {
        let found: Vec<(String, Vec<Vec<u8>>)> =
            from_redis_value(self.ask(command).await?).map_err(|_| Error::Foreign)?;
        let entry = |(id, mut fields): (String, Vec<Vec<u8>>)| {
            let (millis, number) = id.split_once('-')?;
            let position = LogPosition { millis: millis.parse().ok()?, number: number.parse().ok()? };
            Some(LogEntry { position, bytes: fields.pop()?.into() })
        };
        found.into_iter().map(entry).collect::<Option<_>>().ok_or(Error::Foreign)
    }
}

fn id(position: LogPosition) -> String {
    format!("{}-{}", position.millis, position.number)
}
