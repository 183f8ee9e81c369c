//! The transport of requests: the HTTP client, or another HTTP service.

use std::{error::Error as StdError, io::Read};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, USER_AGENT},
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use tower::{ServiceExt, util::BoxCloneSyncService};

use super::{
    connector::{self, HttpClient},
    request::{Request, Response, TransportError},
};
use crate::config;

/// The user agent.
const THIS_PROGRAM: HeaderValue = HeaderValue::from_static(concat!("verify-gateway/", env!("CARGO_PKG_VERSION")));

/// Carries requests to the upstream.
pub(super) enum Transport {
    /// The network, over connections that are kept alive and shared by all tenants.
    Network { client: Box<HttpClient>, max_response_size: usize },
    /// A service in this process.
    Service(BoxCloneSyncService<http::Request<Bytes>, http::Response<Bytes>, TransportError>),
}

impl Transport {
    pub(super) fn network(config: &config::UpstreamConfig) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::Network { client: connector::client(config)?.into(), max_response_size: config.max_response_size })
    }

    /// Sends `request` with `headers` and reads the whole response.
    pub(super) async fn send(&self, request: Request, mut headers: HeaderMap) -> Result<Response, TransportError> {
        headers.insert(USER_AGENT, THIS_PROGRAM);
        let mut outgoing = http::Request::new(request.body);
        *outgoing.method_mut() = request.operation.method();
        *outgoing.uri_mut() = request.uri;
        *outgoing.headers_mut() = headers;
        match self {
            Self::Network { client, max_response_size } => {
                let response = client.request(outgoing.map(Full::new)).await.map_err(not_answered)?;
                read(response, *max_response_size).await
            }
            Self::Service(service) => {
                let (head, body) = service.clone().oneshot(outgoing).await?.into_parts();
                Ok(Response { status: head.status, headers: head.headers, body, answer: None })
            }
        }
    }
}

/// Reads the whole response, up to `max` bytes.
async fn read(response: http::Response<Incoming>, max: usize) -> Result<Response, TransportError> {
    let too_large = |size: usize| size > max;
    let (head, mut incoming) = response.into_parts();
    if incoming.size_hint().exact().is_some_and(|length| usize::try_from(length).map_or(true, too_large)) {
        return Err(TransportError::TooLarge);
    }
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame.map_err(|error| TransportError::Lost(Box::new(error)))?.into_data() else { continue };
        if too_large(first.len() + more.len() + chunk.len()) {
            return Err(TransportError::TooLarge);
        }
        // Almost every response is one chunk, which needs no copy.
        if first.is_empty() { first = chunk } else { more.extend_from_slice(&chunk) }
    }
    let body = if more.is_empty() { first } else { [first, more.freeze()].concat().into() };
    let body = if is_gzip(&head.headers) { decompress(&body, max)? } else { body };
    Ok(Response { status: head.status, headers: head.headers, body, answer: None })
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

/// Tells a request that never left from one that may have.
fn not_answered(error: legacy::Error) -> TransportError {
    let (unsent, error) = (error.is_connect(), Box::new(error));
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
