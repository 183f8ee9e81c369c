//! What a job reads and writes in the store.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    super::{
        Intent, Outcome,
        records::{Hold, Named, State, Taken, Target, Trace, Who},
    },
    Ended, Failed, Job, LOOK,
};
use crate::{
    domain::Error,
    pb::ErrorReason,
    store::{self, Change, Store},
};

/// The waits between two tries for what another one has; they double.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// What is found when an intent is noted.
pub(super) enum Noted<A> {
    /// Nothing has left of it.
    New,
    /// Somebody was at it, and it may have left a trace.
    InDoubt(Trace),
    /// It has happened.
    Done(A),
    /// Somebody is at it.
    Busy,
    /// Its name is another one's.
    Reused,
}

/// What is known of the other intents at the target.
pub(super) struct Neighbours {
    pub(super) taken: Vec<Taken>,
    pub(super) in_doubt: Vec<Who>,
}

impl<I: Intent> Job<I> {
    /// Notes that the job is at its named intent, or finds what was noted.
    pub(super) async fn note(&self) -> Result<Noted<I::Answer>, Error> {
        let (now, lease) = (self.now(), self.lease());
        self.update(&self.name, |named: Option<Named<I::Answer>>| {
            let (noted, trace) = match named {
                Some(named) if named.fingerprint != self.fingerprint => return (Change::Keep, Noted::Reused),
                Some(Named { state: State::Done(answer), .. }) => return (Change::Keep, Noted::Done(answer)),
                Some(Named { state: State::Open { lease, .. }, .. }) if lease > now => {
                    return (Change::Keep, Noted::Busy);
                }
                Some(Named { state: State::Open { lease, trace: Some(trace), .. }, .. }) => {
                    // Who left no end may have sent until the last moment.
                    let trace = Trace { ended: trace.ended.or(Some(lease)), ..trace };
                    (Noted::InDoubt(trace.clone()), Some(trace))
                }
                Some(Named { state: State::Open { trace: None, .. }, .. }) | None => (Noted::New, None),
            };
            (self.keep(State::Open { owner: self.id, lease, trace }), noted)
        })
        .await
    }

    /// Notes that a request is about to leave. False where the job has lost its intent to another one.
    pub(super) async fn note_trace(&self, trace: &Trace) -> Result<bool, Error> {
        self.put(Some(State::Open { owner: self.id, lease: self.lease(), trace: Some(trace.clone()) })).await
    }

    /// Writes down how it ended, and tells whether it could. Where it can't, the lease runs out, and the next call finds it
    /// in doubt.
    pub(super) async fn note_end(&self, end: &Ended<I::Answer>) -> bool {
        let state = match end {
            Ok(Outcome { answer, .. }) => Some(State::Done(I::stored(answer))),
            Err(Failed { doubt: Some(trace), .. }) => {
                Some(State::Open { owner: self.id, lease: self.now(), trace: Some(trace.clone()) })
            }
            // Nothing changed: the name is free again.
            Err(Failed { doubt: None, .. }) => None,
        };
        self.put(state).await.inspect_err(|error| self.not_noted("request", error)).unwrap_or(false)
    }

    /// Writes down how far the named intent has come, if it is the job's own still; nothing leaves the name free.
    async fn put(&self, state: Option<State<I::Answer>>) -> Result<bool, Error> {
        let written = self.update(&self.name, |named: Option<Named<I::Answer>>| match named {
            Some(Named { state: State::Open { owner, .. }, .. }) if owner == self.id => {
                (state.clone().map_or(Change::Remove, |state| self.keep(state)), true)
            }
            _ => (Change::Keep, false),
        });
        written.await
    }

    fn keep(&self, state: State<I::Answer>) -> Change<Named<I::Answer>> {
        let named = Named { fingerprint: self.fingerprint.clone(), state };
        Change::Put(named, self.once.parts.settings.request_id_retention)
    }

    /// Waits until no other intent is at the target, and tells what belongs to whom there.
    pub(super) async fn hold(&self) -> Result<Neighbours, Error> {
        let (mut wait, who) = (FIRST_WAIT, self.who());
        loop {
            let (now, lease, memory) = (self.now(), self.lease(), self.memory());
            let hold = |target: &mut Target| {
                let held = target.hold(self.id, &who, now, lease, memory);
                (held, Neighbours { taken: target.taken.clone(), in_doubt: target.others_in_doubt(&who) })
            };
            match self.update_target(hold).await? {
                (Hold::Held, neighbours) => return Ok(neighbours),
                (Hold::Busy, _) => wait = self.after(wait).await?,
                (Hold::Full, _) => {
                    let error = Error::new(ErrorReason::GatewayOverloaded, "too much was sent to this target");
                    return Err(error.retry_after(memory));
                }
            }
        }
    }

    /// The answers, by id, of intents whose end may not have reached the target's record. Their own records may have it.
    pub(super) async fn answers(&self, intents: &[Who]) -> Result<Vec<String>, Error> {
        let mut ids = Vec::new();
        for Who { intent, .. } in intents {
            let id = self.update(intent, |named: Option<Named<I::Answer>>| {
                let id = match named {
                    Some(Named { state: State::Done(answer), .. }) => I::id(&answer).map(str::to_owned),
                    Some(Named { state: State::Open { .. }, .. }) | None => None,
                };
                (Change::Keep, id)
            });
            ids.extend(id.await?);
        }
        Ok(ids)
    }

