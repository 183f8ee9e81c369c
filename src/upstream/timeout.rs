//! The time of one attempt.
//!
//! It sits inside the retries, so that a slow attempt leaves time for another one, and outside the span, so that the
//! span of an attempt ends when its time does.

use std::{future::Future, pin::Pin, task, time::Duration};

use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

use super::attempt::{Answer, Failure, Request, Unanswered};

/// Ends an attempt after its time, or when the caller stops waiting if that is sooner. One that is followed has its whole
/// time.
#[derive(Clone, Copy)]
pub(super) struct AttemptTimeoutLayer(pub(super) Duration);

impl<S> Layer<S> for AttemptTimeoutLayer {
    type Service = AttemptTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AttemptTimeout { inner, limit: self.0 }
    }
}

#[derive(Clone)]
pub(super) struct AttemptTimeout<S> {
    inner: S,
    limit: Duration,
}

impl<S> Service<Request> for AttemptTimeout<S>
where
    S: Service<Request, Response = Answer, Error = Failure>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Unanswered>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let end = Instant::now() + self.limit;
        let caller_ends = (!request.run_to_completion && request.deadline < end).then_some(request.deadline);
        let attempt = self.inner.call(request);
        Box::pin(async move {
            match timeout_at(caller_ends.unwrap_or(end), attempt).await {
                Ok(result) => Ok(result?),
                Err(_) if caller_ends.is_some() => Err(Unanswered::GivenUp),
                Err(_) => Err(Failure::Timeout.into()),
            }
        })
    }
}
