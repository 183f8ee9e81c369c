//! The file descriptors of the process. Whoever opens connections must not leave it without one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::GrpcConfig;

/// What the process has open besides connections: its ports, files and the connections to the store, issuers and collectors.
const OF_PROCESS: usize = 64;

/// Raises the limit of file descriptors as far as the process may, and lowers `max_connections` so that the connections of
/// clients leave a reserve for everything else.
pub fn fit(config: &mut GrpcConfig) {
    let limit = getrlimit(Resource::Nofile);
    // A refusal leaves the limit as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let Some(limit) = getrlimit(Resource::Nofile).current else { return };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let room = room(limit, config.max_concurrent_calls);
    if room < config.max_connections {
        tracing::warn!(
            file_descriptors = limit,
            configured = config.max_connections,
            max_connections = room,
            "grpc.max_connections is lowered: the limit of file descriptors (ulimit -n) is too low"
        );
        config.max_connections = room;
    }
}

/// The connections for which a `limit` has room. Each running call may have a connection to Telnyx.
fn room(limit: usize, calls: usize) -> usize {
    limit - calls.saturating_add(OF_PROCESS).min(limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_at_most_is_reserved() {
        assert_eq!([64, 1024, 4096, 1 << 20].map(|limit| room(limit, 1024)), [32, 512, 3008, (1 << 20) - 1088]);
    }
}
