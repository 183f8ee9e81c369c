//! Whether another attempt is made, and when.
//!
//! First the operation decides (`Operation::replay`), then the time left, then the retry budget. A wait that does not fit
//! into the caller's deadline does not begin.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::{
    select,
    time::{Instant, sleep},
};
use tower::util::rng::{HasherRng, Rng};

use super::{
    budget::RetryBudgets,
    classify::{AttemptClass, class},
    operation::{Operation, Replay},
    pushback::retry_after,
    request::{AttemptError, RejectedLocally, Request, Response},
};
use crate::{clock::Clock, config, telemetry::Metrics};

/// Makes the attempts of a request.
pub(super) struct RetryPolicy {
    limits: config::RetryConfig,
    budgets: Arc<RetryBudgets>,
    clock: Clock,
    metrics: Metrics,
}

impl RetryPolicy {
    pub(super) fn new(limits: config::RetryConfig, clock: Clock, metrics: Metrics) -> Self {
        let budgets = Arc::new(RetryBudgets::new(&limits.budget));
        // The metrics must not keep the budgets alive.
        let observed = Arc::downgrade(&budgets);
        #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact")]
        metrics.retry_budget(move || observed.upgrade().map_or(0.0, |budgets| budgets.left() as f64));
        Self { limits, budgets, clock, metrics }
    }

    /// Makes attempts until one is final. If the caller goes away during a wait, the call ends at once with the result of
    /// the last attempt: nothing has begun since.
    pub(super) async fn run<F>(
        &self,
        mut request: Request,
        attempt: impl Fn(Request) -> F,
    ) -> Result<Response, AttemptError>
    where
        F: Future<Output = Result<Response, AttemptError>>,
    {
        if request.internal && !self.budgets.spend(&request.tenant.id) {
            return Err(RejectedLocally::RetryBudget.into());
        }
        loop {
            let mut result = attempt(request.clone()).await;
            let Some(wait) = self.next(&mut request, &mut result) else { return result };
            select! {
                biased;
                () = request.cancelled.cancelled() => return result,
                () = sleep(wait) => {}
            }
            // A timer rounds up.
            if Instant::now() >= request.deadline {
                return result;
            }
        }
    }

    /// The wait before the next attempt, after one that ended with `result`; none if `result` is final.
    fn next(&self, request: &mut Request, result: &mut Result<Response, AttemptError>) -> Option<Duration> {
        let class = class(result);
        if request.resend_count == 0 && class != AttemptClass::RejectedLocally && !request.internal {
            self.budgets.earn(&request.tenant.id);
        }
        if let Ok(response) = result
            && request.after_unknown_outcome
            && request.operation == Operation::DeleteProfile
            && response.status == StatusCode::NOT_FOUND
        {
            // An earlier attempt deleted the profile, and its response was lost.
            response.status = StatusCode::NO_CONTENT;
        }
        let may_repeat = match class {
            AttemptClass::Done | AttemptClass::Refused | AttemptClass::Unreadable | AttemptClass::RejectedLocally => {
                false
            }
            AttemptClass::Throttled | AttemptClass::Unsent => true,
            AttemptClass::OutcomeUnknown => request.operation.replay() == Replay::Always,
        };
        if !may_repeat {
            return None;
        }
        let (effect, cause) = (request.operation.effect().name(), class.name());
        let skipped = |cause| {
            self.metrics.retry_skipped(effect, cause);
            None
        };
        if request.resend_count + 1 >= self.limits.max_attempts {
            return skipped("attempts");
        }
        let Some(delay) = self.delay(request.resend_count, result) else { return skipped("time") };
        if Instant::now() + delay >= request.deadline {
            return skipped("time");
        }
        if !self.budgets.spend(&request.tenant.id) {
            return skipped("budget");
        }
        self.metrics.retried(effect, cause);
        request.resend_count += 1;
        request.after_unknown_outcome |= class == AttemptClass::OutcomeUnknown;
        Some(delay)
    }

    /// The wait before attempt number `resend_count + 1`: the pushback of the server, else full jitter in a doubling
    /// window. Jitter spreads callers that failed together. None if the server demands too long a wait.
    fn delay(&self, resend_count: usize, result: &Result<Response, AttemptError>) -> Option<Duration> {
        let pushback = result.as_ref().ok().and_then(|response| retry_after(&response.headers, self.clock.now()));
        if let Some(wait) = pushback {
            return (wait <= self.limits.max_retry_after).then_some(wait);
        }
        let doublings = 2_u32.saturating_pow(resend_count.try_into().unwrap_or(u32::MAX));
        let window = self.limits.base_delay.saturating_mul(doublings).min(self.limits.max_delay);
        Some(window.mul_f64(HasherRng::default().next_f64()))
    }
}

#[cfg(test)]
mod tests;
