//! What the reports of the servers mean: the risks, and the losses of records.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::marks::ServerReport;
use crate::store::Risk;

/// The servers as they were last seen.
pub(super) struct ServerWatch {
    /// How long a loss of records matters.
    settle_window: Duration,
    max_clock_offset: Duration,
    /// Whether replicas may take over although no server has any at the moment.
    has_sentinels: bool,
    /// By the key of the first mark.
    seen: HashMap<String, SeenMark>,
    lost: Option<Instant>,
    risks: BTreeSet<Risk>,
    /// How many bytes the servers may take together.
    max_bytes: u64,
}

struct SeenMark {
    since: Timestamp,
    renewed: Timestamp,
}

impl ServerWatch {
    pub(super) fn new(settle_window: Duration, max_clock_offset: Duration, has_sentinels: bool) -> Self {
        let (seen, lost, risks) = (HashMap::new(), None, BTreeSet::new());
        Self { settle_window, max_clock_offset, has_sentinels, seen, lost, risks, max_bytes: 0 }
    }

    pub(super) const fn risks(&self) -> &BTreeSet<Risk> {
        &self.risks
    }

    pub(super) const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Compares the reports with the earlier ones. Logs each change once.
    pub(super) fn note(&mut self, reports: &[&ServerReport], clock_offset: SignedDuration) {
        self.max_bytes = reports.iter().map(|report| report.max_bytes).sum();
        let mut losses = Vec::new();
        for report in reports {
            losses.extend(self.loss(report));
            let seen = SeenMark { since: report.since, renewed: report.renewed };
            self.seen.insert(report.mark.clone(), seen);
        }
        if let Some(how) = losses.first() {
            self.lost = Some(Instant::now());
            tracing::error!(how, "the store has lost records, so messages may be sent twice");
        }
        let any = |is: fn(&ServerReport) -> bool| reports.iter().any(|report| is(report));
        let can_fail_over = self.has_sentinels || any(|report| report.replicas > 0);
        let risks = [
            (Risk::Eviction, any(|report| !matches!(&*report.eviction_policy, "" | "noeviction"))),
            (Risk::Full, any(ServerReport::is_full)),
            (Risk::RecordsLost, self.lost.is_some_and(|lost| lost.elapsed() < self.settle_window)),
            (Risk::Unreplicated, can_fail_over && any(|report| !report.needs_replicas)),
            (Risk::ClockOffset, clock_offset.unsigned_abs() > self.max_clock_offset),
        ];
        let risks = risks.into_iter().filter(|(_, is)| *is).map(|(risk, _)| risk).collect();
        log_changes(&self.risks, &risks);
        self.risks = risks;
    }

    /// How the server has lost records since it was last seen.
    fn loss(&self, report: &ServerReport) -> Option<&'static str> {
        let seen = self.seen.get(&report.mark)?;
        // A change that was seen before at another server comes with a slot of a cluster.
        if self.seen.values().any(|seen| seen.since == report.since) {
            return None;
        }
        match &*report.cause {
            "new" => Some("it was emptied"),
            "evicted" => Some("it has evicted some"),
            _ if report.former < seen.renewed => Some("another server took its place without the last writes"),
            _ => {
                tracing::warn!(
                    "another server, or the same one restarted, has taken the place of a server of the store"
                );
                None
            }
        }
    }
}

fn log_changes(before: &BTreeSet<Risk>, now: &BTreeSet<Risk>) {
    for risk in now.difference(before) {
        let (name, cause) = (risk.name(), risk.describe());
        if risk.breaks_promises() {
            tracing::error!(risk = name, cause, "the store may not keep its records");
        } else {
            tracing::warn!(risk = name, cause, "the store is at risk");
        }
    }
    for risk in before.difference(now) {
        tracing::info!(risk = risk.name(), "the store is no longer at risk");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A report of a master that has kept its records since `since`, because of `cause`, with the mark renewed at `renewed`.
    fn report(since: i64, cause: &str, former: i64, renewed: i64) -> ServerReport {
        ServerReport {
            mark: "mark".into(),
            time: second(renewed),
            since: second(since),
            cause: cause.into(),
            former: second(former),
            renewed: second(renewed),
            refusal: String::new(),
            role: "master".into(),
            eviction_policy: String::new(),
            replicas: 0,
            needs_replicas: false,
            max_bytes: 1 << 30,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_a_risk_for_a_settle_window() {
        // The mark was last seen at 100, with records since 10. Another server has records since 30.
        for (later, is_lost) in [
            (report(10, "new", 0, 101), false),
            (report(101, "new", 0, 101), true),
            (report(101, "evicted", 100, 101), true),
            (report(101, "moved", 100, 101), false),
            (report(101, "moved", 99, 101), true),
            // The clock of the other server is behind.
            (report(95, "moved", 99, 96), true),
            // The mark came with a slot to the other server.
            (report(30, "new", 0, 101), false),
            (report(30, "moved", 20, 101), false),
            // The other server was emptied before that.
            (report(40, "new", 0, 101), true),
        ] {
            let window = Duration::from_mins(1);
            let mut watch = ServerWatch::new(window, Duration::from_secs(5), false);
            let other = ServerReport { mark: "other".into(), ..report(30, "new", 0, 100) };
            watch.note(&[&report(10, "new", 0, 100), &other], SignedDuration::ZERO);
            assert!(watch.risks().is_empty());
            watch.note(&[&later], SignedDuration::ZERO);
            assert_eq!(watch.risks().contains(&Risk::RecordsLost), is_lost, "{later:?}");
            tokio::time::advance(window).await;
            watch.note(&[&later], SignedDuration::ZERO);
            assert!(watch.risks().is_empty(), "{later:?}");
        }
    }

    #[tokio::test]
    async fn each_risk_has_its_cause() {
        let now = report(10, "new", 0, 100);
        for (report, offset, has_sentinels, risk) in [
            (now.clone(), 0, false, None),
            (ServerReport { eviction_policy: "noeviction".into(), ..now.clone() }, 0, false, None),
            (ServerReport { eviction_policy: "volatile-lru".into(), ..now.clone() }, 0, false, Some(Risk::Eviction)),
            (ServerReport { refusal: "OOM command not allowed".into(), ..now.clone() }, 0, false, Some(Risk::Full)),
            (ServerReport { replicas: 1, ..now.clone() }, 0, false, Some(Risk::Unreplicated)),
            (ServerReport { replicas: 1, needs_replicas: true, ..now.clone() }, 0, true, None),
            (now.clone(), 0, true, Some(Risk::Unreplicated)),
            (now.clone(), 5, false, None),
            (now.clone(), 6, false, Some(Risk::ClockOffset)),
            (now, -6, false, Some(Risk::ClockOffset)),
        ] {
            let mut watch = ServerWatch::new(Duration::from_mins(1), Duration::from_secs(5), has_sentinels);
            watch.note(&[&report], SignedDuration::from_secs(offset));
            assert_eq!(
                watch.risks().iter().copied().collect::<Vec<_>>(),
                risk.into_iter().collect::<Vec<_>>(),
                "{report:?}"
            );
        }
    }
}
