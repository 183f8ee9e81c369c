//! One connection, from its first byte to its end.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use hyper::server::conn;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    select,
    time::{Instant, sleep, timeout, timeout_at},
};
use tower::util::rng::{HasherRng, Rng};
use tracing::{debug, info};

use super::{ConnectionContext, calls::ConnectionCalls, http1, http2, preface};
use crate::{domain::PeerCertificate, grpc::tls};

/// Serves the calls of `io` until the peer closes it, or until it has to end: by age, for want of calls, or because the
/// gateway stops.
pub(super) async fn serve<IO>(io: IO, shared: Arc<ConnectionContext>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let calls = ConnectionCalls::new();
    let mut serving = pin!(serve_inner(io, &shared, &calls));
    if shared.abort.run_until_cancelled(serving.as_mut()).await.is_none() {
        // Before they are dropped with it.
        shared.count_aborted(calls.running());
    }
}

async fn serve_inner<IO>(io: IO, shared: &ConnectionContext, calls: &ConnectionCalls)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // What comes before the first call. A peer that says nothing, or too slowly, is not waited for.
    let begun_by = Instant::now() + shared.config.handshake_timeout;
    // In boxes: a connection keeps no room for what others need, nor for its handshake.
    let Some(material) = &shared.tls else { return Box::pin(begin(io, begun_by, None, shared, calls)).await };
    let material = Arc::clone(&material.borrow());
    let handshake = timeout_at(begun_by, Box::pin(tls::accept(io, material))).await;
    match handshake.unwrap_or_else(|late| Err(io::Error::from(late).into())) {
        Ok((io, certificate)) => Box::pin(begin(io, begun_by, certificate, shared, calls)).await,
        Err(tls::HandshakeError { cause, error }) => {
            shared.metrics.handshake_failed(cause);
            debug!(cause, %error, "a TLS handshake that failed");
        }
    }
}

/// Waits until the peer says what it speaks.
async fn begin<IO>(
    io: IO,
    by: Instant,
    certificate: Option<Arc<PeerCertificate>>,
    shared: &ConnectionContext,
    calls: &ConnectionCalls,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = match timeout_at(by, preface::read(io)).await.map_err(io::Error::from).flatten() {
        Ok(io) => io,
        Err(error) => return debug!(%error, "a connection that did not begin"),
    };
    let (config, service) = (&shared.config, shared.service.with_certificate(certificate));
    let (is_http2, io) = (io.is_http2(), TokioIo::new(io));
    if is_http2 {
        let connection = http2::protocol(config, calls.clone()).serve_connection(io, service);
        drive(connection, conn::http2::Connection::graceful_shutdown, shared, calls).await;
    } else if config.web.enabled {
        let connection = http1::protocol(config).serve_connection(io, http1::counted(service, calls.clone()));
        Box::pin(drive(connection, conn::http1::Connection::graceful_shutdown, shared, calls)).await;
    } else {
        debug!("a connection that speaks no HTTP/2");
    }
}

/// Lets `connection` live until it ends or has to; `close` has it ask its peer to close.
async fn drive<C>(connection: C, close: impl FnOnce(Pin<&mut C>), shared: &ConnectionContext, calls: &ConnectionCalls)
where
    C: Future<Output = hyper::Result<()>>,
{
    let config = &shared.config;
    let mut connection = pin!(connection);
    let age = jitter(config.max_connection_age, HasherRng::default().next_f64());
    let why = select! {
        ended = &mut connection => return end(ended),
        () = shared.draining.cancelled() => "the gateway stops",
        () = sleep(age) => "it is old",
        () = calls.idle(config.max_connection_idle) => "it is idle",
    };
    debug!(why, "asking a connection to close");
    // No new calls, and those that run may end.
    close(connection.as_mut());
    if let Ok(ended) = timeout(config.max_connection_age_grace, connection).await {
        end(ended);
    } else {
        info!(calls = calls.running(), why, "closing a connection that would not end");
    }
}

fn end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(%error, "a connection ended badly");
    }
}

/// `age`, give or take a tenth, by a `random` number from 0 to 1: connections that began together, after a restart, do
/// not end together.
fn jitter(age: Duration, random: f64) -> Duration {
    age.mul_f64(0.9 + 0.2 * random)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_age_is_spread_by_a_tenth_at_most(seconds in 1..=86_400_u64, random in 0.0..1.0) {
            let age = Duration::from_secs(seconds);
            let spread = jitter(age, random);
            prop_assert!(spread >= age.mul_f64(0.9) && spread <= age.mul_f64(1.1), "{spread:?}");
        }
    }

    #[test]
    fn ages_are_spread_over_the_whole_range() {
        let age = Duration::from_secs(100);
        assert_eq!([0.0, 0.5, 1.0].map(|random| jitter(age, random).as_secs()), [90, 100, 110]);
    }
}
