//! An upstream that acts or not, answers or not, and may do so late.

use std::{
    future::Future,
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
use tower::{Service, ServiceExt};
use verify_gateway::upstream::Failure;

use super::random::Random;

/// The simulator behind a bad network. What it was given goes on there, whatever the gateway does meanwhile.
#[derive(Clone)]
pub struct Origin {
    simulator: Router,
    random: Random,
    calm: Arc<AtomicBool>,
}

/// What becomes of a request.
struct Fate {
    /// How long it is on its way.
    before: Duration,
    acts: bool,
    /// How long its answer is on its way.
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

/// The latest that anything acts: well within the gateway's settle window.
const LATEST: u64 = 60_000;

impl Origin {
    pub fn new(simulator: Router, random: Random) -> Self {
        Self { simulator, random, calm: Arc::default() }
    }

    /// From now on all goes well, but for what is under way.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    fn fate(&self) -> Fate {
        let random = &self.random;
        let fate = |acts, answer| Fate { before: random.millis(300), acts, after: random.millis(300), answer };
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
            _ => Fate { before: random.millis(LATEST), ..fate(true, Answer::Real) },
        }
    }
}

impl Service<Request<Bytes>> for Origin {
    type Response = Response<Bytes>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (fate, simulator) = (self.fate(), self.simulator.clone());
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            sleep(fate.before).await;
            let real = if fate.acts { Some(serve(simulator, request).await) } else { None };
            sleep(fate.after).await;
            let end = match (fate.answer, real) {
                (Answer::Real, Some(real)) => Ok(real),
                (Answer::Status(status), _) => Ok(plain(status, "{}")),
                (Answer::Html, _) => Ok(plain(StatusCode::OK, "<html></html>")),
                (Answer::Unsent, _) => Err(Failure::Unsent("refused".into())),
                (Answer::Lost | Answer::Real, _) => Err(Failure::Lost("reset".into())),
                (Answer::Never, _) => return sleep(Duration::from_hours(1)).await,
            };
            let _ = answer.send(end);
        });
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(Failure::Lost("gone".into()))) })
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
