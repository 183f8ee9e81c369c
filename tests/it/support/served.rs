//! The binary as in production: files in a folder, and a simulator as upstream.

use std::{fs, net::SocketAddr, os::unix::fs::symlink, path::Path};

use tempfile::TempDir;

use super::{Ended, KEY, Process, TOKEN, addr, tenants_file};

/// The binary as in production, with its tenants in a volume as Kubernetes mounts it.
pub struct Served {
    pub process: Process,
    pub addr: SocketAddr,
    /// The URL of the admin port.
    pub admin: String,
    volume: Volume,
}

/// A folder whose files change at once, as in a Kubernetes volume: they are links into a folder that is itself a link.
pub struct Volume {
    folder: TempDir,
    version: u32,
}

impl Volume {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let mut volume = Self { folder: tempfile::tempdir().unwrap(), version: 0 };
        volume.swap(files);
        volume
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces all files.
    pub fn swap(&mut self, files: &[(&str, &str)]) {
        self.version += 1;
        let (at, version) = (|name: &str| self.folder.path().join(name), format!("..{}", self.version));
        fs::create_dir(at(&version)).unwrap();
        for (name, content) in files {
            fs::write(at(&version).join(name), content).unwrap();
            let _ = symlink(format!("..data/{name}"), at(name));
        }
        symlink(&version, at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
    }
}

impl Served {
    /// Starts it with `upstream`, `files`, which include `tenants.yaml`, and `settings` in addition to the usual ones.
    pub async fn start(upstream: SocketAddr, settings: &str, files: &[(&str, &str)]) -> Self {
        let volume = Volume::new(files);
        let config = volume.path().join("gateway.yaml");
        let usual = "grpc: { listen: '127.0.0.1:0', plaintext: true }\n";
        fs::write(&config, [usual, settings].concat()).unwrap();
        // Variables, so that `settings` may have their sections.
        let upstream = format!("http://{upstream}/v2");
        let variables =
            [("VERIFY_GATEWAY_UPSTREAM__BASE_URL", upstream.as_str()), ("VERIFY_GATEWAY_ADMIN__LISTEN", "127.0.0.1:0")];
        let mut process = Process::with_variables(&["serve", "--config", config.to_str().unwrap()], &variables);
        let listening = process.logged(|line| line.contains("listening").then(|| line.to_owned())).await;
        let admin = addr(listening.split("\"admin\"").nth(1).unwrap()).unwrap();
        Self { process, addr: addr(&listening).unwrap(), admin: format!("http://{admin}"), volume }
    }

    /// Starts it with `upstream` and the tenant `login`.
    pub async fn usual(upstream: SocketAddr, settings: &str) -> Self {
        let tenants = tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}"));
        Self::start(upstream, settings, &[("tenants.yaml", &tenants)]).await
    }

    /// Replaces all files at once.
    pub fn swap(&mut self, files: &[(&str, &str)]) {
        self.volume.swap(files);
    }

    /// Waits until a line of the log contains `text`.
    pub async fn says(&mut self, what: &str) {
        self.process.logged(|line| line.contains(what).then_some(())).await;
    }

    /// The status and the body of `GET path` on the admin port.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.admin)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Stops it, and asserts that it exits with 0.
    pub async fn end(self) -> Ended {
        let ended = self.process.end("TERM").await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended
    }
}
