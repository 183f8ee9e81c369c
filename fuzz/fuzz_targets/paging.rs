//! Page tokens: the gateway reads only those that it made.

#![no_main]

use libfuzzer_sys::fuzz_target;
use verify_gateway::{domain::TenantId, grpc::translate, pb::ListTemplatesRequest, telnyx::List};

fuzz_target!(|input: (i32, &str)| {
    let (page_size, page_token) = input;
    let tenant = TenantId::new("a").expect("it is a name");
    let request = ListTemplatesRequest { page_size, page_token: page_token.into() };
    if let Ok(page) = translate::list_templates(&request, &tenant) {
        let upstream = page.upstream_page();
        assert!((1..=250).contains(&upstream.size) && upstream.number > 0, "{upstream:?}");
        let full = List { data: vec![(); upstream.size as usize], meta: None };
        let next = page.page_of(full).next_page_token;
        let request = ListTemplatesRequest { page_size, page_token: next };
        assert!(translate::list_templates(&request, &tenant).is_ok());
    }
});
