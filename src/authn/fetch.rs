//! Fetches public keys from a URL.

use std::time::Duration;

use anyhow::{Error, anyhow, ensure};
use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, AUTHORIZATION},
};

use crate::{
    http_client,
    secret::Secret,
    tenant::{Jwks, JwksUrl},
};

const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest response, in bytes.
const MAX_SIZE: usize = 256 << 10;

/// What a key set may be served as. Kubernetes serves the first one (RFC 7517 §8.5.2) and refuses requests without it, and
/// many issuers serve the other one. The body is read the same way whatever its content type says.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/jwk-set+json, application/json");

/// Fetches the keys at `url`. An error contains no text of the response.
pub(super) async fn fetch(url: &JwksUrl) -> Result<Jwks, Error> {
    let client = http_client::build(url.ca.as_deref(), &url.proxies, |builder| builder.timeout(TIMEOUT));
    let client = client.map_err(no_response)?;
    let mut request = client.get(&url.url).header(ACCEPT, ACCEPTED);
    if let Some(path) = &url.token_file {
        let token = tokio::fs::read_to_string(path).await;
        let token = token.map_err(|error| anyhow!("the token file can't be read: {}", error.kind()))?;
        let bearer = bearer(token).ok_or_else(|| anyhow!("the token file holds no token"))?;
        request = request.header(AUTHORIZATION, bearer);
    }
    let mut response = request.send().await.map_err(no_response)?;
    ensure!(response.status() == StatusCode::OK, "the response is {}", response.status());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_response)? {
        ensure!(body.len() + chunk.len() <= MAX_SIZE, "the response is too large");
        body.extend_from_slice(&chunk);
    }
    Jwks::parse(&body).map_err(|error| anyhow!("the response is {error}"))
}

fn no_response(error: reqwest::Error) -> Error {
    Error::from(error.without_url()).context("no response")
}

fn bearer(token: String) -> Option<HeaderValue> {
    let token = Secret::new(token);
    Secret::new(format!("Bearer {}", token.expose().trim_end())).header()
}