    /// Lets go of the target, and notes there what the end was. Tells whether it could.
    pub(super) async fn release(&self, end: &Ended<I::Answer>) -> bool {
        let taken = end.as_ref().ok().and_then(|answered| I::id(&answered.answer)).map(|id| Taken {
            id: id.to_owned(),
            intent: self.name.clone(),
            fingerprint: self.fingerprint.clone(),
            at: self.now(),
        });
        // Nobody comes back for an intent without a name.
        let trace = end.as_ref().err().and_then(|failed| failed.doubt.as_ref()).filter(|_| self.is_named);
        let doubt = trace.map(|trace| (trace.since, trace.ended.unwrap_or_else(|| self.lease())));
        let release = Release {
            store: self.once.parts.store.clone(),
            key: self.target.clone(),
            job: self.id,
            who: self.who(),
            doubt,
            taken,
            keep: self.keep_target(),
        };
        let written = release.write(self.writing_deadline()).await;
        if let Err(error) = &written {
            self.not_noted("target", error);
            // The caller need not wait for it. Others must know whose the message is, as long as they may look for theirs.
            let until = Instant::now() + self.memory();
            drop(self.once.parts.tasks.run_to_completion(release.write_when_it_can(until)));
        }
        written.is_ok()
    }

    /// What is not in one record may be in the other, and is looked for where it is in none.
    fn not_noted(&self, record: &'static str, error: &dyn std::error::Error) {
        self.once.parts.metrics.record_write_failed(record);
        let source = error.source().map(ToString::to_string);
        tracing::warn!(%error, source, record, "an end could not be noted; it will be looked for if it is asked for again");
    }

    /// Waits before another try for what another one has, while somebody waits for its end, and tells the next wait.
    pub(super) async fn after(&self, wait: Duration) -> Result<Duration, Error> {
        if self.context.cancelled.is_cancelled() || Instant::now() + wait >= self.context.deadline {
            let message = "the deadline ran out while another request to the same target was under way";
            return Err(Error::new(ErrorReason::DeadlineExceeded, message));
        }
        sleep(wait).await;
        Ok((wait * 2).min(LONGEST_WAIT))
    }

    async fn update_target<R>(&self, mut change: impl FnMut(&mut Target) -> R) -> Result<R, Error> {
        let keep = self.keep_target();
        self.update(&self.target, |target: Option<Target>| {
            let mut target = target.unwrap_or_default();
            let answer = change(&mut target);
            (keep.of(target), answer)
        })
        .await
    }

    /// Until nothing in the target's record can matter any more.
    fn keep_target(&self) -> Keep {
        let memory = self.memory() + self.longest();
        Keep { memory, in_doubt: memory.max(self.once.parts.settings.request_id_retention) }
    }

    /// What has begun must be noted, also when the caller's time is over.
    fn writing_deadline(&self) -> Instant {
        self.context.deadline.max(Instant::now() + LOOK)
    }

    async fn update<T, R>(&self, key: &str, change: impl FnMut(Option<T>) -> (Change<T>, R)) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        Ok(self.once.parts.store.update_by(key, self.writing_deadline(), change).await?)
    }

    fn who(&self) -> Who {
        Who { intent: self.name.clone(), mark: self.intent.mark() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.once.parts.clock.now()
    }

    /// Until when the task certainly comes to an end or asks for more.
    fn lease(&self) -> Timestamp {
        self.now().saturating_add(self.longest()).unwrap_or(Timestamp::MAX)
    }

    fn longest(&self) -> Duration {
        let left = self.context.deadline.saturating_duration_since(Instant::now());
        left + self.once.parts.attempt_timeout + 2 * LOOK
    }

    /// How long it matters what belongs to whom at a target.
    fn memory(&self) -> Duration {
        let settings = &self.once.parts.settings;
        let doubtful = settings.settle_window + 2 * settings.clock_skew;
        self.intent.window(&self.context).unwrap_or_default().max(doubtful)
    }
}

/// How long a target's record is kept.
#[derive(Clone, Copy)]
struct Keep {
    memory: Duration,
    in_doubt: Duration,
}

impl Keep {
    fn of(self, target: Target) -> Change<Target> {
        let keep = if target.is_in_doubt() { self.in_doubt } else { self.memory };
        Change::Put(target, keep)
    }
}

/// What is noted when a job lets go of its target.
struct Release {
    store: Store,
    key: String,
    job: Uuid,
    who: Who,
    doubt: Option<(Timestamp, Timestamp)>,
    taken: Option<Taken>,
    keep: Keep,
}

impl Release {
    async fn write(&self, deadline: Instant) -> Result<(), store::Error> {
        let written = self.store.update_by(&self.key, deadline, |target: Option<Target>| {
            let mut target = target.unwrap_or_default();
            target.release(self.job, &self.who, self.doubt);
            if let Some(taken) = &self.taken {
                target.take(taken.clone());
            }
            (self.keep.of(target), ())
        });
        written.await
    }

    /// Writes as soon as the store lets it, and gives up where it does not until `until`.
    async fn write_when_it_can(self, until: Instant) {
        let mut wait = LONGEST_WAIT;
        while Instant::now() + wait < until {
            sleep(wait).await;
            if self.write(until).await.is_ok() {
                return;
            }
            wait = (wait * 2).min(LOOK);
        }
    }
}
