//! The permit of a running call.

use std::sync::{Arc, Weak};

use tokio::sync::OwnedSemaphorePermit;

use crate::sync::Mutex;

/// The permit of a running call. It ends with the call, whatever still refers to it.
#[derive(Debug)]
pub struct RunningPermit(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

/// Refers to the permit of a call, which may have ended. The default refers to none.
#[derive(Clone, Debug, Default)]
pub struct RunningPermitRef(Weak<Mutex<Option<OwnedSemaphorePermit>>>);

impl RunningPermit {
    /// The permit of a call that runs from now on.
    #[must_use]
    pub fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// A reference for those who wait in the call.
    #[must_use]
    pub fn refer(&self) -> RunningPermitRef {
        RunningPermitRef(Arc::downgrade(&self.0))
    }
}

impl RunningPermitRef {
    /// Gives the permit back during `wait`, in which the call waits for other calls and does nothing itself. A call that
    /// goes on is not shed: where no permit is free then, its tenant's share alone bounds it.
    pub async fn given_back<T>(&self, wait: impl Future<Output = T>) -> T {
        let permit = self.0.upgrade().and_then(|permit| permit.lock().take());
        let permits = permit.map(|permit| Arc::clone(permit.semaphore()));
        let result = wait.await;
        if let Some((running, permits)) = self.0.upgrade().zip(permits) {
            *running.lock() = permits.try_acquire_owned().ok();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_permit_is_free_during_a_wait_and_after_the_call() {
        let permits = Arc::new(Semaphore::new(1));
        let running = RunningPermit::new(Arc::clone(&permits).try_acquire_owned().unwrap());
        let reference = running.refer();
        assert_eq!(reference.given_back(async { permits.available_permits() }).await, 1);
        assert_eq!(permits.available_permits(), 0);
        let taken_by_another = reference.given_back(async { permits.clone().try_acquire_owned().unwrap() }).await;
        drop(taken_by_another);
        assert_eq!(permits.available_permits(), 1);

        let running = RunningPermit::new(Arc::clone(&permits).try_acquire_owned().unwrap());
        let reference = running.refer();
        reference.given_back(async { drop(running) }).await;
        assert_eq!(permits.available_permits(), 1);
    }
}
