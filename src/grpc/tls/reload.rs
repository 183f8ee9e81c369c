//! Files that are changed while the gateway runs.
//!
//! They are looked at by content: a path may lead through links that change at once, as Kubernetes' `..data` does.

use std::{convert::Infallible, sync::Arc};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tracing::{error, info, warn};

use super::{
    Material,
    files::{Files, Fingerprint},
};
use crate::{
    clock::Clock,
    config::{self, Errors},
    telemetry::{Metrics, audit},
};

/// What the files are called where reloads are told of.
const WHAT: &str = "certificate";

/// Takes up what the files hold, whenever that changes.
pub(in crate::grpc) struct CertificateReloader {
    config: config::Grpc,
    clock: Clock,
    metrics: Metrics,
    /// Of the files as they were at the start.
    first: Fingerprint,
    current: watch::Sender<Arc<Material>>,
}

impl CertificateReloader {
    /// Begins with what the files hold now; none where there is to be no TLS.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(in crate::grpc) fn begin(
        config: &config::Grpc,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Option<Self>, Errors> {
        let Some(files) = Files::read(&config.tls) else { return Ok(None) };
        let material = Arc::new(Material::of(&files, config)?);
        let reload = Self {
            config: config.clone(),
            clock: clock.clone(),
            metrics,
            first: files.fingerprint(),
            current: watch::Sender::new(material),
        };
        let current = reload.current.subscribe();
        reload.metrics.certificate_left(move || seconds(clock.now(), current.borrow().expires()));
        reload.tell("serving TLS");
        Ok(Some(reload))
    }

    /// Where the newest that could be used is found.
    pub(in crate::grpc) fn current(&self) -> watch::Receiver<Arc<Material>> {
        self.current.subscribe()
    }

    /// Looks at the files again and again. What can't be used changes nothing.
    pub(in crate::grpc) async fn run(&self) -> Infallible {
        let mut seen = self.first;
        let mut looks = interval(self.config.tls.reload_interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let config = self.config.clone();
            let look = move || {
                let files = Files::read(&config.tls)?;
                let now = files.fingerprint();
                (now != seen).then(|| (now, Material::of(&files, &config)))
            };
            // One that panics is lost, and the next may do better.
            let Ok(Some((now, material))) = spawn_blocking(look).await else { continue };
            seen = now;
            self.metrics.reloaded(WHAT, material.is_ok());
            audit::reloaded(WHAT, material.as_ref().err().map(Errors::len));
            match material {
                Ok(material) => {
                    self.current.send_replace(Arc::new(material));
                    self.tell("the certificate was changed");
                }
                Err(errors) => error!(%errors, "the certificate can't be changed: the former one stays in use"),
            }
        }
    }

    fn tell(&self, what: &'static str) {
        let material = self.current.borrow();
        let (names, expires) = (material.names().join(" "), material.expires());
        if expires <= self.clock.now() {
            warn!(names, %expires, "{what}, which has expired: no client will accept it");
        } else {
            info!(names, %expires, "{what}");
        }
    }
}

/// From `now` to `then`, in seconds.
fn seconds(now: Timestamp, then: Timestamp) -> f64 {
    then.duration_since(now).as_secs_f64()
}
