//! The transport of requests: the HTTP client, or another HTTP service. Only this file of the room uses reqwest.

use std::{error::Error as StdError, io::Read};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};
use tower::{ServiceExt, util::BoxCloneSyncService};

use super::request::{Request, Response, TransportError};
use crate::{
    config,
    files::{self, MAX_PEM},
    http_client,
};

/// The user agent.
const USER_AGENT: &str = concat!("verify-gateway/", env!("CARGO_PKG_VERSION"));

/// Carries requests to the upstream.
pub(super) enum Transport {
    /// The network, over connections that are kept alive and shared by all tenants.
    Network { client: reqwest::Client, max_response_size: usize },
    /// A service in this process.
    Service(BoxCloneSyncService<http::Request<Bytes>, http::Response<Bytes>, TransportError>),
}

impl Transport {
    pub(super) fn network(config: &config::UpstreamConfig) -> Result<Self, Box<dyn StdError + Send + Sync>> {
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

impl Transport {
    /// Sends `request` with `headers` and reads the whole response.
    pub(super) async fn send(&self, request: Request, headers: HeaderMap) -> Result<Response, TransportError> {
        match self {
            Self::Network { client, max_response_size } => {
                let mut outgoing = reqwest::Request::new(request.operation.method(), request.url);
                *outgoing.headers_mut() = headers;
                if !request.body.is_empty() {
                    *outgoing.body_mut() = Some(request.body.into());
                }
                let response = client.execute(outgoing).await.map_err(from_reqwest)?;
                read(response, *max_response_size).await
            }
            Self::Service(service) => {
                let mut outgoing = http::Request::new(request.body);
                *outgoing.method_mut() = request.operation.method();
                let uri = request.url.as_str().parse().map_err(|error| TransportError::Unsent(Box::new(error)))?;
                *outgoing.uri_mut() = uri;
                *outgoing.headers_mut() = headers;
                let (head, body) = service.clone().oneshot(outgoing).await?.into_parts();
                Ok(Response { status: head.status, headers: head.headers, body })
            }
        }
    }
}

/// Reads the whole response, up to `max` bytes.
async fn read(mut response: reqwest::Response, max: usize) -> Result<Response, TransportError> {
    let too_large = |size: usize| size > max;
    if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, too_large)) {
        return Err(TransportError::TooLarge);
    }
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let first = response.chunk().await.map_err(from_reqwest)?.unwrap_or_default();
    // Almost every response is one chunk, which needs no copy.
    let body = match response.chunk().await.map_err(from_reqwest)? {
        None => first,
        Some(second) => {
            let mut body = BytesMut::from(first);
            let mut next = Some(second);
            while let Some(chunk) = next {
                if too_large(body.len() + chunk.len()) {
                    return Err(TransportError::TooLarge);
                }
                body.extend_from_slice(&chunk);
                next = response.chunk().await.map_err(from_reqwest)?;
            }
            Bytes::from(body)
        }
    };
    if too_large(body.len()) {
        return Err(TransportError::TooLarge);
    }
    let body = if is_gzip(&headers) { decompress(&body, max)? } else { body };
    Ok(Response { status, headers, body })
}

/// Whether a response is compressed, although the request accepts `identity` alone.
fn is_gzip(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip" || encoding == "x-gzip")
}

/// Decompresses `gzip`, up to `max` bytes.
fn decompress(gzip: &[u8], max: usize) -> Result<Bytes, TransportError> {
    let mut body = Vec::new();
    let read = MultiGzDecoder::new(gzip).take(max as u64 + 1).read_to_end(&mut body);
    if body.len() > max {
        return Err(TransportError::TooLarge);
    }
    // A corrupt stream becomes an empty body, which can't be read. The status still counts.
    Ok(read.map(|_| body.into()).unwrap_or_default())
}

/// Tells a request that never left from one that may have. The URL leaves the error: it may hold a phone number.
fn from_reqwest(error: reqwest::Error) -> TransportError {
    let (unsent, error) = (error.is_connect(), Box::new(error.without_url()));
    if unsent { TransportError::Unsent(error) } else { TransportError::Lost(error) }
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
    fn a_compressed_body_is_bounded_by_its_decompressed_size() {
        assert_eq!(decompress(&packed(b"{}"), 2).unwrap(), "{}");
        assert!(matches!(decompress(&packed(b"{ }"), 2), Err(TransportError::TooLarge)));
        let bomb = packed(&vec![0; 4 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert!(matches!(decompress(&bomb, 64 << 10), Err(TransportError::TooLarge)));
    }

    #[test]
    fn a_corrupt_gzip_stream_is_an_empty_body() {
        assert_eq!(decompress(b"{}", 9).unwrap(), "");
        assert_eq!(decompress(&packed(b"{}")[..15], 9).unwrap(), "");
    }
}
