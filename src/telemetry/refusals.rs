//! Refusals without an identity, summed up. A stranger can cause any number of them, and must not fill the log.
//!
//! The first refusal of each kind is written at once. Those that follow within a second are one line at its end, and so
//! on until a second passes without any.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;
use tracing::{info, warn};

use super::{
    audit::{self, RefusalKind},
    call::{Call, JwtSource},
};
use crate::sync::Mutex;

/// How often refusals of one kind are written.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many sources of a sum are kept apart.
const MAX_SOURCES: usize = 256;
/// How many sources a line names.
const NAMED: usize = 5;

/// Sums up the refusals of one gateway. Clones share the sums.
#[derive(Clone)]
pub struct Refusals {
    sums: Arc<Mutex<HashMap<RefusalKind, Sum>>>,
    audit: bool,
}

/// Where a refused call came from.
type Source = (String, Option<JwtSource>);

#[derive(Default)]
struct Sum {
    count: usize,
    sources: HashMap<Source, usize>,
}

impl Refusals {
    /// Denials are audit events if `audit` says so.
    pub(crate) fn new(audit: bool) -> Self {
        Self { sums: Arc::default(), audit }
    }

    /// Whether the audit event of a refused call is written, so that it needs no other line.
    pub const fn is_audited(&self) -> bool {
        self.audit
    }

    /// Records that `call` was refused. Must be called in a Tokio runtime.
    pub fn record(&self, call: &Call, kind: RefusalKind) {
        let peer = call.peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        let source = (peer, call.subject.lock().jwt.clone());
        match self.sums.lock().entry(kind.clone()) {
            Entry::Occupied(mut sum) => return sum.get_mut().add(source),
            Entry::Vacant(sum) => _ = sum.insert(Sum::default()),
        }
        Sum { count: 1, sources: [(source, 1)].into() }.write(&kind, Some(call), self.audit);
        let Self { sums, audit } = self.clone();
        tokio::spawn(async move {
            while let Some(sum) = next_sum(&sums, &kind).await {
                sum.write(&kind, None, audit);
            }
        });
    }

    /// Writes what was not written yet.
    pub(super) fn flush(&self) {
        for (kind, sum) in self.sums.lock().drain().filter(|(_, sum)| sum.count > 0) {
            sum.write(&kind, None, self.audit);
        }
    }
}

/// What was refused within the next interval. If it is nothing, the kind is forgotten under the same lock, so that the next
/// refusal is written at once.
async fn next_sum(sums: &Mutex<HashMap<RefusalKind, Sum>>, kind: &RefusalKind) -> Option<Sum> {
    sleep(INTERVAL).await;
    let mut sums = sums.lock();
    let sum = sums.get_mut(kind).map(mem::take).filter(|sum| sum.count > 0);
    if sum.is_none() {
        sums.remove(kind);
    }
    sum
}

impl Sum {
    fn add(&mut self, source: Source) {
        self.count += 1;
        let is_full = self.sources.len() >= MAX_SOURCES;
        match self.sources.get_mut(&source) {
            Some(count) => *count += 1,
            None if is_full => {}
            None => _ = self.sources.insert(source, 1),
        }
    }

    /// Writes the line of these refusals, which may be of one `call`.
    fn write(self, kind: &RefusalKind, call: Option<&Call>, audit: bool) {
        let RefusalKind { code, reason, cause, is_denial } = kind;
        let (count, peers) = (self.count, self.shares());
        if *is_denial && audit {
            return audit::denied(call, self.count, &peers, kind);
        }
        // Shedding and issuers without keys are for operators to see. The rest is the callers' own affair.
        macro_rules! refused {
            ($level:ident) => {
                $level!(code, reason, source = cause, count, peers, "refused")
            };
        }
        if matches!(*code, "UNAVAILABLE" | "DEADLINE_EXCEEDED") { refused!(warn) } else { refused!(info) }
    }

    /// The sources by share: `203.0.113.9: 71 %, 198.51.100.4 (issuer https://issuer, key k1): 20 %, others: 9 %`.
    fn shares(&self) -> String {
        let mut sources: Vec<_> = self.sources.iter().collect();
        sources.sort_unstable_by_key(|(source, count)| (Reverse(**count), &source.0));
        let named = sources.iter().take(NAMED).map(|((peer, jwt), count)| (named(peer, jwt.as_ref()), **count));
        let of_named: usize = named.clone().map(|(_, count)| count).sum();
        let others = Some(("others".to_owned(), self.count - of_named)).filter(|(_, count)| *count > 0);
        let shares = named.chain(others).map(|(source, count)| format!("{source}: {} %", 100 * count / self.count));
        shares.collect::<Vec<_>>().join(", ")
    }
}

fn named(peer: &str, jwt: Option<&JwtSource>) -> String {
    match jwt {
        Some(jwt) => format!("{peer} (issuer {}, key {})", jwt.issuer(), jwt.key_id().unwrap_or("none")),
        None => peer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_by_share_and_bounded() {
        let mut sum = Sum::default();
        let jwt = JwtSource::new("https://issuer\nlevel=ERROR", Some("k1"));
        (0..60).for_each(|_| sum.add(("203.0.113.9".into(), None)));
        (0..30).for_each(|_| sum.add(("198.51.100.4".into(), Some(jwt.clone()))));
        (0..1000).for_each(|n| sum.add((format!("192.0.2.{n}"), None)));
        assert_eq!((sum.count, sum.sources.len()), (1090, MAX_SOURCES));
        let shares = sum.shares();
        assert!(
            shares.starts_with("203.0.113.9: 5 %, 198.51.100.4 (issuer https://issuer?level=ERROR, key k1): 2 %"),
            "{shares}"
        );
        assert!(shares.ends_with("others: 91 %"), "{shares}");
    }
}
