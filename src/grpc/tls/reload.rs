//! The certificate in use, and its reload.

use std::{convert::Infallible, sync::Arc};

use tokio::sync::watch;
use tracing::{info, warn};

use super::Material;
use crate::{
    clock::Clock,
    config::{self, Errors},
    files::FileWatch,
    reload::Reload,
    telemetry::Metrics,
};

/// The certificate in use, which follows its files.
pub(in crate::grpc) struct CertificateReloader {
    clock: Clock,
    current: watch::Sender<Arc<Material>>,
    reload: Reload<Option<Material>>,
}

impl CertificateReloader {
    /// Loads the certificate. `None` without TLS.
    ///
    /// # Errors
    /// Everything that is wrong with its files.
    pub(in crate::grpc) fn load(
        config: &config::GrpcConfig,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Option<Self>, Errors> {
        let interval = config.tls.reload_interval;
        let config = config.clone();
        let (material, watch) = FileWatch::start(move |files| Material::read(&config, files));
        let Some(material) = material? else { return Ok(None) };
        let current = watch::Sender::new(Arc::new(material));
        let (now, certificate) = (clock.clone(), current.subscribe());
        let left = move || certificate.borrow().expires.duration_since(now.now()).as_secs_f64();
        metrics.certificate_left(left);
        let reload = Reload::new("certificate", watch, interval, Arc::default(), metrics);
        let certificate = Self { clock, current, reload };
        certificate.log("serving TLS");
        Ok(Some(certificate))
    }

    /// The newest usable material.
    pub(in crate::grpc) fn current(&self) -> watch::Receiver<Arc<Material>> {
        self.current.subscribe()
    }

    /// Follows the files until the future is dropped. An unusable certificate changes nothing.
    pub(in crate::grpc) async fn run(&self) -> Infallible {
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
        let (names, expires) = (material.names.join(" "), material.expires);
        if expires <= self.clock.now() {
            warn!(names, %expires, "{what}, which has expired: no client will accept it");
        } else {
            info!(names, %expires, "{what}");
        }
    }
}
