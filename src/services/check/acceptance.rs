//! What the verifications and the counted checks prove of a check whose answer is lost. Pure: no clock, no I/O.
//!
//! An accepted verification proves that something made it accepted. It proves that of this check only if everything else is
//! excluded:
//!
//! 1. It became accepted after the check began, by Telnyx's clock. Before, it was not accepted.
//! 2. No other check or accepted report through the gateway can have done it. They are counted by Telnyx account, because
//!    tenants with one account share its verifications, under the ID and under the phone number of the verification.
//! 3. The store has counted without a gap since the verification was created.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    services::idempotency::Candidates,
    store,
    telnyx::{Verification, VerificationStatus},
};

/// How many checks of one verification or phone number are kept.
const MAX_CHECKS: usize = 32;

/// What the verifications that a check can mean show of it.
pub(super) enum Acceptance {
    /// The check made none of them accepted.
    Excluded,
    /// It can have made this one accepted. With it, when that was created, by Telnyx's clock.
    Possible(Box<Verification>, Timestamp),
    /// Nobody can tell.
    Unclear,
}

/// The verifications of a phone number that a check with this profile can mean. None if one may be missing.
pub(super) fn of_profile(listed: Candidates<Verification>, profile_id: &str) -> Option<Vec<Verification>> {
    let Candidates { mut answers, is_complete } = listed;
    // One that does not show its profile may be the one that was checked.
    if !is_complete || answers.iter().any(|one| one.verify_profile_id.is_none()) {
        return None;
    }
    answers.retain(|one| one.verify_profile_id.as_deref() == Some(profile_id));
    Some(answers)
}

/// The times that decide, by Telnyx's clock.
pub(super) struct CheckTimes {
    /// When the check began, at the earliest and at the latest.
    pub(super) began: [Timestamp; 2],
    /// Since when all checks are counted, at the latest.
    pub(super) counted_since: Timestamp,
}

impl Acceptance {
    /// What `verifications` show of a check at `times`.
    pub(super) fn of(mut verifications: Vec<Verification>, times: &CheckTimes) -> Self {
        if verifications.iter().any(|one| one.status.is_none()) {
            return Self::Unclear;
        }
        let [earliest, latest] = times.began;
        let updated = |one: &Verification| one.updated_at.map(|time| time.0);
        // One that was accepted before the check began is not its work.
        verifications.retain(|one| {
            one.status == Some(VerificationStatus::Accepted) && updated(one).is_none_or(|updated| updated >= earliest)
        });
        let Some(one) = verifications.pop() else { return Self::Excluded };
        match (updated(&one), one.created_at.map(|time| time.0)) {
            (Some(updated), Some(created))
                if verifications.is_empty() && updated > latest && created > times.counted_since =>
            {
                Self::Possible(Box::new(one), created)
            }
            _ => Self::Unclear,
        }
    }
}

/// The checks that can have made a verification accepted, of one verification or phone number.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct CheckLog {
    checks: Vec<CountedCheck>,
    /// Whether there were too many. Then nothing can be excluded.
    is_truncated: bool,
}

#[derive(Deserialize, Serialize)]
struct CountedCheck {
    id: Uuid,
    /// When the gateway knew that it had been accepted. None if it may still take effect.
    #[serde(with = "store::time_or_none")]
    accepted: Option<Timestamp>,
}

impl CheckLog {
    /// Counts a check that begins. A repetition counts once.
    pub(super) fn add(&mut self, id: Uuid) {
        self.remove(id);
        self.is_truncated |= self.checks.len() >= MAX_CHECKS;
        self.checks.truncate(MAX_CHECKS - 1);
        self.checks.push(CountedCheck { id, accepted: None });
    }

    /// No longer counts a check that can't have been the right one.
    pub(super) fn remove(&mut self, id: Uuid) {
        self.checks.retain(|check| check.id != id);
    }

    /// Records when it was known that a check had been accepted.
    pub(super) fn accept(&mut self, id: Uuid, at: Timestamp) {
        self.checks.iter_mut().filter(|check| check.id == id).for_each(|check| check.accepted = Some(at));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty() && !self.is_truncated
    }

    fn counts(&self, id: Uuid) -> bool {
        self.checks.iter().any(|check| check.id == id)
    }

    /// Whether all checks but the one with this ID made another verification accepted, before `time`.
    fn excludes_others(&self, id: Uuid, time: Timestamp, latest: impl Fn(Timestamp) -> Timestamp) -> bool {
        let mut others = self.checks.iter().filter(|check| check.id != id);
        !self.is_truncated && others.all(|other| other.accepted.is_some_and(|at| latest(at) < time))
    }
}

