//! Two gateways as processes with one server. Webhooks are lost, late, doubled and out of order, and either gateway is killed.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, future::join_all, stream};
use jiff::Timestamp;
use tokio::{task::yield_now, time::timeout};
use tonic::{Code, transport::Endpoint};
use verify_gateway::pb::{EventType, StreamEventsRequest, stream_events_response::Content};

use super::BOUND;
use crate::support::{
    Clients, KEY, Served, TOKEN,
    redis::{Redis, free_port},
    tenants_file,
    webhooks::{WEBHOOK_TOKEN, WebhookSigner, delivery},
};

const VERIFICATIONS: usize = 60;

/// The gRPC address and the webhook port of each gateway.
type Addresses = Arc<Mutex<[(SocketAddr, SocketAddr); 2]>>;

async fn serve(server: &Redis) -> (Served, SocketAddr) {
    let webhooks = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let settings = format!(
        "events: {{ enabled: true }}\nwebhooks: {{ listen: '{webhooks}' }}\n\
         store: {{ backend: redis, redis: {{ url: '{}', hash_key_file: '{}' }} }}\ntelemetry: {{ log: {{ format: json }} }}\n",
        server.url(),
        server.path("hash_key").display()
    );
    let tenants = tenants_file("login", TOKEN, &format!("{{ inline: {KEY} }}"));
    let tenants = tenants.replace("    identities:", "    telnyx_account: main\n    identities:");
    let account = format!(
        "telnyx_accounts:\n  - {{ name: main, webhook_token: {WEBHOOK_TOKEN}, public_keys: ['{}'] }}\n",
        BASE64_STANDARD.encode(WebhookSigner::new(1).public_key())
    );
    let files = [("tenants.yaml", &*format!("{account}{tenants}"))];
    (Served::start("127.0.0.1:9".parse().unwrap(), &settings, &files).await, webhooks)
}

/// Posts as Telnyx does: at another gateway if one does not take it.
async fn post(http: &reqwest::Client, addresses: &Addresses, first: usize, (id, status): &(String, &str)) {
    let (signer, now) = (WebhookSigner::new(1), Timestamp::now().as_second());
    let body = delivery(id, "p", status).to_string().into_bytes();
    for attempt in first.. {
        let (_, port) = addresses.lock().unwrap()[attempt % 2];
        let url = format!("http://{port}/webhooks/{WEBHOOK_TOKEN}");
        let sent = http.post(url).headers(signer.headers(now, &body)).body(body.clone()).send().await;
        if sent.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        yield_now().await;
    }
}

/// Posts `webhooks`, each at one of the gateways and every third at both.
async fn post_all(addresses: &Addresses, webhooks: &[(String, &str)]) {
    let http = reqwest::Client::new();
    let posts = webhooks.iter().enumerate().flat_map(|(at, webhook)| {
        let firsts = if at % 3 == 0 { vec![0, 1] } else { vec![at % 2] };
        let (http, addresses) = (&http, addresses);
        firsts.into_iter().map(move |first| post(http, addresses, first, webhook))
    });
    stream::iter(posts.collect::<Vec<_>>()).buffer_unordered(8).collect::<Vec<()>>().await;
}

/// What a watcher sees after `token` until the verification `end`. It goes to the other gateway after each loss, and after
/// some events.
async fn follow(addresses: &Addresses, mut token: String, patience: usize) -> Vec<(String, EventType)> {
    let mut seen = Vec::new();
    for at in patience.. {
        yield_now().await;
        let (addr, _) = addresses.lock().unwrap()[at % 2];
        let Ok(channel) = Endpoint::new(format!("http://{addr}")).unwrap().connect().await else { continue };
        let request = StreamEventsRequest { resume_token: token.clone(), ..Default::default() };
        let mut stream = match Clients::over(channel, Some(TOKEN)).events.stream_events(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => {
                assert_ne!(status.code(), Code::FailedPrecondition, "{status:?}");
                continue;
            }
        };
        let mut left = patience;
        while let Ok(Some(message)) = stream.message().await {
            token = message.resume_token;
            if let Some(Content::Event(event)) = message.content {
                if event.verification_id == "end" {
                    return seen;
                }
                seen.push((event.verification_id.clone(), event.r#type()));
                left -= 1;
            }
            if left == 0 {
                break;
            }
        }
    }
    unreachable!("the range has no end")
}

/// The webhooks of all verifications out of order. Those of every fifth "sent" are lost.
fn webhooks() -> Vec<(String, &'static str)> {
    let mut webhooks = Vec::new();
    for number in 0..VERIFICATIONS {
        let id = format!("v{number}");
        if number % 5 != 0 {
            webhooks.push((id.clone(), "sent"));
        }
        webhooks.push((id, if number % 7 == 0 { "delivery_failed" } else { "delivered" }));
    }
    // A fixed order without a pattern: 37 is no divisor of their number.
    let count = webhooks.len();
    assert!(!count.is_multiple_of(37));
    (0..count).map(|at| webhooks[at * 37 % count].clone()).collect()
}

#[tokio::test]
async fn watchers_see_each_state_once_whoever_is_killed() {
    let Some(server) = Redis::start().await else { return };
    let (one, port_of_one) = serve(&server).await;
    let (other, port_of_other) = serve(&server).await;
    let addresses: Addresses = Arc::new(Mutex::new([(one.addr, port_of_one), (other.addr, port_of_other)]));
    let mut clients = Clients::of(one.addr, Some(TOKEN)).await;
    let mut first = clients.events.stream_events(StreamEventsRequest::default()).await.unwrap().into_inner();
    let begin = first.message().await.unwrap().unwrap().resume_token;
    let webhooks = webhooks();
    let thirds: Vec<_> = webhooks.chunks(webhooks.len().div_ceil(3)).collect();
    let work = async {
        let killed = async {
            one.process.signal("KILL").await;
            one.process.wait().await
        };
        tokio::join!(post_all(&addresses, thirds[0]), killed);
        let (one, port_of_one) = serve(&server).await;
        addresses.lock().unwrap()[0] = (one.addr, port_of_one);
        let killed = async {
            other.process.signal("KILL").await;
            other.process.wait().await
        };
        tokio::join!(post_all(&addresses, thirds[1]), killed);
        post_all(&addresses, thirds[2]).await;
        post_all(&addresses, &[("end".to_owned(), "sent")]).await;
        one
    };
    let watchers = join_all([3, 5, 1000].map(|patience| follow(&addresses, begin.clone(), patience)));
    let (one, seen) = timeout(BOUND, async { tokio::join!(work, watchers) }).await.expect("the end in time");

    for seen in seen {
        let mut states: BTreeMap<&str, Vec<EventType>> = BTreeMap::new();
        for (id, state) in &seen {
            states.entry(id).or_default().push(*state);
        }
        assert_eq!(states.len(), VERIFICATIONS);
        for (id, states) in states {
            let number: usize = id[1..].parse().unwrap();
            let last = if number.is_multiple_of(7) { EventType::DeliveryFailed } else { EventType::Delivered };
            // "sent" is no news after the last one.
            let is_right = states == [last] || (!number.is_multiple_of(5) && states == [EventType::Sent, last]);
            assert!(is_right, "{id}: {states:?}");
        }
    }
    one.end().await;
}
