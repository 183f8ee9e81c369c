//! Other attempts: whether, and when.
//!
//! It sits outermost in the stack, so that each attempt has its own time, span and headers. What a repetition would do
//! decides (see `Operation::replay`), then the time left (a wait that does not fit is not begun), then the budget.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::{
    select,
    time::{Instant, sleep},
};
use tower::{
    Service, ServiceExt,
    util::rng::{HasherRng, Rng},
};

use super::{
    attempt::{Answer, Request, Unanswered},
    budget::Budgets,
    classify::{Class, class},
    operation::{Operation, Replay},
    pushback,
};
use crate::{clock::Clock, config, telemetry::Metrics};

/// Makes the attempts of a request.
#[derive(Clone)]
pub(super) struct Retry {
    limits: config::Retry,
    budgets: Arc<Budgets>,
    clock: Clock,
    metrics: Metrics,
}

impl Retry {
    pub(super) fn new(limits: config::Retry, clock: Clock, metrics: Metrics) -> Self {
        let budgets = Arc::new(Budgets::new(&limits.budget));
        // The metrics must not keep alive what they are part of.
        let told = Arc::downgrade(&budgets);
        #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact")]
        metrics.retry_budget(move || told.upgrade().map_or(0.0, |budgets| budgets.left() as f64));
        Self { limits, budgets, clock, metrics }
    }

    /// Makes one attempt after the other through `stack`, until one ends for good. A caller that is gone ends a wait at
    /// once, with the last end: nothing has been begun since.
    pub(super) async fn run<S>(&self, stack: &S, mut request: Request) -> Result<Answer, Unanswered>
    where
        S: Service<Request, Response = Answer, Error = Unanswered> + Clone,
    {
        if request.internal && !self.budgets.spend(&request.tenant.id) {
            return Err(Unanswered::NotAffordable);
        }
        loop {
            let mut result = stack.clone().oneshot(request.clone()).await;
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

    /// How long to wait before the next attempt, after one that ended with `result`; none if there is to be no other.
    fn next(&self, request: &mut Request, result: &mut Result<Answer, Unanswered>) -> Option<Duration> {
        let class = class(result);
        if request.resend_count == 0 && class != Class::Held && !request.internal {
            self.budgets.earn(&request.tenant.id);
        }
        if let Ok(answer) = result
            && request.in_doubt
            && request.operation == Operation::DeleteProfile
            && answer.status == StatusCode::NOT_FOUND
        {
            // An attempt before this one deleted it, and its answer was lost.
            answer.status = StatusCode::NO_CONTENT;
        }
        let may_repeat = match class {
            Class::Done | Class::Refused | Class::Held => false,
            Class::Throttled | Class::Unsent => true,
            Class::InDoubt => request.operation.replay() == Replay::Always,
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
        request.in_doubt |= class == Class::InDoubt;
        Some(delay)
    }

    /// How long to wait before attempt number `resend_count + 1`: what the server asks for, else full jitter, which
    /// spreads callers that failed together over the whole of a doubling window.
    fn delay(&self, resend_count: usize, result: &Result<Answer, Unanswered>) -> Option<Duration> {
        let asked = result.as_ref().ok().and_then(|answer| pushback::asked(&answer.headers, self.clock.now()));
        if let Some(asked) = asked {
            return (asked <= self.limits.max_retry_after).then_some(asked);
        }
        let window =
            self.limits.base_delay.saturating_mul(2_u32.saturating_pow(resend_count.try_into().unwrap_or(u32::MAX)));
        Some(window.min(self.limits.max_delay).mul_f64(HasherRng::default().next_f64()))
    }
}

#[cfg(test)]
mod tests;
