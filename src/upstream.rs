//! The client of the Telnyx Verify API.
//!
//! A request passes these layers, outermost first; they are built once, so that what they remember survives:
//! retries → circuit breaker → places → client span → time of an attempt → headers → transport.
//!
//! The reason of a failure says whether anything happened upstream. A send, a check or a creation that may have been
//! carried out fails for `SEND_OUTCOME_UNKNOWN`, `CHECK_OUTCOME_UNKNOWN` or `CREATE_OUTCOME_UNKNOWN`, however that came
//! about; one that fails for any other reason, `DEADLINE_EXCEEDED` among them, has changed nothing.
//!
//! With `CallContext::run_to_completion`, an attempt of a send or a creation keeps its full timeout: neither the caller's
//! deadline nor `CallContext::cancelled` ends it.

mod attempt;
mod authorize;
mod breaker;
mod budget;
mod bulkhead;
mod calls;
mod classify;
mod keyed;
mod operation;
mod pushback;
mod recent;
mod retry;
mod timeout;
mod trace;
mod transport;

use std::{error::Error as StdError, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, util::BoxCloneSyncService};

pub use self::{attempt::Failure, calls::to_json};
use self::{
    attempt::{Answer, Request},
    authorize::{Authorize, AuthorizeLayer},
    breaker::{Breaker, BreakerLayer},
    bulkhead::{Bulkhead, BulkheadLayer},
    classify::Meaningful,
    operation::Operation,
    retry::Retry,
    timeout::{AttemptTimeout, AttemptTimeoutLayer},
    trace::{Trace, TraceLayer},
    transport::Transport,
};
use crate::{
    clock::Clock,
    config,
    domain::{CallContext, Error, PhoneNumber},
    pb::ErrorReason,
    telemetry::Metrics,
    telnyx::{Channel, Data, Route},
};

/// What an attempt passes.
type Stack = Breaker<Bulkhead<Trace<AttemptTimeout<Authorize<Transport>>>>>;

/// The client of the Telnyx Verify API. Cloning is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Client {
    retry: Retry,
    stack: Stack,
    clock: Clock,
    base_url: String,
    /// The URLs of sends, by channel: the hot ones are not put together for each call.
    send_urls: Arc<[Url]>,
}

/// A page of a list. Pages count from 1.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Which page.
    pub number: u32,
    /// How many resources a page holds.
    pub size: u32,
}

/// Which verification a code belongs to.
#[derive(Clone, Copy)]
pub enum CheckTarget<'a> {
    /// The one with this id.
    Id(&'a str),
    /// The pending one of this number.
    Phone(&'a PhoneNumber),
}

/// No client can be made: the base URL is no URL, or the certificates of `upstream.ca_file` can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't build the upstream client")]
pub struct BuildError(#[source] Box<dyn StdError + Send + Sync>);

impl Client {
    /// Builds the client. It connects when it is first used.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn new(config: &config::Upstream, clock: Clock, metrics: &Metrics) -> Result<Self, BuildError> {
        Self::build(Transport::network(config).map_err(BuildError)?, config, clock, metrics)
    }

    /// Builds the client over a service that answers in place of the network: an API in the same process.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn over<T>(transport: T, config: &config::Upstream, clock: Clock, metrics: &Metrics) -> Result<Self, BuildError>
    where
        T: Service<http::Request<Bytes>, Response = http::Response<Bytes>, Error = Failure>
            + Clone
            + Send
            + Sync
            + 'static,
        T::Future: Send + 'static,
    {
        Self::build(Transport::Service(BoxCloneSyncService::new(transport)), config, clock, metrics)
    }

    fn build(
        transport: Transport,
        config: &config::Upstream,
        clock: Clock,
        metrics: &Metrics,
    ) -> Result<Self, BuildError> {
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        let no_url = || BuildError("the base URL is no URL".into());
        let send_urls = Channel::ALL.iter().map(|&channel| url(&base_url, Route::Send(channel)));
        let send_urls = send_urls.collect::<Option<_>>().ok_or_else(no_url)?;
        let mut probe = url(&base_url, Route::Profiles).ok_or_else(no_url)?;
        Page { number: 1, size: 1 }.append_to(&mut probe);
        let retry = Retry::new(config.retry.clone(), clock.clone(), metrics.clone());
        let stack = ServiceBuilder::new()
            .layer(BreakerLayer::new(&config.breaker, probe, metrics.clone()))
            .layer(BulkheadLayer::new(config.max_concurrent_attempts, metrics.clone()))
            .layer(TraceLayer { propagate: config.propagate_trace, metrics: metrics.clone() })
            .layer(AttemptTimeoutLayer(config.attempt_timeout))
            .layer(AuthorizeLayer)
            .service(transport);
        Ok(Self { retry, stack, clock, base_url, send_urls })
    }

    /// Makes a call whose answer is one resource in an envelope.
    async fn data<T: DeserializeOwned + Meaningful>(
        &self,
        context: &CallContext,
        operation: Operation,
        name: &str,
        url: Url,
        body: Bytes,
    ) -> Result<T, Error> {
        self.read::<Data<T>>(context, operation, name, url, body).await.map(|envelope| envelope.data)
    }

    /// Makes a call and reads its answer.
    async fn read<T: DeserializeOwned + Meaningful>(
        &self,
        context: &CallContext,
        operation: Operation,
        name: &str,
        url: Url,
        body: Bytes,
    ) -> Result<T, Error> {
        let answer = self.call(context, operation, name, url, body).await?;
        classify::read(operation, &answer)
    }

    /// Makes a call. `name` is the id of the resource that a 404 is about, where there is one.
    async fn call(
        &self,
        context: &CallContext,
        operation: Operation,
        name: &str,
        url: Url,
        body: Bytes,
    ) -> Result<Answer, Error> {
        if Instant::now() >= context.deadline {
            return Err(too_late());
        }
        if context.cancelled.is_cancelled() {
            return Err(Error::new(ErrorReason::DeadlineExceeded, "the caller stopped waiting"));
        }
        let request = Request {
            operation,
            url,
            body,
            tenant: Arc::clone(&context.tenant),
            deadline: context.deadline,
            cancelled: context.cancelled.clone(),
            run_to_completion: context.run_to_completion && operation.is_worth_following(),
            internal: context.internal,
            resend_count: 0,
            in_doubt: false,
            headers: HeaderMap::new(),
        };
        let result = self.retry.run(&self.stack, request).await;
        let asked = result.as_ref().ok().and_then(|answer| pushback::asked(&answer.headers, self.clock.now()));
        classify::outcome(operation, name, result, asked).map_err(|error| {
            let late = error.reason == ErrorReason::UpstreamUnavailable && Instant::now() >= context.deadline;
            if late { too_late().source(error) } else { error }
        })
    }

    fn url(&self, route: Route<'_>) -> Url {
        url(&self.base_url, route).expect("routes are made of characters that a URL's path takes")
    }
}

impl Page {
    /// The first page, with as many resources as Telnyx gives at once.
    pub const LARGEST: Self = Self { number: 1, size: 250 };

    fn append_to(self, url: &mut Url) {
        url.query_pairs_mut()
            .append_pair("page[number]", &self.number.to_string())
            .append_pair("page[size]", &self.size.to_string());
    }
}

fn url(base: &str, route: Route<'_>) -> Option<Url> {
    Url::parse(&format!("{base}{route}")).ok()
}

fn too_late() -> Error {
    Error::new(ErrorReason::DeadlineExceeded, "the deadline ran out")
}

#[cfg(test)]
mod tests;
