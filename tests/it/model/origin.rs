//! An upstream that may or may not act, may or may not answer, and may be late.

use std::{
    collections::BTreeMap,
    future::{self, Future},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};
use verify_gateway::upstream::TransportError;

use super::{random::Random, truth::Truth, world::Pace};

/// The simulator behind an unreliable network. A request runs on even if the gateway gives up.
#[derive(Clone)]
pub struct Origin {
    simulator: Router,
    random: Random,
    /// A second at the pace of this interleaving.
    second: Duration,
    calm: Arc<AtomicBool>,
    truth: Arc<Mutex<Truth>>,
    /// How long a new verification is missing in lists.
    list_lag: Duration,
    /// When each verification was sent.
    sent: Arc<Mutex<BTreeMap<String, Instant>>>,
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

/// The API key of the account.
pub const KEY: &str = "KEYmodel";

/// The longest delay of a request, and of an entry in a list, in seconds. Both together are shorter than the settle window.
const LATEST: u32 = 50;

impl Origin {
    /// Lists are late in paused time alone: with skipped clocks, nothing could be late enough.
    pub fn new(simulator: Router, random: Random, pace: Pace, truth: Arc<Mutex<Truth>>) -> Self {
        let second = pace.shrink(1);
        let is_late = pace == Pace::Paused && random.percent(30);
        let list_lag = if is_late { second.mul_f64(f64::from(LATEST) * random.share()) } else { Duration::ZERO };
        let requests = TaskTracker::new();
        Self { simulator, random, second, calm: Arc::default(), truth, list_lag, sent: Arc::default(), requests }
    }

    /// The API key of the operation with this tag.
    pub fn key(tag: u64) -> String {
        format!("{KEY}-{tag}")
    }

    /// Lets the simulator answer a request, and keeps the truth.
    async fn serve(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        let key = request.headers_mut().insert(AUTHORIZATION, format!("Bearer {KEY}").parse().unwrap());
        let key = key.unwrap();
        let tag = key.to_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap();
        let path = request.uri().path();
        let is_send = request.method() == Method::POST && !path.contains("/actions/");
        let is_list = path.contains("/by_phone_number/") && request.method() == Method::GET;
        let (mut parts, body) = self.simulator.clone().oneshot(request.map(Body::from)).await.unwrap().into_parts();
        let mut bytes = body.collect().await.unwrap().to_bytes();
        if is_send && parts.status.is_success() {
            let id = serde_json::from_slice::<Value>(&bytes).unwrap()["data"]["id"].as_str().unwrap().to_owned();
            self.sent.lock().unwrap().insert(id.clone(), Instant::now());
            self.truth.lock().unwrap().record(id, tag);
        }
        if is_list && parts.status.is_success() && !self.list_lag.is_zero() {
            let mut list: Value = serde_json::from_slice(&bytes).unwrap();
            let sent = self.sent.lock().unwrap();
            let is_listed = |one: &Value| sent[one["id"].as_str().unwrap()].elapsed() >= self.list_lag;
            let before = list["data"].as_array().unwrap().len();
            list["data"].as_array_mut().unwrap().retain(is_listed);
            let missing = before - list["data"].as_array().unwrap().len();
            let total = list["meta"]["total_results"].as_u64().unwrap();
            list["meta"]["total_results"] = (total - u64::try_from(missing).unwrap()).into();
            bytes = list.to_string().into();
            parts.headers.remove(CONTENT_LENGTH);
        }
        Response::from_parts(parts, bytes)
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
        match random.below(22) {
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
            19 => fate(false, Answer::Status(StatusCode::SERVICE_UNAVAILABLE)),
            20 => fate(true, Answer::Status(StatusCode::REQUEST_TIMEOUT)),
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
        let (fate, origin) = (self.fate(), self.clone());
        let (answer, answered) = oneshot::channel();
        self.requests.spawn(async move {
            sleep(fate.before).await;
            let real = if fate.acts { Some(origin.serve(request).await) } else { None };
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

fn plain(status: StatusCode, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response
}
