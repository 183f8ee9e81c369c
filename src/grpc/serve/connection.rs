//! One connection, from its first byte to its end.

use std::{
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
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

use super::{ConnectionContext, calls::ConnectionCalls, control_frames::ControlFrames, http1, http2, preface};
use crate::{
    grpc::edge::{GatewayService, PeerState},
    tls,
};

/// The bytes of a connection, in plaintext or behind TLS.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for T {}

/// Serves the calls on `io` until the peer closes it or it must end: by age, for lack of calls, or because the gateway
/// stops.
pub(super) async fn serve(
    io: impl Io,
    service: GatewayService,
    calls: ConnectionCalls,
    context: Arc<ConnectionContext>,
) {
    let mut serving = pin!(serve_inner(io, service, &context, &calls));
    if context.abort.run_until_cancelled(serving.as_mut()).await.is_none() {
        // Counted before they are dropped with the connection.
        context.aborted_calls.fetch_add(calls.running(), Ordering::Relaxed);
    }
}

async fn serve_inner(io: impl Io, service: GatewayService, context: &ConnectionContext, calls: &ConnectionCalls) {
    // One deadline for all that comes before the first call.
    let deadline = Instant::now() + context.config.handshake_timeout;
    // Boxes keep the memory of a connection small: it has no room for the states that others or its past need.
    let Some(material) = &context.tls else { return Box::pin(detect(io, deadline, service, context, calls)).await };
    let material = Arc::clone(&material.borrow());
    let handshake = timeout_at(deadline, Box::pin(tls::accept(io, material))).await;
    match handshake.unwrap_or_else(|late| Err(io::Error::from(late).into())) {
        Ok((io, certificate)) => {
            let service = service.with_certificate(certificate);
            Box::pin(detect(io, deadline, service, context, calls)).await;
        }
        Err(tls::HandshakeError { cause, error }) => {
            context.metrics.handshake_failed("grpc", cause);
            debug!(cause, %error, "a TLS handshake failed");
        }
    }
}

/// Detects the version of HTTP and serves it.
async fn detect(
    io: impl Io,
    deadline: Instant,
    service: GatewayService,
    context: &ConnectionContext,
    calls: &ConnectionCalls,
) {
    let (is_http2, io) = match timeout_at(deadline, preface::read(io)).await.map_err(io::Error::from).flatten() {
        Ok(start) => start,
        Err(error) => return debug!(%error, "a connection did not start"),
    };
    let (config, peer) = (&context.config, service.peer());
    if is_http2 {
        let io = TokioIo::new(ControlFrames::new(io, config.max_control_frames, context.metrics.clone()));
        let connection = http2::protocol(config, calls.clone()).serve_connection(io, service);
        drive(connection, conn::http2::Connection::graceful_shutdown, context, (calls, &peer)).await;
    } else if config.web.enabled {
        let connection =
            http1::protocol(config).serve_connection(TokioIo::new(io), http1::counted(service, calls.clone()));
        Box::pin(drive(connection, conn::http1::Connection::graceful_shutdown, context, (calls, &peer))).await;
    } else {
        debug!("a connection does not speak HTTP/2");
    }
}

/// Drives `connection` to its end. `close` makes it ask its peer to close.
async fn drive<C>(
    connection: C,
    close: impl FnOnce(Pin<&mut C>),
    context: &ConnectionContext,
    (calls, peer): (&ConnectionCalls, &PeerState),
) where
    C: Future<Output = hyper::Result<()>>,
{
    let config = &context.config;
    let mut connection = pin!(connection);
    // A stranger may take its time for a call, and not the slot of a caller.
    let idle = || if peer.is_authenticated() { config.max_connection_idle } else { config.max_unauthenticated_idle };
    let age = jitter(config.max_connection_age, HasherRng::default().next_f64());
    let why = select! {
        ended = &mut connection => return log_end(ended),
        () = context.draining.cancelled() => "the gateway stops",
        () = sleep(age) => "it is old",
        () = calls.idle(|| idle().min(config.max_connection_idle)) => "it is idle",
    };
    debug!(why, "asking a connection to close");
    // Running calls may end. The peer starts no new ones. Streams have no end of their own.
    close(connection.as_mut());
    peer.end_streams();
    if let Ok(ended) = timeout(config.max_connection_age_grace, connection).await {
        log_end(ended);
    } else {
        info!(calls = calls.running(), why, "closing a connection after its grace period");
    }
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(%error, "a connection ended with an error");
    }
}

/// `age`, plus or minus a tenth, by a `random` number from 0 to 1. Connections that start together after a restart do not
/// end together.
fn jitter(age: Duration, random: f64) -> Duration {
    age.mul_f64(0.9 + 0.2 * random)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn jitter_is_a_tenth_at_most(seconds in 1..=86_400_u64, random in 0.0..1.0) {
            let age = Duration::from_secs(seconds);
            let spread = jitter(age, random);
            prop_assert!(spread >= age.mul_f64(0.9) && spread <= age.mul_f64(1.1), "{spread:?}");
        }
    }

    #[test]
    fn jitter_covers_the_whole_range() {
        let age = Duration::from_secs(100);
        assert_eq!([0.0, 0.5, 1.0].map(|random| jitter(age, random).as_secs()), [90, 100, 110]);
    }
}
