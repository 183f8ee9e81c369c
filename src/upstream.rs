//! The client of the Telnyx Verify API.
//!
//! A request passes these layers, outermost first; they are built once, so that what they remember survives:
//! retries → circuit breaker → places → client span → time of an attempt → headers → transport.
//!
//! The reason of a failure says whether anything happened upstream. A send, a check or a creation that may have been
//! carried out fails for `SEND_OUTCOME_UNKNOWN`, `CHECK_OUTCOME_UNKNOWN` or `CREATE_OUTCOME_UNKNOWN`, however that came
//! about; one that fails for any other reason, `DEADLINE_EXCEEDED` among them, has changed nothing.
//!
//! A send or a creation of a followed call (`Context::followed`) is followed to its end: only its own time ends an
//! attempt that was begun, neither the caller's deadline nor `Context::cancelled`.

mod attempt;
mod authorize;
mod breaker;
mod budget;
mod bulkhead;
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
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, util::BoxCloneSyncService};

pub use self::attempt::Failure;
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
    domain::{Error, PhoneNumber},
    pb::ErrorReason,
    telemetry::Metrics,
    telnyx::{
        Channel, CheckAnswer, CheckRequest, Data, List, Profile, ProfilePatch, Route, SendRequest, Template,
        TemplateText, Verification,
    },
    tenant::Context,
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

    /// Starts a verification. Never repeated once it may have left.
    ///
    /// # Errors
    /// As `CreateVerification` documents them.
    pub async fn send(
        &self,
        context: &Context,
        channel: Channel,
        body: &SendRequest<'_>,
    ) -> Result<Verification, Error> {
        let operation = Operation::Send(channel);
        let url = self.send_urls[channel as usize].clone();
        self.data(context, operation, body.verify_profile_id, url, json(body)).await
    }

    /// Reads a verification.
    ///
    /// # Errors
    /// As `GetVerification` documents them.
    pub async fn verification(&self, context: &Context, id: &str) -> Result<Verification, Error> {
        let url = self.url(Route::Verification(id));
        self.data(context, Operation::GetVerification, id, url, Bytes::new()).await
    }

    /// Lists the verifications of a phone number. Telnyx documents no paging here and may ignore `page`.
    ///
    /// # Errors
    /// As `ListVerifications` documents them.
    pub async fn verifications(
        &self,
        context: &Context,
        phone: &PhoneNumber,
        page: Page,
    ) -> Result<List<Verification>, Error> {
        let mut url = self.url(Route::ByPhone(phone.as_e164()));
        page.append_to(&mut url);
        self.read(context, Operation::ListVerifications, "", url, Bytes::new()).await
    }

    /// Checks a code, or reports a check. Never repeated once it may have left.
    ///
    /// # Errors
    /// As `CheckVerification` documents them.
    pub async fn check(
        &self,
        context: &Context,
        target: CheckTarget<'_>,
        body: &CheckRequest<'_>,
    ) -> Result<CheckAnswer, Error> {
        let (operation, name, route) = match target {
            CheckTarget::Id(id) => (Operation::Check, id, Route::Check(id)),
            CheckTarget::Phone(phone) => (Operation::CheckByPhone, "", Route::CheckByPhone(phone.as_e164())),
        };
        self.data(context, operation, name, self.url(route), json(body)).await
    }

    /// Lists profiles, those called `name` where it is given.
    ///
    /// # Errors
    /// As `ListProfiles` documents them.
    pub async fn profiles(&self, context: &Context, name: Option<&str>, page: Page) -> Result<List<Profile>, Error> {
        let mut url = self.url(Route::Profiles);
        page.append_to(&mut url);
        if let Some(name) = name {
            url.query_pairs_mut().append_pair("filter[name]", name);
        }
        self.read(context, Operation::ListProfiles, "", url, Bytes::new()).await
    }

    /// Creates a profile. Never repeated once it may have left.
    ///
    /// # Errors
    /// As `CreateProfile` documents them.
    pub async fn create_profile(&self, context: &Context, profile: &Profile) -> Result<Profile, Error> {
        self.data(context, Operation::CreateProfile, "", self.url(Route::Profiles), json(profile)).await
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// As `GetProfile` documents them.
    pub async fn profile(&self, context: &Context, id: &str) -> Result<Profile, Error> {
        self.data(context, Operation::GetProfile, id, self.url(Route::Profile(id)), Bytes::new()).await
    }

    /// Changes a profile. A change inside a channel block reads the profile first and writes the block whole.
    ///
    /// # Errors
    /// As `UpdateProfile` documents them.
    pub async fn update_profile(&self, context: &Context, id: &str, patch: ProfilePatch) -> Result<Profile, Error> {
        let url = self.url(Route::Profile(id));
        let current: Value = if patch.needs_current() {
            self.data(context, Operation::GetProfile, id, url.clone(), Bytes::new()).await?
        } else {
            Value::Null
        };
        self.data(context, Operation::UpdateProfile, id, url, json(&patch.merge(&current))).await
    }

    /// Deletes a profile.
    ///
    /// # Errors
    /// As `DeleteProfile` documents them.
    pub async fn delete_profile(&self, context: &Context, id: &str) -> Result<(), Error> {
        let url = self.url(Route::Profile(id));
        self.call(context, Operation::DeleteProfile, id, url, Bytes::new()).await.map(drop)
    }

    /// Lists all templates: Telnyx does not page them.
    ///
    /// # Errors
    /// As `ListTemplates` documents them.
    pub async fn templates(&self, context: &Context) -> Result<Vec<Template>, Error> {
        self.data(context, Operation::ListTemplates, "", self.url(Route::Templates), Bytes::new()).await
    }

    /// Creates a template. Never repeated once it may have left.
    ///
    /// # Errors
    /// As `CreateTemplate` documents them.
    pub async fn create_template(&self, context: &Context, text: &str) -> Result<Template, Error> {
        let url = self.url(Route::Templates);
        self.data(context, Operation::CreateTemplate, "", url, json(&TemplateText { text })).await
    }

    /// Changes a template's text.
    ///
    /// # Errors
    /// As `UpdateTemplate` documents them.
    pub async fn update_template(&self, context: &Context, id: &str, text: &str) -> Result<Template, Error> {
        let url = self.url(Route::Template(id));
        self.data(context, Operation::UpdateTemplate, id, url, json(&TemplateText { text })).await
    }

    /// Makes a call whose answer is one resource in an envelope.
    async fn data<T: DeserializeOwned + Meaningful>(
        &self,
        context: &Context,
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
        context: &Context,
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
        context: &Context,
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
            followed: context.followed && operation.is_worth_following(),
            unasked: context.unasked,
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

fn json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("bodies are plain data with string keys").into()
}

#[cfg(test)]
mod tests;
