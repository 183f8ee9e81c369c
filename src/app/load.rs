//! Loads the files of a gateway: the configuration, the certificate, the files of the store and the tenants.

use std::path::Path;

use crate::{
    admin,
    clock::Clock,
    config::{Config, Environment, Errors, Location},
    store::Store,
    tenant::{Directory, DirectoryWatch},
    tls::{Material, TlsPort},
};

/// The content of all files of a gateway.
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The certificate of the gRPC port. `None` for plaintext.
    pub certificate: Option<Material>,
    /// The certificate of the webhook port.
    pub webhook_certificate: Option<Material>,
    /// The tenants.
    pub directory: Directory,
    /// Watches the files of the tenants.
    pub watch: DirectoryWatch,
}

impl Loaded {
    /// Reads the configuration file at `path`, which `env` overrides, and the files that it names.
    pub fn read(path: &Path, env: &Environment) -> Result<Self, Errors> {
        let (config, mut errors) = Config::read(path, env);
        let Some(config) = config else { return Err(errors) };
        let mut load = |port| {
            Material::load(&port).unwrap_or_else(|more| {
                errors.append(more);
                None
            })
        };
        let certificate = load(TlsPort::grpc(&config.grpc));
        let webhook_certificate = load(TlsPort::webhooks(&config.webhooks));
        let tls = &config.grpc.tls;
        let has_neither = !config.grpc.plaintext && tls.certificate_file.is_none() && tls.key_file.is_none();
        if has_neither && !errors.concern("grpc.plaintext") && !errors.concern("grpc.tls") {
            let message = "needs tls.certificate_file and tls.key_file, or plaintext: true";
            errors.add(Location::file(path), "grpc", message);
        }
        if let Some(file) = &config.admin.token_file
            && let Err(message) = admin::token(file)
        {
            errors.add(Location::file(path), "admin.token_file", message);
        }
        // If the section is wrong, it names the wrong files.
        if !errors.concern("store")
            && let Err(more) = Store::new(&config.store, config.sends.settle_window, Clock::default(), |_| ())
        {
            errors.append(more);
        }
        if errors.concern("tenants.file") {
            return Err(errors);
        }
        match Directory::watch(&config.tenants.file, env) {
            Ok((directory, watch)) => {
                errors.into_result(Self { config, certificate, webhook_certificate, directory, watch })
            }
            Err(more) => {
                errors.append(more);
                Err(errors)
            }
        }
    }
}
