//! The way of one intent, in a task of its own: noted → alone at its target → once → what became of it.

use std::{sync::PoisonError, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Answered, Found, Intent, Once, Origin, Progress, Seek,
    records::{Hold, Named, State, Taken, Target, Trace, Who},
    reused,
};
use crate::{domain::Error, pb::ErrorReason, store::Change, tenant::Context};

/// How long the looks for a trace have after a request was lost, also if nobody waits any more.
const LOOK: Duration = Duration::from_secs(5);
/// The wait between two looks: what was lost may still be on its way into Telnyx's lists.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// The waits between two tries for what another one has; they double.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// A task that makes one intent happen.
pub(super) struct Job<I: Intent> {
    pub(super) once: Once<I>,
    pub(super) context: Context,
    pub(super) intent: std::sync::Arc<I>,
    pub(super) fingerprint: String,
    /// Whether the caller gave it a name; otherwise it has one that nobody else knows.
    pub(super) is_named: bool,
    pub(super) name: String,
    pub(super) progress: watch::Sender<Progress<I::Answer>>,
}

impl<I: Intent> Drop for Job<I> {
    fn drop(&mut self) {
        if self.is_named {
            self.once.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        }
    }
}

/// How it ended that there is no answer.
struct Failed {
    error: Error,
    /// What may have left a trace; nothing did where there is none.
    doubt: Option<Trace>,
}

/// Nothing of the intent is out there.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, doubt: None }
    }
}

/// What is found when an intent is noted.
enum Noted<A> {
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
struct Neighbours {
    taken: Vec<Taken>,
    marks: Vec<String>,
}

type Ended<A> = Result<Answered<A>, Failed>;

impl<I: Intent> Job<I> {
    pub(super) async fn run(self) {
        let end = self.noted().await;
        let progress = self.progress.clone();
        // Whoever comes now finds what is written, and must not find the task that wrote it.
        drop(self);
        progress.send_replace(Progress::Over(end));
    }

    /// Notes the intent, or finds it noted.
    async fn noted(&self) -> Result<Answered<I::Answer>, Error> {
        if !self.is_named {
            return self.alone(None).await.map_err(|failed| failed.error);
        }
        let mut wait = FIRST_WAIT;
        let earlier = loop {
            match self.note().await? {
                Noted::New => break None,
                Noted::InDoubt(trace) => break Some(trace),
                Noted::Done(answer) => {
                    let answer = self.intent.restored(answer);
                    return Ok(Answered { answer, origin: Origin::SameRequest });
                }
                Noted::Reused => return Err(reused()),
                Noted::Busy => wait = self.after(wait).await?,
            }
        };
        let end = self.alone(earlier).await;
        self.note_end(&end).await;
        end.map_err(|failed| failed.error)
    }

    async fn note(&self) -> Result<Noted<I::Answer>, Error> {
        let (now, lease) = (self.now(), self.lease());
        self.update(&self.name, |named: Option<Named<I::Answer>>| {
            let (noted, trace) = match named {
                Some(named) if named.fingerprint != self.fingerprint => return (Change::Keep, Noted::Reused),
                Some(Named { state: State::Done(answer), .. }) => return (Change::Keep, Noted::Done(answer)),
                Some(Named { state: State::Open { lease, .. }, .. }) if lease > now => {
                    return (Change::Keep, Noted::Busy);
                }
                Some(Named { state: State::Open { lease, trace: Some(trace) }, .. }) => {
                    // Who left no end may have sent until the last moment.
                    let trace = Trace { ended: trace.ended.or(Some(lease)), ..trace };
                    (Noted::InDoubt(trace.clone()), Some(trace))
                }
                Some(Named { state: State::Open { trace: None, .. }, .. }) | None => (Noted::New, None),
            };
            (self.keep(State::Open { lease, trace }), noted)
        })
        .await
    }

    /// Writes down how it ended. Where that can't be written, the lease runs out, and the next call finds it in doubt.
    async fn note_end(&self, end: &Ended<I::Answer>) {
        let state = match end {
            Ok(Answered { answer, .. }) => Some(State::Done(I::stored(answer))),
            Err(Failed { doubt: Some(trace), .. }) => {
                Some(State::Open { lease: self.now(), trace: Some(trace.clone()) })
            }
            // Nothing changed: the name is free again.
            Err(Failed { doubt: None, .. }) => None,
        };
        unimportant(self.put(state).await);
    }

