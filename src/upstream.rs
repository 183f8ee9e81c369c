//! The client of the Telnyx Verify API.
//!
//! `RetryPolicy` makes the attempts of a request. Each attempt passes, in this order: circuit breaker → permit → client
//! span → attempt timeout → headers → transport (`attempt.rs`).
//!
//! The reason of an error says whether anything happened upstream. A send, a check or a creation that may have been
//! carried out fails with `SEND_OUTCOME_UNKNOWN`, `CHECK_OUTCOME_UNKNOWN` or `CREATE_OUTCOME_UNKNOWN`. With any other
//! reason, `DEADLINE_EXCEEDED` included, it changed nothing.
//!
//! With `CallContext::run_to_completion`, an attempt of a send or a creation keeps its full timeout: neither the caller's
//! deadline nor `CallContext::cancelled` ends it.

mod attempt;
mod breaker;
mod budget;
mod calls;
mod classify;
mod connector;
mod keyed_cache;
mod known_profiles;
mod operation;
mod pushback;
mod request;
mod retry;
mod rolling_window;
mod span;
mod telnyx_clock;
mod transport;

use std::{error::Error as StdError, fmt::Display, sync::Arc};

use bytes::Bytes;
use http::{
    Uri,
    uri::{InvalidUri, PathAndQuery},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tower::{Service, util::BoxCloneSyncService};
use url::form_urlencoded;

use self::{
    attempt::Attempts,
    classify::unreadable,
    known_profiles::KnownProfiles,
    operation::Operation,
    request::{Answer, ReadAnswer, Request},
    retry::RetryPolicy,
    transport::Transport,
};
pub use self::{calls::to_json, request::TransportError, telnyx_clock::TelnyxClock};
use crate::{
    clock::Clock,
    config::Config,
    domain::{CallContext, Error, Tenant},
    pb::ErrorReason,
    telemetry::Metrics,
    telnyx::{Channel, List, Route},
};

/// The client of the Telnyx Verify API. Clones share connections, circuits, permits and budgets.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    retry: RetryPolicy,
    attempts: Attempts,
    known_profiles: KnownProfiles,
    clock: Clock,
    metrics: Metrics,
    base_uri: Uri,
    /// The URIs of sends, by channel. Sends are frequent, so their URIs are not parsed for each call.
    send_uris: Vec<Uri>,
}

/// A page of a list. Pages count from 1.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The number of the page.
    pub number: u32,
    /// The number of resources per page.
    pub size: u32,
}

