//! Calls without tonic's client.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tonic::Status;

use super::{Refused, TestGateway};

/// The path of an RPC that every token may call.
pub const LIST_TEMPLATES: &str = "verify.v1.TemplateService/ListTemplates";

/// An empty gRPC message.
pub const EMPTY: &[u8] = b"\0\0\0\0\0";

/// Posts `body` as the body of a gRPC request, and takes the refusal apart. tonic's own client enforces the deadline that it
/// sends, and sometimes does so before the gateway's answer arrives.
pub async fn post(gateway: &TestGateway, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Refused {
    let answer = answer(gateway, path, headers, body).await;
    Refused::by(Status::from_header_map(&answer).map_or(Ok(()), Err))
}

/// Posts `body` as the body of a gRPC request. Returns the headers and the trailers of the answer.
pub async fn answer(gateway: &TestGateway, path: &str, headers: &[(&str, &str)], body: &[u8]) -> HeaderMap {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let mut request = http::Request::post(format!("http://{}/{path}", gateway.addr))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, body) = client.request(request.body(Full::from(body.to_vec())).unwrap()).await.unwrap().into_parts();
    let mut all = parts.headers;
    all.extend(body.collect().await.unwrap().trailers().cloned().unwrap_or_default());
    all
}

/// `message` with the prefix that gRPC adds to it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}
