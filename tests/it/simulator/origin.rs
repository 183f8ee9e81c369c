//! Pages of other sites have no access to the control endpoints.

use axum::body::Body;
use http::{Method, Request, header};
use serde_json::json;

use super::Sim;

/// The status of a reset, sent with these headers.
async fn reset(sim: &Sim, host: &str, origin: Option<&str>) -> u16 {
    let mut request = Request::post(format!("http://{}/_simulator/reset", sim.addr)).header(header::HOST, host);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    sim.client.request(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_by_its_origin() {
    let sim = Sim::start().await;
    for (origin, status) in [
        (Some("http://localhost:4010"), 204),
        (Some("https://LOCALHOST:4010"), 204),
        (None, 204),
        (Some("http://localhost:4011"), 403),
        (Some("http://localhost"), 403),
        (Some("https://example.com"), 403),
        (Some("http://localhost:4010.example.com"), 403),
        (Some("null"), 403),
        (Some(""), 403),
    ] {
        assert_eq!(reset(&sim, "localhost:4010", origin).await, status, "{origin:?}");
    }
}

#[tokio::test]
async fn a_name_that_another_site_can_have_is_refused() {
    let sim = Sim::with(&[("allowed_hosts", "sim.example.com, sim.example.org")]).await;
    for (host, status) in [
        ("127.0.0.1:4010", 204),
        ("192.168.0.7", 204),
        ("[::1]:4010", 204),
        ("localhost", 204),
        ("LocalHost.:4010", 204),
        ("simulator:4010", 204),
        ("shop.localhost:4010", 204),
        ("host.docker.internal:4010", 204),
        ("simulator.test.svc.cluster.local", 204),
        ("sim.example.org:4010", 204),
        ("example.com:4010", 403),
        ("example.org", 403),
        ("127.0.0.1.example.com", 403),
        ("localhost.example.com", 403),
        ("sim.example.com.evil.example", 403),
        ("x@localhost.example", 403),
    ] {
        let origin = format!("http://{host}");
        assert_eq!(reset(&sim, host, Some(&origin)).await, status, "{host}");
    }
}

#[tokio::test]
async fn every_control_endpoint_is_guarded_and_the_api_is_not() {
    let sim = Sim::start().await;
    let index = sim.get("/_simulator").await.ok();
    let paths: Vec<_> = index["control"].as_object().unwrap().keys().map(String::as_str).chain(["/"]).collect();
    assert!(paths.len() > 10, "{paths:?}");
    let status = async |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", sim.addr));
        let request = request.header(header::HOST, "api.telnyx.com").header(header::AUTHORIZATION, "Bearer KEY1");
        sim.client.request(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    for path in paths {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PATCH] {
            assert_eq!(status(method, path).await, 403, "{path}");
        }
    }
    assert_eq!(status(Method::GET, "/v2/verify_profiles").await, 200);
    let request = Request::get(format!("http://{}/_simulator", sim.addr)).header(header::HOST, "example.com");
    let refused = sim.client.request(request.body(Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(Body::new(refused.into_body()), usize::MAX).await.unwrap();
    let error = serde_json::from_slice::<serde_json::Value>(&body).unwrap();
    assert!(error["error"].as_str().unwrap().contains("allowed_hosts"), "{error}");
    assert_eq!(error, json!({"error": error["error"]}));
}
