//! The gateway as in production: a process with a configuration and a tenants file.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{Result, TOKEN, child::Child};

/// How a gateway is started.
pub struct Gateway<'g> {
    /// The binary, behind the program that runs it, if there is one.
    pub command: &'g [&'g str],
    /// The URL of the upstream, without its path.
    pub upstream: &'g str,
    /// The address of the collector.
    pub collector: &'g str,
    /// The share of the calls that are traced.
    pub traced: f64,
    /// The URL of a Redis server; the memory of the process without one.
    pub redis: Option<&'g str>,
}

impl Gateway<'_> {
    /// Starts it with its files in `folder`.
    pub fn start(&self, folder: &TempDir) -> Result<Child> {
        let config = self.configure(folder.path())?;
        let mut command = self.command.to_vec();
        command.extend(["serve", "--config", &config]);
        Child::spawn(command[0], &command[1..])
    }

    fn configure(&self, folder: &Path) -> Result<String> {
        let Self { upstream, collector, traced, .. } = self;
        let config = folder.join("gateway.yaml");
        let store = match self.redis {
            None => "max_size: 1024MiB".to_owned(),
            Some(url) => {
                let key = folder.join("hash.key");
                fs::write(&key, "0123456789abcdef0123456789abcdef")?;
                format!(
                    "backend: redis, redis: {{ url: \"{url}\", hash_key_file: {}, refuse_at_risk: false }}",
                    key.display()
                )
            }
        };
        fs::write(
            &config,
            format!(
                "grpc: {{ listen: 127.0.0.1:0, plaintext: true }}\n\
                 admin: {{ listen: 127.0.0.1:0 }}\n\
                 upstream: {{ base_url: {upstream}/v2 }}\n\
                 store: {{ {store} }}\n\
                 telemetry: {{ log: {{ format: json }}, otlp: {{ endpoint: http://{collector}, sample_ratio: {traced} }} }}\n"
            ),
        )?;
        let hash = verify_gateway::domain::TokenHash::of(TOKEN);
        fs::write(
            folder.join("tenants.yaml"),
            format!(
                "tenants:\n  - id: bench\n    telnyx_api_key: {{ inline: KEYbench }}\n    identities:\n      \
                 - {{ name: bench, tokens: [\"{hash}\"], roles: [sender], channels: any, countries: any, profiles: any }}\n"
            ),
        )?;
        Ok(config.display().to_string())
    }
}
