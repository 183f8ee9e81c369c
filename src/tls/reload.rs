//! The certificate in use, and its reload.

use std::{convert::Infallible, sync::Arc};

use tokio::sync::watch;
use tracing::{info, warn};

use super::{Material, TlsPort};
use crate::{
    clock::Clock,
    config::{Errors, TlsConfig},
    files::FileWatch,
    reload::Reload,
    telemetry::Metrics,
};

/// The certificate in use, which follows its files.
pub struct CertificateReloader {
    name: &'static str,
    clock: Clock,
    current: watch::Sender<Arc<Material>>,
    reload: Reload<Option<Material>>,
}

impl CertificateReloader {
    /// Loads the certificate. `None` without TLS.
    ///
    /// # Errors
    /// Everything that is wrong with its files.
    pub fn load(port: TlsPort, clock: Clock, metrics: Metrics) -> Result<Option<Self>, Errors> {
        let TlsPort { name, files: what, config: TlsConfig { reload_interval, .. }, .. } = port;
        let (material, watch) = FileWatch::start(move |files| Material::read(&port, files));
        let Some(material) = material? else { return Ok(None) };
        let current = watch::Sender::new(Arc::new(material));
        let (now, certificate) = (clock.clone(), current.subscribe());
        let left = move || certificate.borrow().expires.duration_since(now.now()).as_secs_f64();
        metrics.certificate(name, left);
        let reload = Reload::new(what, watch, reload_interval, Arc::default(), metrics);
        let certificate = Self { name, clock, current, reload };
        certificate.log("serving TLS");
        Ok(Some(certificate))
    }

    /// The newest usable material.
    pub fn current(&self) -> watch::Receiver<Arc<Material>> {
        self.current.subscribe()
    }

    /// Follows the files until the future is dropped. An unusable certificate changes nothing.
    pub async fn run(&self) -> Infallible {
        let apply = |material: Option<Material>| {
            if let Some(material) = material {
                self.current.send_replace(Arc::new(material));
                self.log("the certificate was changed");
            }
        };
        self.reload.run(apply).await
    }

    fn log(&self, what: &'static str) {
        let material = self.current.borrow();
        let (port, names, expires) = (self.name, material.names.join(" "), material.expires);
        if expires <= self.clock.now() {
            warn!(port, names, %expires, "{what}, which has expired: no client will accept it");
        } else {
            info!(port, names, %expires, "{what}");
        }
    }
}
