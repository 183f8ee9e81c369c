//! Public keys from a URL.

use std::{fmt::Write, io, time::Duration};

use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, AUTHORIZATION},
};
use reqwest::Client;

use crate::{
    http_client,
    secret::Secret,
    tenant::{Jwks, JwksUrl, NotJwks},
};

/// How long it may take, all in all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const MAX_SIZE: usize = 256 << 10;

/// Why keys can't be fetched. No text of the other side is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the file of the token can't be read: {0}")]
    Token(io::ErrorKind),
    #[error("the file of the token holds none")]
    NotToken,
    #[error("no answer: {0}")]
    Failed(String),
    #[error("the answer is {0}")]
    Refused(StatusCode),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer is {0}")]
    NotJwks(#[from] NotJwks),
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        // Its own text leaves out what the matter was.
        let error = error.without_url();
        let (mut text, mut source) = (error.to_string(), std::error::Error::source(&error));
        while let Some(cause) = source {
            write!(text, ": {cause}").expect("a string takes all");
            source = cause.source();
        }
        Self::Failed(text)
    }
}

/// Fetches keys from a URL.
pub(super) struct Fetch {
    url: JwksUrl,
    client: Option<Client>,
}

impl Fetch {
    pub(super) const fn new(url: JwksUrl) -> Self {
        Self { url, client: None }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.url.refresh_interval
    }

    pub(super) async fn jwks(&mut self) -> Result<Jwks, Error> {
        let client = match &self.client {
            Some(client) => client,
            None => self
                .client
                .insert(http_client::build_direct(self.url.ca.as_deref(), |builder| builder.timeout(TIMEOUT))?),
        };
        let mut request = client.get(&self.url.url).header(ACCEPT, "application/json");
        if let Some(path) = &self.url.token_file {
            let token = tokio::fs::read_to_string(path).await.map_err(|error| Error::Token(error.kind()))?;
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        let mut response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(Error::Refused(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_SIZE {
                return Err(Error::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Jwks::parse(&body)?)
    }
}

fn bearer(token: String) -> Result<HeaderValue, Error> {
    let token = Secret::new(token);
    Secret::new(format!("Bearer {}", token.expose().trim_end())).header().ok_or(Error::NotToken)
}