/// Whether only the check with this ID can have made a verification accepted that was `created` then: it is counted in one of
/// the `logs` of the verification, and all others are excluded. `latest` gives Telnyx's latest time for the time of a record.
pub(super) fn is_only_cause(
    logs: &[CheckLog],
    id: Uuid,
    created: Timestamp,
    latest: impl Fn(Timestamp) -> Timestamp + Copy,
) -> bool {
    logs.iter().any(|log| log.counts(id)) && logs.iter().all(|log| log.excludes_others(id, created, latest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The check began between these two, by Telnyx's clock.
    const BEGAN: [&str; 2] = ["2026-01-01T00:10:00Z", "2026-01-01T00:10:01Z"];
    const COUNTED_SINCE: &str = "2026-01-01T00:05:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What verifications of these properties show. Each is `status`, `created_at` and `updated_at`.
    fn of(verifications: &[[&str; 3]]) -> &'static str {
        let verifications = verifications.iter().map(|[status, created, updated]| {
            let mut one = json!({"id": "v1", "status": status, "created_at": created, "updated_at": updated});
            one.as_object_mut().unwrap().retain(|_, value| *value != "");
            serde_json::from_str(&one.to_string()).unwrap()
        });
        let times = CheckTimes { began: BEGAN.map(at), counted_since: at(COUNTED_SINCE) };
        match Acceptance::of(verifications.collect(), &times) {
            Acceptance::Excluded => "excluded",
            Acceptance::Possible(_, created) if created == at("2026-01-01T00:06:00Z") => "possible",
            Acceptance::Possible(..) => panic!("another creation time"),
            Acceptance::Unclear => "unclear",
        }
    }

    #[test]
    fn an_acceptance_is_possible_only_if_all_that_decides_it_is_known() {
        let created = "2026-01-01T00:06:00Z";
        let later = "2026-01-01T00:10:02Z";
        let own = ["accepted", created, later];
        for (verifications, expected) in [
            (&[][..], "excluded"),
            (&[own], "possible"),
            (&[["pending", created, later]], "excluded"),
            (&[["expired", created, later], own], "possible"),
            // Accepted before the check began, certainly and maybe.
            (&[["accepted", created, "2026-01-01T00:09:59Z"]], "excluded"),
            (&[["accepted", created, BEGAN[0]]], "unclear"),
            (&[["accepted", created, BEGAN[1]]], "unclear"),
            (&[["accepted", created, "2026-01-01T00:09:59Z"], own], "possible"),
            // Two that the check can mean.
            (&[own, own], "unclear"),
            (&[own, own, own], "unclear"),
            // One that does not show what decides.
            (&[["", created, later]], "unclear"),
            (&[["", created, later], own], "unclear"),
            (&[["accepted", created, ""]], "unclear"),
            (&[["accepted", "", later]], "unclear"),
            (&[["accepted", created, ""], own], "unclear"),
            // Checks of it may not be counted.
            (&[["accepted", COUNTED_SINCE, later]], "unclear"),
            (&[["accepted", "2026-01-01T00:04:59Z", later]], "unclear"),
        ] {
            assert_eq!(of(verifications), expected, "{verifications:?}");
        }
    }

    #[test]
    fn a_check_by_phone_number_means_the_verifications_of_its_profile_if_all_are_known() {
        let listed = |profiles: &[&str], is_complete| {
            let answers = profiles.iter().map(|profile| match *profile {
                "" => serde_json::from_str("{}").unwrap(),
                profile => serde_json::from_str(&json!({ "verify_profile_id": profile }).to_string()).unwrap(),
            });
            of_profile(Candidates { answers: answers.collect(), is_complete }, "p1").map(|found| found.len())
        };
        assert_eq!(listed(&["p1", "p2", "p1"], true), Some(2));
        assert_eq!(listed(&[], true), Some(0));
        assert_eq!(listed(&["p1", "p2"], false), None);
        assert_eq!(listed(&["p1", ""], true), None);
    }

    #[test]
    fn another_check_that_may_be_the_cause_excludes_nothing() {
        let [this, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let created = at("2026-01-01T00:06:00Z");
        // Records are dated by a clock that may be a second behind Telnyx's.
        let latest = |record: Timestamp| record + std::time::Duration::from_secs(1);
        let is_only = |logs: &[CheckLog]| is_only_cause(logs, this, created, latest);
        for place in [0, 1] {
            let mut logs = [CheckLog::default(), CheckLog::default()];
            assert!(!is_only(&logs), "the check itself is not counted");
            logs[1 - place].add(this);
            assert!(is_only(&logs));
            logs[place].add(other);
            assert!(!is_only(&logs));
            for (accepted, is_excluded) in
                [("2026-01-01T00:05:58Z", true), ("2026-01-01T00:05:59Z", false), ("2026-01-01T00:07:00Z", false)]
            {
                logs[place].accept(other, at(accepted));
                assert_eq!(is_only(&logs), is_excluded, "{accepted}");
            }
            logs[place].remove(other);
            assert!(is_only(&logs));
            logs[1 - place].remove(this);
            assert!(logs.iter().all(CheckLog::is_empty));
        }
    }

    #[test]
    fn more_checks_than_are_kept_exclude_nothing() {
        let created = at("2026-01-01T00:06:00Z");
        let id = |number: usize| Uuid::from_u128(number as u128);
        let log_of = |count: usize| {
            let mut log = CheckLog::default();
            // The repetition of a check takes no room.
            (0..MAX_CHECKS).for_each(|_| log.add(id(0)));
            (1..count).for_each(|number| log.add(id(number)));
            (0..count - 1).for_each(|number| log.accept(id(number), at("2026-01-01T00:00:00Z")));
            log
        };
        assert!(is_only_cause(&[log_of(MAX_CHECKS)], id(MAX_CHECKS - 1), created, |at| at));
        let mut full = log_of(MAX_CHECKS + 1);
        assert!(!is_only_cause(std::slice::from_ref(&full), id(MAX_CHECKS), created, |at| at));
        (0..=MAX_CHECKS).for_each(|number| full.remove(id(number)));
        assert!(!full.is_empty());
    }
}