/// The client can't be built: the base URL is invalid, or `upstream.ca_file` can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't build the upstream client")]
pub struct BuildError(#[source] Box<dyn StdError + Send + Sync>);

impl Client {
    /// Builds the client. It connects on first use.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn new(config: &Config, clock: Clock, metrics: &Metrics) -> Result<Self, BuildError> {
        Self::build(Transport::network(&config.upstream).map_err(BuildError)?, config, clock, metrics)
    }

    /// Builds the client over a service in this process, in place of the network.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn over<T>(transport: T, config: &Config, clock: Clock, metrics: &Metrics) -> Result<Self, BuildError>
    where
        T: Service<http::Request<Bytes>, Response = http::Response<Bytes>, Error = TransportError>
            + Clone
            + Send
            + Sync
            + 'static,
        T::Future: Send + 'static,
    {
        Self::build(Transport::Service(BoxCloneSyncService::new(transport)), config, clock, metrics)
    }

    fn build(transport: Transport, config: &Config, clock: Clock, metrics: &Metrics) -> Result<Self, BuildError> {
        let base_uri: Uri = config.upstream.base_url.parse().map_err(|error: InvalidUri| BuildError(error.into()))?;
        if base_uri.scheme().is_none() || base_uri.authority().is_none() {
            return Err(BuildError("the base URL must be absolute".into()));
        }
        let send_uris = Channel::ALL.iter().map(|&channel| uri(&base_uri, Route::Send(channel))).collect();
        let first = Page { number: 1, size: 1 };
        let probe_uri = uri(&base_uri, format_args!("{}{}", Route::Profiles, first.query(None)));
        let retry = RetryPolicy::new(config.upstream.retry.clone(), clock.clone(), metrics.clone());
        let attempts = Attempts::new(config, probe_uri, transport, clock.clone(), metrics);
        Ok(Self(Arc::new(Inner {
            retry,
            attempts,
            known_profiles: KnownProfiles::new(),
            clock,
            metrics: metrics.clone(),
            base_uri,
            send_uris,
        })))
    }

    /// The clock of the tenant's Telnyx account; none if no answer of the last ten minutes has a `Date`.
    #[must_use]
    pub fn telnyx_clock(&self, tenant: &Tenant) -> Option<TelnyxClock> {
        self.0.attempts.clocks().get(tenant.key.identity())
    }

    /// Makes a call whose response is one resource.
    async fn one<T: DeserializeOwned + Send + 'static>(
        &self,
        context: &CallContext,
        operation: Operation,
        id: &str,
        uri: Uri,
        body: Bytes,
    ) -> Result<T, Error> {
        let answer = self.call(context, operation, id, uri, body, classify::resource::<T>).await?;
        answer.and_then(|answer| answer.downcast().ok()).map(|resource| *resource).ok_or_else(|| unreadable(operation))
    }

    /// Makes a call whose response is a list. An element that can't be read is one without fields.
    async fn list<T: DeserializeOwned + Default + Send + 'static>(
        &self,
        context: &CallContext,
        operation: Operation,
        uri: Uri,
    ) -> Result<List<T>, Error> {
        let answer = self.call(context, operation, "", uri, Bytes::new(), classify::list::<T>).await?;
        let list = answer.and_then(|answer| answer.downcast::<(List<T>, usize)>().ok());
        let (list, unreadable_elements) = *list.ok_or_else(|| unreadable(operation))?;
        for _ in 0..unreadable_elements {
            self.0.metrics.unreadable_element(operation.resource());
        }
        Ok(list)
    }

    /// Makes a call, and returns what `read` has read. `id` is the id of the resource that a 404 is about, if there is one.
    async fn call(
        &self,
        context: &CallContext,
        operation: Operation,
        id: &str,
        uri: Uri,
        body: Bytes,
        read: ReadAnswer,
    ) -> Result<Option<Answer>, Error> {
        if Instant::now() >= context.deadline {
            return Err(deadline_exceeded());
        }
        if context.cancelled.is_cancelled() {
            return Err(Error::new(ErrorReason::DeadlineExceeded, "the caller stopped waiting"));
        }
        let Inner { retry, attempts, clock, .. } = &*self.0;
        let request = Request {
            operation,
            uri,
            body,
            tenant: Arc::clone(&context.tenant),
            deadline: context.deadline,
            cancelled: context.cancelled.clone(),
            run_to_completion: context.run_to_completion && operation.runs_to_completion(),
            internal: context.internal,
            read,
            resend_count: 0,
            after_unknown_outcome: false,
        };
        let result = retry.run(request, |request| attempts.make(request)).await;
        let retry_after =
            result.as_ref().ok().and_then(|response| pushback::retry_after(&response.headers, clock.now()));
        classify::success(operation, id, result, retry_after).map(|response| response.answer).map_err(|error| {
            let late = error.reason == ErrorReason::UpstreamUnavailable && Instant::now() >= context.deadline;
            if late { deadline_exceeded().source(error) } else { error }
        })
    }

    fn uri(&self, path: impl Display) -> Uri {
        uri(&self.0.base_uri, path)
    }
}

impl Page {
    /// The first page, with as many resources as Telnyx gives at once.
    pub const LARGEST: Self = Self { number: 1, size: 250 };

    /// The query for this page of the resources, or of those with this `name`.
    fn query(self, name: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
        query.append_pair("page[number]", &self.number.to_string()).append_pair("page[size]", &self.size.to_string());
        if let Some(name) = name {
            query.append_pair("filter[name]", name);
        }
        query.finish()
    }
}

/// The URI of `path` below `base`, of which only the path is parsed.
fn uri(base: &Uri, path: impl Display) -> Uri {
    let mut parts = base.clone().into_parts();
    let path = Bytes::from(format!("{}{path}", base.path().trim_end_matches('/')));
    let path = PathAndQuery::from_maybe_shared(path);
    parts.path_and_query = Some(path.expect("routes and queries consist of characters that are valid there"));
    Uri::from_parts(parts).expect("the base has a scheme and an authority")
}

fn deadline_exceeded() -> Error {
    Error::new(ErrorReason::DeadlineExceeded, "the deadline was exceeded")
}

#[cfg(test)]
mod tests;
