//! Settings of the store.

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

use super::{
    kinds::{Kind, SECOND, choice, count, duration, items, optional, path, ratio, size, switch, text},
    setting::settings,
};

settings! {
    /// Settings of the store.
    pub struct StoreConfig {
        /// Where records are kept. `memory` is the memory of this process: it is lost with the process, and other
        /// replicas don't share it. `redis` is a Redis or Valkey server that all replicas share.
        backend: Backend = "memory", choice();
        /// How many gateways share the load. `check` warns if there are several that each keep records in memory.
        replicas: usize = "1", count(1..=10_000);
        /// The name of this gateway, which no other running gateway has, such as the name of its pod. A gateway that
        /// restarts after a crash takes over the leases of its predecessor at once. Empty: leases run out.
        instance: String = "", text("a text", |text| Some(text.to_owned()));
        /// How much memory records may take in this process. When it is full, what only limits need gives way, the oldest
        /// first. When nothing can give way, the gateway refuses sends and checks.
        max_size: usize = "256MiB", size(1 << 20..=1 << 40);
        /// The share of `max_size` that the records of one tenant may take. With Redis, each gateway bounds what it writes
        /// itself: to this share of the servers' `maxmemory`, or of the memory of their machines, divided by `replicas`. A
        /// tenant whose share is full is refused, and no other. 1 turns the bound off.
        tenant_share: f64 = "0.5", ratio();
        /// The Redis or Valkey server, for the backend `redis`.
        redis: RedisConfig;
    }
    rules(store) {
        ["backend"] store.backend == Backend::Memory || missing(&store.redis).is_empty(),
            format!("redis needs {}", missing(&store.redis).join(" and "));
    }
}

/// Where records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// In the memory of this process.
    Memory,
    /// On a Redis or Valkey server.
    Redis,
}

settings! {
    /// Settings of the Redis or Valkey server.
    pub struct RedisConfig {
        /// Whether it is one server, a cluster, or servers with sentinels that choose the master.
        mode: RedisMode = "standalone", choice();
        /// The URL of the one server, such as `rediss://redis.internal:6379`. `rediss` is TLS. A path is the number of
        /// a database.
        url: Option<String> = "", optional(server_url());
        /// The URLs of some nodes of the cluster, or of the sentinels. With `rediss`, the servers themselves use TLS
        /// too.
        urls: Vec<String> = "",
            text("redis or rediss URLs with only host and port, with commas between them, or empty", server_urls);
        /// The name by which the sentinels know the master.
        sentinel_master: String = "", text("a text", |text| Some(text.to_owned()));
        /// The user to log in as. Empty: the default user.
        username: String = "", text("a text", |text| Some(text.to_owned()));
        /// A file with the password, which may end in a line break. The gateway reads it for each connection. Empty: no
        /// password.
        password_file: Option<PathBuf> = "", optional(path());
        /// The user to log in as at the sentinels. Empty: the default user.
        sentinel_username: String = "", text("a text", |text| Some(text.to_owned()));
        /// A file with the password of the sentinels. Empty: no password.
        sentinel_password_file: Option<PathBuf> = "", optional(path());
        /// A PEM file with the certificates to trust instead of the system's. Empty: the system's.
        ca_file: Option<PathBuf> = "", optional(path());
        /// The prefix of the keys of all records. The version of the record format follows it.
        key_prefix: String = "vg",
            text("1 to 64 letters, digits, hyphens, underscores, dots and colons", key_prefix);
        /// How long one command may take. One update of a record may take four times as long.
        timeout: Duration = "500ms", duration(Duration::from_millis(10)..=SECOND * 10);
        /// How many replicas must have the record of an operation before it goes on (`WAIT`). A replica that takes the
        /// place of its master then has the record. Each such write takes one more round trip. 0: none.
        wait_replicas: u32 = "0", count(0..=8);
        /// Whether sends are refused while the server may lose their records: while it evicts records or is full, and for
        /// `sends.settle_window` after it has lost some. Otherwise messages may be sent twice.
        refuse_at_risk: bool = "true", switch();
        /// How far the clocks of the gateway and the server may differ before the gateway warns. What the store counts
        /// does not depend on the gateway's clock.
        max_clock_offset: Duration = "5s", duration(Duration::from_millis(10)..=SECOND * 3600);
        /// A file with the secret key for the hashes that stand for phone numbers: at least 32 bytes, the same for all
        /// replicas. If you change it, change `key_prefix` too.
        hash_key_file: Option<PathBuf> = "", optional(path());
    }
    rules(redis) {
        ["url"] redis.mode == RedisMode::Standalone || redis.url.is_none(),
            "is for standalone; cluster and sentinel take urls";
        ["urls"] redis.mode != RedisMode::Standalone || redis.urls.is_empty(),
            "is for cluster and sentinel; standalone takes url";
        ["sentinel_master", "mode"] redis.sentinel_master.is_empty() != (redis.mode == RedisMode::Sentinel),
            "sentinel_master is needed if, and only if, mode is sentinel";
        ["username"] redis.username.is_empty() || redis.password_file.is_some(), "needs password_file";
        ["sentinel_username"] redis.sentinel_username.is_empty() || redis.sentinel_password_file.is_some(),
            "needs sentinel_password_file";
        ["ca_file"] redis.ca_file.is_none() || redis.addresses().any(|url| url.starts_with("rediss:")),
            "needs a rediss URL";
    }
}

/// The kinds of Redis deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RedisMode {
    /// One server.
    Standalone,
    /// A cluster, which spreads records over its nodes.
    Cluster,
    /// Servers whose master is chosen by sentinels.
    Sentinel,
}

impl RedisConfig {
    /// The URLs of the one server, of some nodes of the cluster, or of the sentinels.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.url.iter().chain(&self.urls).map(String::as_str)
    }
}

fn server_url() -> Kind<'static, String> {
    text("a redis, rediss or redis+unix URL without credentials, query and fragment", |text| {
        is_server_url(text, true).then(|| text.to_owned())
    })
}

fn server_urls(text: &str) -> Option<Vec<String>> {
    let urls: Vec<_> = items(text).map(str::to_owned).collect();
    let is_tls = |url: &String| url.starts_with("rediss:");
    let alike = urls.iter().all(|other| is_tls(other) == is_tls(&urls[0]));
    (alike && urls.iter().all(|url| is_server_url(url, false))).then_some(urls)
}

/// The settings that the backend `redis` needs and that are not set.
fn missing(redis: &RedisConfig) -> Vec<&'static str> {
    let url = if redis.mode == RedisMode::Standalone { "store.redis.url" } else { "store.redis.urls" };
    let key = "store.redis.hash_key_file, a secret of at least 32 bytes that all replicas share";
    let needed = [(redis.addresses().next().is_none(), url), (redis.hash_key_file.is_none(), key)];
    needed.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, setting)| setting).collect()
}

fn key_prefix(text: &str) -> Option<String> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:".contains(&c);
    ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Whether `text` is a URL of a server, without credentials, query and fragment; `whole` takes sockets and databases.
fn is_server_url(text: &str, whole: bool) -> bool {
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
    use super::is_server_url;

    #[test]
    fn urls_have_no_credentials_query_or_fragment() {
        for good in ["redis://redis", "rediss://redis:6380/", "redis://[::1]:6379/3", "redis+unix:///run/redis.sock"] {
            assert!(is_server_url(good, true), "{good}");
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
            assert!(!is_server_url(bad, true), "{bad}");
        }
        for several in ["redis://redis/1", "redis+unix:///run/redis.sock"] {
            assert!(!is_server_url(several, false), "{several}");
        }
    }
}
