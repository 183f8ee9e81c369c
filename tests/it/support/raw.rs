//! Calls without tonic's client.

use bytes::Bytes;
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
pub async fn post(gateway: &TestGateway, path: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Refused {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let mut request = http::Request::post(format!("http://{}/{path}", gateway.addr))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    body.collect().await.unwrap();
    Refused::by(Status::from_header_map(&parts.headers).map_or(Ok(()), Err))
}
