//! Lists, and how much is kept.
use serde_json::json;

use crate::simulator::{ENCODED, Sim};

#[tokio::test]
async fn filter_name_list_order_and_max_page_size_shape_lists() {
    let names = async |changes: &[(&str, &str)], query: &str| {
        let sim = Sim::with(changes).await;
        for name in ["Shop", "Shop B", "C"] {
            let _ = sim.handle.seed_profile("KEY1", name);
        }
        let list = sim.get(&format!("/v2/verify_profiles?{query}")).await.ok();
        let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
        (json!(names), list["meta"]["page_size"].clone())
    };
    assert_eq!(names(&[("filter_name", "exact")], "filter[name]=Shop").await.0, json!(["Shop"]));
    assert_eq!(names(&[("filter_name", "partial")], "filter[name]=shop").await.0, json!(["Shop B", "Shop"]));
    assert_eq!(names(&[("list_order", "newest_first")], "").await.0, json!(["C", "Shop B", "Shop"]));
    assert_eq!(names(&[("list_order", "oldest_first")], "").await.0, json!(["Shop", "Shop B", "C"]));
    let cut = names(&[("max_page_size", "2")], "page[size]=3").await;
    assert_eq!(cut, (json!(["C", "Shop B"]), json!(2)));
    assert_eq!(names(&[], "page[size]=1000").await.1, 250);
}

#[tokio::test]
async fn phone_list_paging_pages_or_does_not() {
    for (value, items, meta) in [
        ("paged", 1, json!({"page_number": 1, "page_size": 1, "total_pages": 2, "total_results": 2})),
        ("one_page", 2, json!({"page_number": 1, "page_size": 2, "total_pages": 1, "total_results": 2})),
    ] {
        let sim = Sim::with(&[("phone_list_paging", value)]).await;
        let profile = sim.profile();
        for _ in 0..2 {
            sim.sent(&profile).await;
        }
        let list = sim.get(&format!("/v2/verifications/by_phone_number/{ENCODED}?page[size]=1")).await.ok();
        assert_eq!(list["data"].as_array().unwrap().len(), items);
        assert_eq!(list["meta"], meta);
    }
}

#[tokio::test]
async fn empty_profile_list_is_a_list_or_an_error() {
    for (value, status) in [("empty", 200), ("unauthorized", 401)] {
        let sim = Sim::with(&[("empty_profile_list", value)]).await;
        assert_eq!(sim.get("/v2/verify_profiles").await.status, status);
        sim.profile();
        assert_eq!(sim.get("/v2/verify_profiles").await.status, 200);
    }
}

#[tokio::test]
async fn empty_phone_list_is_a_list_or_not_found() {
    for (value, status) in [("empty", 200), ("not_found", 404)] {
        let sim = Sim::with(&[("empty_phone_list", value)]).await;
        let path = format!("/v2/verifications/by_phone_number/{ENCODED}");
        assert_eq!(sim.get(&path).await.status, status, "{value}");
        sim.sent(&sim.profile()).await;
        assert_eq!(sim.get(&path).await.status, 200, "{value}");
    }
}

#[tokio::test]
async fn keep_bounds_messages_and_verifications() {
    let sim = Sim::with(&[("keep", "2")]).await;
    let profile = sim.profile();
    let (first, _) = sim.sent(&profile).await;
    sim.sent(&profile).await;
    let (last, _) = sim.sent(&profile).await;
    assert_eq!(sim.handle.messages().len(), 2);
    assert_eq!(sim.get(&format!("/v2/verifications/{first}")).await.status, 404);
    assert_eq!(sim.status(&last).await, "pending");
}
