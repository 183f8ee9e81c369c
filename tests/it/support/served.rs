//! The real binary as in production: files in a folder, a simulator behind it.

use std::{fs, net::SocketAddr, os::unix::fs::symlink, path::Path};

use tempfile::TempDir;

use super::{Ended, KEY, Process, TOKEN, TestGateway, addr, tenants_file};

/// The real binary as in production, with its tenants in a volume as Kubernetes mounts one.
pub struct Served {
    pub process: Process,
    pub addr: SocketAddr,
    /// The URL of the admin port.
    pub admin: String,
    volume: Volume,
}

/// A folder whose files change all at once: they are links to links, and one of those is exchanged.
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

    /// Has these files and no others from now on.
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
    /// Starts it in front of `upstream`, with these `files`, `tenants.yaml` among them, and `settings` beside the usual
    /// ones.
    pub async fn start(upstream: SocketAddr, settings: &str, files: &[(&str, &str)]) -> Self {
        let volume = Volume::new(files);
        let config = volume.path().join("gateway.yaml");
        let usual = "grpc: { listen: '127.0.0.1:0', plaintext: true }\nadmin: { listen: '127.0.0.1:0' }\n";
        fs::write(&config, [usual, settings].concat()).unwrap();
        // By the environment, so that `settings` may say more of it.
        let upstream = format!("http://{upstream}/v2");
        let variables = [("VERIFY_GATEWAY_UPSTREAM__BASE_URL", upstream.as_str())];
        let mut process = Process::with_variables(&["serve", "--config", config.to_str().unwrap()], &variables);
        let listening = process.logged(|line| line.contains("listening").then(|| line.to_owned())).await;
        let admin = addr(listening.split("\"admin\"").nth(1).unwrap()).unwrap();
        Self { process, addr: addr(&listening).unwrap(), admin: format!("http://{admin}"), volume }
    }

    /// Starts it in front of `upstream`, with the tenant `login` of other tests.
    pub async fn usual(upstream: SocketAddr, settings: &str) -> Self {
        let tenants = tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}"));
        Self::start(upstream, settings, &[("tenants.yaml", &tenants)]).await
    }

    /// Starts it in front of the simulator of `set_up`.
    pub async fn before(set_up: &TestGateway, settings: &str, files: &[(&str, &str)]) -> Self {
        Self::start(set_up.simulator, settings, files).await
    }

    /// Changes all files at once.
    pub fn swap(&mut self, files: &[(&str, &str)]) {
        self.volume.swap(files);
    }

    /// Waits until the log says `what`.
    pub async fn says(&mut self, what: &str) {
        self.process.logged(|line| line.contains(what).then_some(())).await;
    }

    /// What the admin port answers to `GET path`.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.admin)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Ends it well.
    pub async fn end(self) -> Ended {
        let ended = self.process.end("TERM").await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended
    }
}
