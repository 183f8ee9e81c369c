//! Records that outlive a call: what was sent, what is in doubt, who is at it.
//!
//! Records are small, expire by themselves, and change one at a time, whole. What is above does not know where they are
//! kept.

mod memory;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use serde::{Serialize, de::DeserializeOwned};

use self::memory::Memory;
use crate::{clock::Clock, config};

/// The records. Clones are the same ones.
#[derive(Clone)]
pub struct Store {
    place: Place,
    /// What digests are made with, so that nobody who sees a record finds a phone number by trying all of them.
    secret: Arc<hmac::Key>,
}

#[derive(Clone)]
enum Place {
    Memory(Arc<Memory>),
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

/// The records can't be read or written, so nothing may be begun that depends on them.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// There are as many as the settings allow.
    #[error("the store is full")]
    Full,
    /// A record is not what this version writes.
    #[error("a record can't be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Store {
    /// Keeps records in this process's memory.
    ///
    /// # Panics
    /// If the system has no random bytes.
    #[must_use]
    pub fn memory(config: &config::Store, clock: Clock) -> Self {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).expect("the system gives random bytes");
        let secret = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &secret));
        Self { place: Place::Memory(Arc::new(Memory::new(config.max_records, clock))), secret }
    }

    /// Looks at the record at `key` and changes it, with nobody else coming in between. `change` may be asked again
    /// where somebody came first.
    ///
    /// # Errors
    /// See [`Unavailable`]. Nothing has changed then.
    ///
    /// # Panics
    /// If a record has a map whose keys are no text.
    #[expect(clippy::unused_async, reason = "records of memory are at hand, those of a server are not")]
    pub async fn update<T, R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, Unavailable>
    where
        T: Serialize + DeserializeOwned,
    {
        let change = |record: Option<&[u8]>| {
            let record = record.map(serde_json::from_slice).transpose().map_err(Unavailable::Unreadable)?;
            let (change, answer) = change(record);
            let change = match change {
                Change::Keep => Change::Keep,
                Change::Remove => Change::Remove,
                Change::Put(record, keep) => {
                    let bytes = serde_json::to_vec(&record).expect("records are plain data with string keys");
                    Change::Put(bytes.into_boxed_slice(), keep)
                }
            };
            Ok((change, answer))
        };
        match &self.place {
            Place::Memory(memory) => memory.update(key, change),
        }
    }

    /// A name for `parts` that does not give them away, and that no other parts have.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.secret);
        for part in parts {
            // The length first: "a", "bc" and "ab", "c" differ.
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        // 128 bits: two of a lifetime's records do not meet.
        base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, &context.sign().as_ref()[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(max_records: usize, clock: &Clock) -> Store {
        Store::memory(&config::Store { max_records }, clock.clone())
    }

    async fn put(store: &Store, key: &str, value: u32, keep: Duration) -> Result<(), Unavailable> {
        store.update(key, |_| (Change::Put(value, keep), ())).await
    }

    async fn get(store: &Store, key: &str) -> Option<u32> {
        store.update(key, |record| (Change::Keep, record)).await.unwrap()
    }

    #[tokio::test]
    async fn a_record_stays_until_its_time_is_over() {
        let clock = Clock::default();
        let store = store(10, &clock);
        put(&store, "a", 1, Duration::from_mins(1)).await.unwrap();
        assert_eq!((get(&store, "a").await, get(&store, "b").await), (Some(1), None));
        clock.advance(Duration::from_secs(61));
        assert_eq!(get(&store, "a").await, None);
    }

    #[tokio::test]
    async fn a_changed_record_has_its_new_time() {
        let clock = Clock::default();
        let store = store(10, &clock);
        put(&store, "a", 1, Duration::from_secs(10)).await.unwrap();
        put(&store, "a", 2, Duration::from_secs(100)).await.unwrap();
        clock.advance(Duration::from_secs(50));
        assert_eq!(get(&store, "a").await, Some(2));
        store.update("a", |_: Option<u32>| (Change::Remove, ())).await.unwrap();
        assert_eq!(get(&store, "a").await, None);
    }

    #[tokio::test]
    async fn a_full_store_takes_no_new_record_and_loses_none() {
        let clock = Clock::default();
        let store = store(2, &clock);
        put(&store, "a", 1, Duration::from_secs(10)).await.unwrap();
        put(&store, "b", 2, Duration::from_secs(100)).await.unwrap();
        assert!(matches!(put(&store, "c", 3, Duration::from_secs(100)).await, Err(Unavailable::Full)));
        put(&store, "b", 4, Duration::from_secs(100)).await.unwrap();
        assert_eq!((get(&store, "a").await, get(&store, "b").await), (Some(1), Some(4)));
        clock.advance(Duration::from_secs(11));
        put(&store, "c", 3, Duration::from_secs(100)).await.unwrap();
        assert_eq!((get(&store, "a").await, get(&store, "c").await), (None, Some(3)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_comes_in_between() {
        let store = store(10, &Clock::default());
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    for _ in 0..500 {
                        let add = |n: Option<u32>| (Change::Put(n.unwrap_or(0) + 1, Duration::from_mins(1)), ());
                        store.update("n", add).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(get(&store, "n").await, Some(4000));
    }

    #[test]
    fn digests_tell_parts_apart_and_differ_from_store_to_store() {
        let clock = Clock::default();
        let (one, other) = (store(1, &clock), store(1, &clock));
        assert_eq!(one.digest(&[b"a", b"bc"]), one.clone().digest(&[b"a", b"bc"]));
        assert_ne!(one.digest(&[b"a", b"bc"]), one.digest(&[b"ab", b"c"]));
        assert_ne!(one.digest(&[b"a"]), other.digest(&[b"a"]));
    }
}
