//! Settings of the records that outlive a call.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::section::Section;

/// Settings of the records that outlive a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Where they are kept.
    pub backend: Backend,
    /// How many gateways share the load.
    pub replicas: usize,
    /// How many records are kept in memory at most.
    pub max_records: usize,
    /// The server, where one keeps them.
    pub redis: Redis,
}

/// Where records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In the memory of this process.
    Memory,
    /// At a Redis or Valkey server.
    Redis,
}

/// Settings of the Redis or Valkey server.
#[derive(Clone, Debug, PartialEq)]
pub struct Redis {
    /// What kind of a server it is.
    pub mode: RedisMode,
    /// The URL of the one server, or those of some nodes of the cluster, or of the sentinels.
    pub urls: Vec<String>,
    /// The name of the master that the sentinels watch.
    pub sentinel_master: String,
    /// The name to log in with; empty for the default user.
    pub username: String,
    /// Where the password is.
    pub password_file: Option<PathBuf>,
    /// Where the sentinels' password is.
    pub sentinel_password_file: Option<PathBuf>,
    /// The certificates to trust, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What the names of all records begin with.
    pub key_prefix: String,
    /// How long one command may take.
    pub timeout: Duration,
    /// Where the key of the hashes is that stand for phone numbers.
    pub hash_key_file: PathBuf,
}

/// Kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisMode {
    /// One server.
    Standalone,
    /// A cluster, which spreads records over its nodes.
    Cluster,
    /// Servers of which sentinels choose the master.
    Sentinel,
}

impl Store {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let store = Self {
            backend: section.setting(
                "backend",
                "memory",
                "memory or redis",
                "Where they are kept. memory is this process's own: it ends with it, and no other replica knows of it. \
                 redis is a Redis or Valkey server that all replicas share.",
                |text| match text {
                    "memory" => Some(Backend::Memory),
                    "redis" => Some(Backend::Redis),
                    _ => None,
                },
            ),
            replicas: section.count(
                "replicas",
                "1",
                1..=10_000,
                "How many gateways share the load. check warns if they are several and each has a memory of its own.",
            ),
            max_records: section.count(
                "max_records",
                "500000",
                1000..=100_000_000,
                "How many records are kept in memory, some 500 bytes each. When there are as many, sends and checks are \
                 refused.",
            ),
            redis: section.section("redis", "The Redis or Valkey server, where backend is redis.", Redis::read),
        };
        let Redis { mode, urls, hash_key_file, .. } = &store.redis;
        let address = if *mode == RedisMode::Standalone { "store.redis.url" } else { "store.redis.urls" };
        let key = "store.redis.hash_key_file, a secret of at least 32 bytes that all replicas share";
        let needed = [(urls.is_empty(), address), (hash_key_file.as_os_str().is_empty(), key)];
        let missing: Vec<_> = needed.iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| *what).collect();
        let holds = store.backend == Backend::Memory || missing.is_empty();
        section.rule(holds, &["backend"], &format!("redis needs {}", missing.join(" and ")));
        store
    }
}

