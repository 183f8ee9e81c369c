//! Locks that ignore poisoning.
//!
//! The standard library poisons a lock when a thread panics while it holds the guard, and every later call would fail.
//! The gateway answers a panicking call with INTERNAL and serves on, so its locks must stay usable. That is sound
//! because no critical section leaves its value half changed: code that may panic runs before the first write.

use std::sync::{self, LockResult, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// A mutex that ignores poisoning.
#[derive(Debug, Default)]
pub struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A mutex around `value`.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        ignore_poison(self.0.lock())
    }
}

/// A reader-writer lock that ignores poisoning.
#[derive(Debug, Default)]
pub struct RwLock<T>(sync::RwLock<T>);

impl<T> RwLock<T> {
    /// Waits for the lock and takes it for reading.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        ignore_poison(self.0.read())
    }

    /// Waits for the lock and takes it for writing.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        ignore_poison(self.0.write())
    }
}

/// Takes the guard out of the result of a lock or a condition variable.
pub fn ignore_poison<G>(result: LockResult<G>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn a_lock_stays_usable_after_a_panic_of_its_holder() {
        let (mutex, lock) = (Arc::new(Mutex::new(1)), Arc::new(RwLock::<u8>::default()));
        let (its_mutex, its_lock) = (mutex.clone(), lock.clone());
        let holder = thread::spawn(move || {
            let (_mutex, _lock) = (its_mutex.lock(), its_lock.write());
            panic!("while both locks are held");
        });
        assert!(holder.join().is_err());
        assert_eq!((*mutex.lock(), *lock.read()), (1, 0));
    }
}
