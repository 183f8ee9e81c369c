//! Tenants that change while the gateway runs.

use std::{sync::Arc, time::Duration};

use tokio::{select, sync::Notify, time::sleep};

use crate::{
    authn::Authenticator,
    telemetry::{Metrics, audit},
    tenant::{Directory, Watch},
};

/// What is read again, where reloads are told of.
const WHAT: &str = "tenants";

/// Reads the tenants again when they change.
pub(super) struct Reload {
    pub(super) watch: Watch,
    pub(super) interval: Duration,
    /// Who can't wait for the interval.
    pub(super) at_once: Arc<Notify>,
    pub(super) authenticator: Authenticator,
    pub(super) metrics: Metrics,
}

impl Reload {
    /// Until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            select! {
                () = sleep(self.interval) => {}
                () = self.at_once.notified() => {}
            }
            // Reading files blocks. It fails only where reading panicked, and then so would the next time.
            let Ok((watch, read)) = tokio::task::spawn_blocking(move || {
                let read = self.watch.changed();
                (self.watch, read)
            })
            .await
            else {
                tracing::error!("the tenants are not watched any more");
                return;
            };
            self.watch = watch;
            match read {
                None => {}
                Some(Ok(directory)) => self.take(directory),
                Some(Err(errors)) => {
                    self.metrics.reloaded(WHAT, false);
                    audit::reloaded(WHAT, Some(errors.len()));
                    tracing::error!(%errors, "the tenants have changed and are not right: those before stay in use");
                }
            }
        }
    }

    fn take(&self, directory: Directory) {
        let tenants = directory.entries().len();
        self.authenticator.replace(directory);
        self.metrics.reloaded(WHAT, true);
        audit::reloaded(WHAT, None);
        tracing::info!(tenants, "the tenants have changed");
    }
}