impl Redis {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let path = |text: &str| Some((!text.is_empty()).then(|| PathBuf::from(text)));
        let mode = section.setting(
            "mode",
            "standalone",
            "standalone, cluster or sentinel",
            "What it is: one server, a cluster, or servers of which sentinels choose the master.",
            |text| match text {
                "standalone" => Some(RedisMode::Standalone),
                "cluster" => Some(RedisMode::Cluster),
                "sentinel" => Some(RedisMode::Sentinel),
                _ => None,
            },
        );
        let (single, several) = (Self::url(section), Self::urls(section));
        let redis = Self {
            mode,
            urls: single.iter().cloned().chain(several.iter().cloned()).collect(),
            sentinel_master: section.setting(
                "sentinel_master",
                "",
                "a text",
                "The name by which the sentinels know the master.",
                |text| Some(text.to_owned()),
            ),
            username: section.setting(
                "username",
                "",
                "a text",
                "The name to log in with. Empty: the default user.",
                |text| Some(text.to_owned()),
            ),
            password_file: section.setting(
                "password_file",
                "",
                "a path or empty",
                "A file with the password; one line break at its end does not count. It is read whenever a connection is \
                 made. Empty: none is needed.",
                path,
            ),
            sentinel_password_file: section.setting(
                "sentinel_password_file",
                "",
                "a path or empty",
                "The same for the sentinels' own password.",
                path,
            ),
            ca_file: section.setting(
                "ca_file",
                "",
                "a path or empty",
                "A PEM file with the certificates to trust instead of the system's. Empty: the system's.",
                path,
            ),
            key_prefix: section.setting(
                "key_prefix",
                "vg",
                "1 to 64 letters, digits, hyphens, underscores, dots and colons",
                "What the names of all records begin with; the version of what is written follows it.",
                |text| {
                    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:".contains(&c);
                    ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
                },
            ),
            timeout: section.duration(
                "timeout",
                "500ms",
                Duration::from_millis(10)..=Duration::from_secs(10),
                "How long one command may take. What a call has to note may take four times as long in all.",
            ),
            hash_key_file: section.setting(
                "hash_key_file",
                "",
                "a path or empty",
                "A file with the secret key of the hashes that stand for phone numbers: at least 32 bytes, the same for \
                 all replicas. Whoever changes it must change key_prefix too.",
                |text| Some(PathBuf::from(text)),
            ),
        };
        let is_single = mode == RedisMode::Standalone;
        section.rule(is_single || single.is_none(), &["url"], "is for standalone; cluster and sentinel take urls");
        section.rule(!is_single || several.is_empty(), &["urls"], "is for cluster and sentinel; standalone takes url");
        let is_named = redis.sentinel_master.is_empty() != (mode == RedisMode::Sentinel);
        section.rule(
            is_named,
            &["sentinel_master", "mode"],
            "sentinel needs sentinel_master, and nothing else takes it",
        );
        let is_logged_in = redis.username.is_empty() || redis.password_file.is_some();
        section.rule(is_logged_in, &["username"], "needs password_file");
        let is_tls = redis.urls.iter().any(|url| url.starts_with("rediss:"));
        section.rule(redis.ca_file.is_none() || is_tls, &["ca_file"], "is of no use without a rediss URL");
        redis
    }

    fn url(section: &mut Section<'_, '_>) -> Option<String> {
        section.setting(
            "url",
            "",
            "a redis, rediss or redis+unix URL without credentials, query and fragment, or empty",
            "Where the one server is, such as rediss://redis.internal:6379. rediss is TLS; a path is the number of a \
             database.",
            |text| if text.is_empty() { Some(None) } else { url(text, true).then(|| Some(text.to_owned())) },
        )
    }

    fn urls(section: &mut Section<'_, '_>) -> Vec<String> {
        section.setting(
            "urls",
            "",
            "redis or rediss URLs with nothing but host and port, with commas between them, or empty",
            "Where some nodes of the cluster are, or the sentinels. With rediss, the servers themselves are spoken to by \
             TLS too.",
            |text| {
                let urls: Vec<_> = text.split(',').map(str::trim).filter(|_| !text.is_empty()).map(str::to_owned).collect();
                let is_tls = |url: &String| url.starts_with("rediss:");
                let alike = urls.iter().all(|other| is_tls(other) == is_tls(&urls[0]));
                (alike && urls.iter().all(|text| url(text, false))).then_some(urls)
            },
        )
    }

    /// Has relative paths count from `folder`.
    pub(super) fn count_from(&mut self, folder: &Path) {
        for file in [&mut self.password_file, &mut self.sentinel_password_file, &mut self.ca_file] {
            *file = file.take().map(|file| folder.join(file));
        }
        if !self.hash_key_file.as_os_str().is_empty() {
            self.hash_key_file = folder.join(&self.hash_key_file);
        }
    }
}

/// Whether `text` is a URL of a server, without credentials, query and fragment; `whole` takes sockets and databases.
fn url(text: &str, whole: bool) -> bool {
    let Some(url) = redis::parse_redis_url(text) else { return false };
    let is_plain = url.username().is_empty() && url.password().is_none() && !text.contains(['?', '#', '@']);
    let is_known = match url.scheme() {
        "redis" | "rediss" => whole || matches!(url.path(), "" | "/"),
        "redis+unix" => whole && url.path().len() > 1,
        _ => false,
    };
    is_plain && is_known && redis::IntoConnectionInfo::into_connection_info(url).is_ok()
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_have_no_credentials_query_or_fragment() {
        for good in ["redis://redis", "rediss://redis:6380/", "redis://[::1]:6379/3", "redis+unix:///run/redis.sock"] {
            assert!(url(good, true), "{good}");
        }
        let bad = [
            "",
            "redis",
            "redis:6379",
            "http://redis",
            "redis://",
            "redis://:pw@redis",
            "redis://me@redis",
            "redis://redis?protocol=resp3",
            "rediss://redis#insecure",
            "redis://redis/x",
            "redis+unix://",
            "redis://0.0.0.0",
        ];
        for bad in bad {
            assert!(!url(bad, true), "{bad}");
        }
        for several in ["redis://redis/1", "redis+unix:///run/redis.sock"] {
            assert!(!url(several, false), "{several}");
        }
    }
}
