//! Other attempts: whether, and when.
//!
//! It sits outermost in the stack, so that each attempt has its own time, span and headers. What a repetition would do
//! decides (see `Operation::replay`), then the time left: a wait that does not fit is not begun.

use std::{future::Future, pin::Pin, time::Duration};

use http::StatusCode;
use tokio::time::{Instant, sleep};
use tower::{
    retry::Policy,
    util::rng::{HasherRng, Rng},
};

use super::{
    attempt::{Answer, Failure, Request},
    classify::{Class, class},
    operation::{Operation, Replay},
    pushback,
};
use crate::{clock::Clock, config};

/// Decides on other attempts of one request.
#[derive(Clone)]
pub(super) struct Retry {
    limits: config::Retry,
    clock: Clock,
}

impl Retry {
    pub(super) fn new(limits: config::Retry, clock: Clock) -> Self {
        Self { limits, clock }
    }

    /// How long to wait before attempt number `resend_count + 1`: what the server asks for, else full jitter, which
    /// spreads callers that failed together over the whole of a doubling window.
    fn delay(&self, resend_count: usize, result: &Result<Answer, Failure>) -> Option<Duration> {
        let asked = result.as_ref().ok().and_then(|answer| pushback::asked(&answer.headers, self.clock.now()));
        if let Some(asked) = asked {
            return (asked <= self.limits.max_retry_after).then_some(asked);
        }
        let window =
            self.limits.base_delay.saturating_mul(2_u32.saturating_pow(resend_count.try_into().unwrap_or(u32::MAX)));
        // A new generator each time: this policy is cloned for every call, and clones would draw the same numbers.
        Some(window.min(self.limits.max_delay).mul_f64(HasherRng::default().next_f64()))
    }
}

impl Policy<Request, Answer, Failure> for Retry {
    type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(&mut self, request: &mut Request, result: &mut Result<Answer, Failure>) -> Option<Self::Future> {
        let class = class(result);
        if let Ok(answer) = result
            && request.in_doubt
            && request.operation == Operation::DeleteProfile
            && answer.status == StatusCode::NOT_FOUND
        {
            // An attempt before this one deleted it, and its answer was lost.
            answer.status = StatusCode::NO_CONTENT;
        }
        let may_repeat = match class {
            Class::Done | Class::Refused => false,
            Class::Throttled | Class::Unsent => true,
            Class::InDoubt => request.operation.replay() == Replay::Always,
        };
        if !may_repeat || request.resend_count + 1 >= self.limits.max_attempts {
            return None;
        }
        let delay = self.delay(request.resend_count, result)?;
        if Instant::now() + delay >= request.deadline {
            return None;
        }
        request.resend_count += 1;
        request.in_doubt |= class == Class::InDoubt;
        Some(Box::pin(sleep(delay)))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

#[cfg(test)]
mod tests;