    /// Writes down how far a named intent has come; nothing leaves the name free.
    async fn put(&self, state: Option<State<I::Answer>>) -> Result<(), Error> {
        let written = self.update(&self.name, |_: Option<Named<I::Answer>>| {
            (state.clone().map_or(Change::Remove, |state| self.keep(state)), ())
        });
        written.await
    }

    fn keep(&self, state: State<I::Answer>) -> Change<Named<I::Answer>> {
        let named = Named { fingerprint: self.fingerprint.clone(), state };
        Change::Put(named, self.once.parts.settings.request_id_retention)
    }

    /// Does it with no other intent at the same target.
    async fn alone(&self, earlier: Option<Trace>) -> Ended<I::Answer> {
        let neighbours = match self.hold().await {
            Ok(neighbours) => neighbours,
            Err(error) => return Err(Failed { error, doubt: earlier }),
        };
        let end = self.once(earlier, &neighbours).await;
        let taken = end.as_ref().ok().and_then(|answered| I::id(&answered.answer)).map(|id| Taken {
            id: id.to_owned(),
            intent: self.name.clone(),
            fingerprint: self.fingerprint.clone(),
            at: self.now(),
        });
        // Nobody comes back for an intent without a name.
        let trace = end.as_ref().err().and_then(|failed| failed.doubt.as_ref()).filter(|_| self.is_named);
        let doubt = trace.map(|trace| (trace.since, trace.ended.unwrap_or_else(|| self.lease())));
        let who = self.who();
        let released = self.update_target(|target| {
            target.release(&who, doubt);
            if let Some(taken) = &taken {
                target.take(taken.clone());
            }
        });
        unimportant(released.await);
        end
    }

