//! Records that outlive a call: what was sent, what is in doubt, who is at it.
//!
//! Records are small, expire by themselves, and change one at a time, whole. What is above does not know where they are
//! kept.

mod memory;
mod redis;

use std::{future, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use self::{memory::Memory, redis::Redis};
use crate::{
    clock::Clock,
    config::{self, Errors},
    domain,
    pb::ErrorReason,
};

/// The largest record, in bytes: several times what the fullest one has.
const MAX_RECORD: usize = 64 << 10;
/// No update takes longer, whatever the settings say.
const LONGEST: Duration = Duration::from_mins(1);
/// The pushback of a refusal. The connection is checked that often.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The records. Clones are the same ones.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    /// What digests are made with, so that nobody who sees a record finds a phone number by trying all of them.
    secret: Arc<hmac::Key>,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<Memory>),
    Redis(Arc<Redis>),
}

/// What becomes of a record.
pub enum Change<T> {
    /// It stays as it is.
    Keep,
    /// This takes its place, for so long.
    Put(T, Duration),
    /// It goes.
    Remove,
}

/// A record can't be read or written, so nothing may be begun that depends on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are as many as the store has room for.
    #[error("the store is full")]
    Full,
    /// A record is not what this version writes.
    #[error("a record can't be read")]
    Unreadable(#[source] serde_json::Error),
    /// A record was written by something else.
    #[error("a record is none of the gateway's")]
    Foreign,
    /// A record is larger than any that is meant to be.
    #[error("a record is too large")]
    TooLarge,
    /// The server can't be reached, or refuses.
    #[error("the store can't be reached")]
    Unreachable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Others changed the record all the time.
    #[error("too many change the record at once")]
    Contended,
    /// The answer was lost, and reading back does not tell: the record may have been changed, once.
    #[error("whether the record was changed is not known")]
    Unknown(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// What it is, in a word.
    const fn name(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Unreadable(_) | Self::Foreign => "unreadable",
            Self::TooLarge => "too_large",
            Self::Unreachable(_) => "unreachable",
            Self::Contended => "contended",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// How an update at a server ended, for those who count.
#[derive(Clone, Copy, Debug)]
pub struct UpdateStats {
    /// `ok`, or what [`Error`] says.
    pub outcome: &'static str,
    /// How long it took.
    pub took: Duration,
    /// How often somebody else was faster.
    pub conflicts: u64,
}

/// Whether a server that keeps the records is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// It answers, and takes writes.
    Up,
    /// It does not.
    Down,
}

impl Store {
    /// Keeps records where `config` says, and tells `seen` of updates at a server. It does not connect yet.
    ///
    /// # Errors
    /// What is wrong with the files that the settings name.
    pub fn new(
        config: &config::Store,
        clock: Clock,
        seen: impl Fn(UpdateStats) + Send + Sync + 'static,
    ) -> Result<Self, Errors> {
        if config.backend == config::Backend::Memory {
            return Ok(Self::memory(config, clock));
        }
        let mut errors = Errors::default();
        let secret = redis::secret(&config.redis.hash_key_file, &mut errors);
        let server = redis::Server::new(&config.redis, &mut errors);
        let (Some(secret), Some(server)) = (secret, server) else { return Err(errors) };
        // Whoever has another key must not share the records: it would not find what others have noted.
        let mark = digest(&secret, &[b"hash key"]);
        let redis = Redis::new(&config.redis, server, mark, Box::new(seen));
        errors.into_result(Self { backend: Backend::Redis(Arc::new(redis)), secret: Arc::new(secret) })
    }

    /// Keeps records in this process's memory.
    ///
    /// # Panics
    /// If the system has no random bytes.
    #[must_use]
    pub fn memory(config: &config::Store, clock: Clock) -> Self {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).expect("the system gives random bytes");
        let secret = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &secret));
        Self { backend: Backend::Memory(Arc::new(Memory::new(config.max_records, clock))), secret }
    }

    /// Looks at the record at `key` and changes it, with nobody else coming in between. `change` may be asked again
    /// where somebody came first, and what it last said counts.
    ///
    /// # Errors
    /// See [`Error`]. Nothing has changed then, unless it is [`Error::Unknown`].
    ///
    /// # Panics
    /// If a record has a map whose keys are no text.
    pub async fn update<T, R>(&self, key: &str, change: impl FnMut(Option<T>) -> (Change<T>, R)) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        self.update_by(key, Instant::now() + LONGEST, change).await
    }

    /// Does what [`Store::update`] does, and tries no longer than until `deadline`. A store that is not there is not
    /// waited for in any case.
    ///
    /// # Errors
    /// As [`Store::update`].
    ///
    /// # Panics
    /// As [`Store::update`].
    pub async fn update_by<T, R>(
        &self,
        key: &str,
        deadline: Instant,
        mut change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let change = |record: Option<&[u8]>| {
            let record = record.map(serde_json::from_slice).transpose().map_err(Error::Unreadable)?;
            let (change, answer) = change(record);
            let change = match change {
                Change::Keep => Change::Keep,
                Change::Remove => Change::Remove,
                Change::Put(record, keep) => {
                    let bytes = serde_json::to_vec(&record).expect("records are plain data with string keys");
                    if bytes.len() > MAX_RECORD {
                        return Err(Error::TooLarge);
                    }
                    Change::Put(bytes.into_boxed_slice(), keep)
                }
            };
            Ok((change, answer))
        };
        match &self.backend {
            Backend::Memory(memory) => memory.update(key, change),
            // Boxed, so that nobody carries it along who does not need it.
            Backend::Redis(redis) => Box::pin(redis.update(key, deadline, change)).await,
        }
    }

    /// Whether the server that keeps the records is there, as soon as that is another answer than `last`: it is asked
    /// each second. Memory is always there.
    pub async fn connectivity(&self, last: Option<Connectivity>) -> Connectivity {
        match &self.backend {
            Backend::Memory(_) if last == Some(Connectivity::Up) => future::pending().await,
            Backend::Memory(_) => Connectivity::Up,
            Backend::Redis(redis) => Box::pin(redis.connectivity(last)).await,
        }
    }

    /// Whether the records are kept by a server, which may be away.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        matches!(self.backend, Backend::Redis(_))
    }

    /// A name for `parts` that does not give them away, and that no other parts have.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> String {
        digest(&self.secret, parts)
    }
}

fn digest(secret: &hmac::Key, parts: &[&[u8]]) -> String {
    let mut context = hmac::Context::with_key(secret);
    for part in parts {
        // The length first: "a", "bc" and "ab", "c" differ.
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    // 128 bits: two of a lifetime's records do not meet.
    base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, &context.sign().as_ref()[..16])
}

impl From<Error> for domain::Error {
    /// The refusal of a call that can't be begun without the record.
    fn from(error: Error) -> Self {
        Self::new(ErrorReason::StoreUnavailable, "the gateway can't record the operation")
            .retry_after(RETRY_AFTER)
            .source(error)
    }
}

#[cfg(test)]
mod tests;
