//! The way to the upstream: the HTTP client, or whatever else answers HTTP requests. The only place that knows reqwest.

use std::{error::Error as StdError, future::Future, io::Read, pin::Pin, task};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};

use super::attempt::{Answer, Failure, Request};
use crate::{
    config,
    files::{self, MAX_PEM},
    http_client,
};

/// What the gateway calls itself to Telnyx.
const USER_AGENT: &str = concat!("verify-gateway/", env!("CARGO_PKG_VERSION"));

/// Carries requests to the upstream.
#[derive(Clone)]
pub(super) enum Transport {
    /// Over connections that are kept alive and shared by all tenants.
    Network { client: reqwest::Client, max_response_size: usize },
    /// By a service in this process.
    Service(BoxCloneSyncService<http::Request<Bytes>, http::Response<Bytes>, Failure>),
}

impl Transport {
    pub(super) fn network(config: &config::Upstream) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let ca = config.ca_file.as_ref().map(|path| files::read(path, MAX_PEM)).transpose()?;
        let client = http_client::build_direct(ca.as_ref().map(|pem| pem.as_slice()), |builder| {
            builder
                .user_agent(USER_AGENT)
                .connect_timeout(config.connect_timeout)
                .pool_idle_timeout(config.pool_idle_timeout)
                .pool_max_idle_per_host(config.max_idle_connections)
                .tcp_nodelay(true)
        })?;
        Ok(Self::Network { client, max_response_size: config.max_response_size })
    }
}

impl Service<Request> for Transport {
    type Response = Answer;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Failure>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self {
            Self::Network { client, max_response_size } => {
                let max = *max_response_size;
                let mut outgoing = reqwest::Request::new(request.operation.method(), request.url);
                *outgoing.headers_mut() = request.headers;
                if !request.body.is_empty() {
                    *outgoing.body_mut() = Some(request.body.into());
                }
                let answer = client.execute(outgoing);
                Box::pin(async move { read(answer.await.map_err(failure)?, max).await })
            }
            Self::Service(service) => {
                let service = service.clone();
                Box::pin(async move {
                    let (head, body) = service.oneshot(plain(request)?).await?.into_parts();
                    Ok(Answer { status: head.status, headers: head.headers, body })
                })
            }
        }
    }
}

/// `request` without the terms of this client.
fn plain(request: Request) -> Result<http::Request<Bytes>, Failure> {
    let mut plain = http::Request::new(request.body);
    *plain.method_mut() = request.operation.method();
    *plain.uri_mut() = request.url.as_str().parse().map_err(|error| Failure::Unsent(Box::new(error)))?;
    *plain.headers_mut() = request.headers;
    Ok(plain)
}

/// Reads the whole answer, up to `max` bytes.
async fn read(mut response: reqwest::Response, max: usize) -> Result<Answer, Failure> {
    let too_large = |size: usize| size > max;
    if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, too_large)) {
        return Err(Failure::TooLarge);
    }
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let first = response.chunk().await.map_err(failure)?.unwrap_or_default();
    // Almost every answer is one chunk, which needs no copy.
    let body = match response.chunk().await.map_err(failure)? {
        None => first,
        Some(second) => {
            let mut body = BytesMut::from(first);
            let mut next = Some(second);
            while let Some(chunk) = next {
                if too_large(body.len() + chunk.len()) {
                    return Err(Failure::TooLarge);
                }
                body.extend_from_slice(&chunk);
                next = response.chunk().await.map_err(failure)?;
            }
            Bytes::from(body)
        }
    };
    if too_large(body.len()) {
        return Err(Failure::TooLarge);
    }
    let body = if is_gzip(&headers) { unpacked(&body, max)? } else { body };
    Ok(Answer { status, headers, body })
}

/// Whether an answer is packed, though it was asked for as it is.
fn is_gzip(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip" || encoding == "x-gzip")
}

/// Unpacks `packed`, up to `max` bytes.
fn unpacked(packed: &[u8], max: usize) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    let read = MultiGzDecoder::new(packed).take(max as u64 + 1).read_to_end(&mut body);
    if body.len() > max {
        return Err(Failure::TooLarge);
    }
    // What can't be unpacked is a body that can't be read. The status counts all the same.
    Ok(read.map(|_| body.into()).unwrap_or_default())
}

/// Tells a request that never left from one that may have. URLs hold phone numbers: the error goes without.
fn failure(error: reqwest::Error) -> Failure {
    let (unsent, error) = (error.is_connect(), Box::new(error.without_url()));
    if unsent { Failure::Unsent(error) } else { Failure::Lost(error) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(body: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(body).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn a_packed_body_is_bounded_by_what_it_unpacks_to() {
        assert_eq!(unpacked(&packed(b"{}"), 2).unwrap(), "{}");
        assert!(matches!(unpacked(&packed(b"{ }"), 2), Err(Failure::TooLarge)));
        let bomb = packed(&vec![0; 4 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert!(matches!(unpacked(&bomb, 64 << 10), Err(Failure::TooLarge)));
    }

    #[test]
    fn what_can_not_be_unpacked_is_no_body() {
        assert_eq!(unpacked(b"{}", 9).unwrap(), "");
        assert_eq!(unpacked(&packed(b"{}")[..15], 9).unwrap(), "");
    }
}