    /// Waits until no other intent is at the target, and tells what belongs to whom there.
    async fn hold(&self) -> Result<Neighbours, Error> {
        let (mut wait, who) = (FIRST_WAIT, self.who());
        loop {
            let (now, lease, memory) = (self.now(), self.lease(), self.memory());
            let hold = |target: &mut Target| {
                let held = target.hold(&who, now, lease, memory);
                (held, Neighbours { taken: target.taken.clone(), marks: target.other_marks(&who) })
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

    /// Finds that it has happened, or makes it happen.
    async fn once(&self, earlier: Option<Trace>, neighbours: &Neighbours) -> Ended<I::Answer> {
        if let Some(trace) = &earlier
            && let Some(answer) = self.settled(trace, neighbours).await?
        {
            return Ok(Answered { answer, origin: Origin::SameRequest });
        }
        if let Some(answer) = self.duplicate(&neighbours.taken).await? {
            return Ok(Answered { answer, origin: Origin::Duplicate });
        }
        let parts = &self.once.parts;
        let before = self.intent.before(&parts.upstream, &self.context).await?;
        let mut trace = Trace { since: self.now(), ended: None, before };
        if self.is_named {
            self.put(Some(State::Open { lease: self.lease(), trace: Some(trace.clone()) })).await?;
        }
        self.progress.send_replace(Progress::Sent);
        match self.intent.perform(&parts.upstream, &self.context).await {
            Ok(answer) => Ok(Answered { answer, origin: Origin::ThisCall }),
            Err(error) if error.reason == I::IN_DOUBT => {
                trace.ended = Some(self.now());
                match self.search(&trace).await {
                    Some(answer) => Ok(Answered { answer, origin: Origin::ThisCall }),
                    None => Err(Failed { error, doubt: Some(trace) }),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What became of an intent in doubt: its answer, or none where it may be done anew.
    async fn settled(&self, trace: &Trace, neighbours: &Neighbours) -> Result<Option<I::Answer>, Failed> {
        let unknown = |wait: Option<Duration>| {
            let error = Error::new(I::IN_DOUBT, "whether it happened is not known yet");
            let error = if let Some(wait) = wait { error.retry_after(wait) } else { error };
            Failed { error, doubt: Some(trace.clone()) }
        };
        // By the time before the look: what comes while it is under way may not be in it.
        let begun = self.now();
        let end = trace.ended.unwrap_or(trace.since).saturating_add(self.once.parts.settings.settle_window);
        let left = end.unwrap_or(Timestamp::MAX).duration_since(begun);
        match self.look(trace, neighbours, !left.is_positive()).await {
            Ok(Found::This(answer)) => Ok(Some(answer)),
            Ok(Found::Nothing) if !left.is_positive() => Ok(None),
            Ok(Found::Nothing | Found::Unclear) => {
                Err(unknown(Duration::try_from(left).ok().filter(|left| !left.is_zero())))
            }
            Err(error) => {
                let failed = unknown(error.retry_after);
                Err(Failed { error: failed.error.source(error), ..failed })
            }
        }
    }

    /// Looks for the trace of a request that was just lost.
    async fn search(&self, trace: &Trace) -> Option<I::Answer> {
        for last in [false, true] {
            // The target may have been lost to another intent, if the clock was moved.
            let neighbours = self.hold().await.ok()?;
            if let Found::This(answer) = self.look(trace, &neighbours, false).await.ok()? {
                return Some(answer);
            }
            if last || Instant::now() + BETWEEN_LOOKS >= self.context.deadline {
                return None;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        None
    }

    async fn look(&self, trace: &Trace, neighbours: &Neighbours, settled: bool) -> Result<Found<I::Answer>, Error> {
        let parts = &self.once.parts;
        let others = neighbours.taken.iter().filter(|taken| taken.intent != self.name);
        let seek = Seek {
            trace,
            others: others.map(|taken| taken.id.as_str()).collect(),
            marks: neighbours.marks.iter().map(String::as_str).collect(),
            skew: parts.settings.clock_skew,
            settle: parts.settings.settle_window,
            settled,
        };
        // Whoever asks again must find the end, so it is looked for even where nobody waits now.
        let deadline = self.context.deadline.max(Instant::now() + LOOK);
        let context = Context { deadline, cancelled: CancellationToken::new(), ..self.context.clone() };
        self.intent.look(&parts.upstream, &context, &seek).await
    }

    /// The answer of the last intent at the target, where the tenant wants that to count as this one.
    async fn duplicate(&self, taken: &[Taken]) -> Result<Option<I::Answer>, Error> {
        let Some(window) = self.intent.window(&self.context).filter(|_| !self.is_named) else { return Ok(None) };
        let now = self.now();
        let recent = |taken: &&Taken| taken.at.saturating_add(window).is_ok_and(|end| end > now);
        match taken.iter().rev().take_while(recent).find(|taken| taken.fingerprint == self.fingerprint) {
            Some(taken) => self.intent.pending(&self.once.parts.upstream, &self.context, &taken.id).await,
            None => Ok(None),
        }
    }

    /// Waits before another try for what another one has, while somebody waits for its end, and tells the next wait.
    async fn after(&self, wait: Duration) -> Result<Duration, Error> {
        if self.context.cancelled.is_cancelled() || Instant::now() + wait >= self.context.deadline {
            let message = "the deadline ran out while another request to the same target was under way";
            return Err(Error::new(ErrorReason::DeadlineExceeded, message));
        }
        sleep(wait).await;
        Ok((wait * 2).min(LONGEST_WAIT))
    }

    async fn update_target<R>(&self, mut change: impl FnMut(&mut Target) -> R) -> Result<R, Error> {
        let mut parts = vec![self.context.tenant.id.as_str().as_bytes(), I::RPC.as_bytes()];
        parts.extend(self.intent.target());
        let key = format!("target:{}", self.once.parts.store.digest(&parts));
        // Until nothing in it can matter any more.
        let memory = self.memory() + self.longest();
        let retention = self.once.parts.settings.request_id_retention;
        self.update(&key, |target: Option<Target>| {
            let mut target = target.unwrap_or_default();
            let answer = change(&mut target);
            let keep = if target.is_in_doubt() { memory.max(retention) } else { memory };
            (Change::Put(target, keep), answer)
        })
        .await
    }

    async fn update<T, R>(&self, key: &str, change: impl FnMut(Option<T>) -> (Change<T>, R)) -> Result<R, Error>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        self.once.parts.store.update(key, change).await.map_err(|unavailable| {
            Error::new(ErrorReason::StoreUnavailable, "the gateway can't note what it is about to do")
                .retry_after(Duration::from_secs(1))
                .source(unavailable)
        })
    }

    fn who(&self) -> Who {
        Who { intent: self.name.clone(), mark: self.intent.mark() }
    }

    fn now(&self) -> Timestamp {
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

/// The end of an intent is known to its caller, even where it can't be written down.
fn unimportant(written: Result<(), Error>) {
    if let Err(error) = written {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, source, "an end could not be noted; it will be looked for if it is asked for again");
    }
}
