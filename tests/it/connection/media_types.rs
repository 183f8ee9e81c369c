//! Methods and content types of requests. A page in a browser can send some without asking first.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::support::{
    TOKEN, TestGateway,
    raw::{EMPTY, LIST_TEMPLATES},
};

const HEALTH: &str = "grpc.health.v1.Health/Check";

/// Whether a request of this method and content type is taken as a call of gRPC, and whether it is one of gRPC-Web.
const CASES: [(Method, &[&str], bool, bool); 17] = [
    (Method::POST, &["application/grpc"], true, false),
    (Method::POST, &["application/grpc+proto"], true, false),
    (Method::POST, &["application/grpc;charset=utf-8"], true, false),
    (Method::POST, &["application/grpc-web"], false, true),
    (Method::POST, &["application/grpc-web+proto"], false, true),
    (Method::POST, &["application/grpc-web-text"], false, true),
    (Method::POST, &[], false, false),
    (Method::POST, &[""], false, false),
    (Method::POST, &["text/plain"], false, false),
    (Method::POST, &["text/plain", "application/grpc"], false, false),
    (Method::POST, &["text/plain; application/grpc"], false, false),
    (Method::POST, &["application/x-www-form-urlencoded"], false, false),
    (Method::POST, &["application/json"], false, false),
    (Method::POST, &["application/grpcs"], false, false),
    (Method::PUT, &["application/grpc"], false, false),
    (Method::PUT, &["application/grpc-web"], false, false),
    (Method::GET, &["application/grpc"], false, false),
];

#[tokio::test]
async fn a_request_that_is_no_call_is_refused_over_http_2() {
    for is_web_on in [false, true] {
        let gateway = TestGateway::builder().config(|config| config.grpc.web.enabled = is_web_on).start().await;
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
        for (method, kinds, is_grpc, is_web) in &CASES {
            for path in [LIST_TEMPLATES, HEALTH] {
                let mut request = Request::builder()
                    .method(method)
                    .uri(format!("http://{}/{path}", gateway.addr))
                    .header("authorization", format!("Bearer {TOKEN}"));
                for kind in *kinds {
                    request = request.header("content-type", *kind);
                }
                let answer = client.request(request.body(Full::from(EMPTY)).unwrap()).await.unwrap();
                let is_taken = *is_grpc || (*is_web && is_web_on);
                let expected = if is_taken { StatusCode::OK } else { StatusCode::UNSUPPORTED_MEDIA_TYPE };
                assert_eq!(answer.status(), expected, "{method} {path} {kinds:?}, gRPC-Web: {is_web_on}");
            }
        }
        drop(client);
        gateway.stop().await;
    }
}
