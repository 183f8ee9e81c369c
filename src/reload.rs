//! Files that take effect without a restart.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{select, sync::Notify, task::spawn_blocking, time::sleep};

use crate::{
    config::Errors,
    files::FileWatch,
    sync::Mutex,
    telemetry::{Metrics, audit, metrics::ReloadStatus},
};

/// Files that are watched while the gateway runs.
pub struct Reload<T> {
    name: &'static str,
    watch: Arc<Mutex<FileWatch<Result<T, Errors>>>>,
    interval: Duration,
    at_once: Arc<Notify>,
    metrics: Metrics,
    status: Arc<ReloadStatus>,
}

impl<T: Send + 'static> Reload<T> {
    /// Looks at the files of `watch` once in an `interval`, and whenever `at_once` is notified. `name` is what logs,
    /// metrics and audit events call the files.
    pub fn new(
        name: &'static str,
        watch: FileWatch<Result<T, Errors>>,
        interval: Duration,
        at_once: Arc<Notify>,
        metrics: Metrics,
    ) -> Self {
        let status = metrics.reload_status(name, "");
        Self { name, watch: Arc::new(Mutex::new(watch)), interval, at_once, metrics, status }
    }

    /// Hands each new value to `apply`, until the future is dropped. An unusable one changes nothing.
    pub async fn run(&self, mut apply: impl FnMut(T)) -> Infallible {
        let Self { name, watch, interval, at_once, metrics, status } = self;
        loop {
            select! {
                () = sleep(*interval) => {}
                () = at_once.notified() => {}
            }
            // Reading files blocks. A panic there costs one look, not the watch.
            let watch = Arc::clone(watch);
            let look = spawn_blocking(move || watch.lock().changed());
            let Ok(Some(loaded)) = look.await else { continue };
            metrics.reloaded(status, loaded.is_ok());
            audit::reloaded(name, loaded.as_ref().err().map(Errors::len));
            match loaded {
                Ok(value) => apply(value),
                Err(errors) => {
                    tracing::error!(%errors, "the {name} can't be reloaded: what was loaded before stays in use");
                }
            }
        }
    }
}
