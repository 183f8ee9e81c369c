//! An upstream that may or may not act, may or may not answer, and may be late.

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::{sync::oneshot, time::sleep};
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};
use verify_gateway::upstream::TransportError;

use super::random::Random;

/// The simulator behind an unreliable network. A request runs on even if the gateway gives up.
#[derive(Clone)]
pub struct Origin {
    simulator: Router,
    random: Random,
    /// A second at the pace of this interleaving.
    second: Duration,
    calm: Arc<AtomicBool>,
    /// The running requests.
    requests: TaskTracker,
}

/// What happens to a request.
struct Fate {
    /// The delay of the request.
    before: Duration,
    acts: bool,
    /// The delay of the answer.
    after: Duration,
    answer: Answer,
}

enum Answer {
    Real,
    Status(StatusCode),
    Html,
    Lost,
    Unsent,
    Never,
}

/// The longest delay of a request, in seconds. The gateway's settle window is much longer.
const LATEST: u32 = 60;

impl Origin {
    pub fn new(simulator: Router, random: Random, second: Duration) -> Self {
        Self { simulator, random, second, calm: Arc::default(), requests: TaskTracker::new() }
    }

    /// Waits until all running requests have ended.
    pub async fn idle(&self) {
        self.requests.close();
        self.requests.wait().await;
        self.requests.reopen();
    }

    /// Lets all requests from now on succeed. Running requests are not affected.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    fn fate(&self) -> Fate {
        let random = &self.random;
        let below = |seconds: f64| self.second.mul_f64(seconds * random.share());
        let fate = |acts, answer| Fate { before: below(0.3), acts, after: below(0.3), answer };
        if self.calm.load(Ordering::Relaxed) {
            return fate(true, Answer::Real);
        }
        match random.below(20) {
            0..=9 => fate(true, Answer::Real),
            10 => fate(false, Answer::Unsent),
            11 => fate(false, Answer::Lost),
            12 => fate(true, Answer::Lost),
            13 => fate(false, Answer::Status(StatusCode::INTERNAL_SERVER_ERROR)),
            14 => fate(true, Answer::Status(StatusCode::BAD_GATEWAY)),
            15 => fate(false, Answer::Status(StatusCode::TOO_MANY_REQUESTS)),
            16 => fate(true, Answer::Html),
            17 => fate(false, Answer::Never),
            18 => fate(true, Answer::Never),
            _ => Fate { before: below(LATEST.into()), ..fate(true, Answer::Real) },
        }
    }
}

impl Service<Request<Bytes>> for Origin {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (fate, simulator) = (self.fate(), self.simulator.clone());
        let (answer, answered) = oneshot::channel();
        self.requests.spawn(async move {
            sleep(fate.before).await;
            let real = if fate.acts { Some(serve(simulator, request).await) } else { None };
            sleep(fate.after).await;
            let end = match (fate.answer, real) {
                (Answer::Real, Some(real)) => Ok(real),
                (Answer::Status(status), _) => Ok(plain(status, "{}")),
                (Answer::Html, _) => Ok(plain(StatusCode::OK, "<html></html>")),
                (Answer::Unsent, _) => Err(TransportError::Unsent("refused".into())),
                (Answer::Lost | Answer::Real, _) => Err(TransportError::Lost("reset".into())),
                (Answer::Never, _) => return,
            };
            let _ = answer.send(end);
        });
        Box::pin(async move {
            match answered.await {
                Ok(end) => end,
                Err(_) => future::pending().await,
            }
        })
    }
}

async fn serve(simulator: Router, request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = simulator.oneshot(request.map(Body::from)).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

fn plain(status: StatusCode, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response
}
