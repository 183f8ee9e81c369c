//! Settings of the tenants file.

use std::{path::PathBuf, time::Duration};

use super::{
    kinds::{HOUR, duration, path},
    setting::settings,
};

settings! {
    /// Settings of the tenants file.
    pub struct TenantsConfig {
        /// The tenants file.
        file: PathBuf = "tenants.yaml", path();
        /// How often the gateway looks for changes of the tenants file and the files that it names. Changes take effect
        /// without a restart.
        reload_interval: Duration = "5s", duration(Duration::from_millis(10)..=HOUR);
    }
}
