//! The way of one intent: noted → alone at its target → once → what became of it.

mod notes;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty, info_span};
use uuid::Uuid;

use self::notes::{FIRST_WAIT, Neighbours, Noted};
use super::{
    Found, Intent, Once, Origin, Outcome, Progress, Seek,
    records::{Taken, Trace},
    reused,
};
use crate::{
    domain::{CallContext, Error},
    pb::ErrorReason,
    telemetry,
};

/// How long the looks for a trace have after a request was lost, also if nobody waits any more.
const LOOK: Duration = Duration::from_secs(5);
/// The wait between two looks: what was lost may still be on its way into Telnyx's lists.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What makes one intent happen.
pub(super) struct Job<I: Intent> {
    pub(super) id: Uuid,
    pub(super) once: Once<I>,
    pub(super) context: CallContext,
    pub(super) intent: Arc<I>,
    pub(super) fingerprint: String,
    /// The key of its target's record.
    pub(super) target: String,
    /// Whether the caller gave it a name; otherwise it has one that nobody else knows.
    pub(super) is_named: bool,
    pub(super) name: String,
    pub(super) progress: watch::Sender<Progress<I::Answer>>,
}

impl<I: Intent> Drop for Job<I> {
    fn drop(&mut self) {
        if self.is_named {
            self.once.running.lock().remove(&self.name);
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

type Ended<A> = Result<Outcome<A>, Failed>;

impl<I: Intent> Job<I> {
    pub(super) async fn run(self) {
        let end = self.noted().await;
        let progress = self.progress.clone();
        // Whoever comes now finds what is written, and must not find the job that wrote it.
        drop(self);
        progress.send_replace(Progress::Over(end));
    }

    /// Notes the intent, or finds it noted.
    async fn noted(&self) -> Result<Outcome<I::Answer>, Error> {
        if !self.is_named {
            return self.alone(None).await.0.map_err(|failed| failed.error);
        }
        let mut wait = FIRST_WAIT;
        let earlier = loop {
            match self.note().await? {
                Noted::New => break None,
                Noted::InDoubt(trace) => break Some(trace),
                Noted::Done(answer) => {
                    let answer = self.intent.restored(answer);
                    return Ok(Outcome { answer, origin: Origin::SameRequest });
                }
                Noted::Reused => return Err(reused()),
                Noted::Busy => wait = self.after(wait).await?,
            }
        };
        let (end, is_at_target) = self.alone(earlier).await;
        let is_noted = self.note_end(&end).await || is_at_target;
        match end {
            // Nothing would keep the answer from being another one's later.
            Ok(_) if !is_noted => Err(Error::new(I::IN_DOUBT, "it happened, and that could not be noted")),
            end => end.map_err(|failed| failed.error),
        }
    }

    /// Does it with no other intent at the same target. Tells also whether the end is noted there.
    async fn alone(&self, earlier: Option<Trace>) -> (Ended<I::Answer>, bool) {
        let neighbours = match self.hold().await {
            Ok(neighbours) => neighbours,
            Err(error) => return (Err(Failed { error, doubt: earlier }), false),
        };
        let end = self.once(earlier, &neighbours).await;
        let is_noted = self.release(&end).await;
        (end, is_noted)
    }

    /// Finds that it has happened, or makes it happen. What seldom happens is boxed, so that the usual way stays small.
    async fn once(&self, earlier: Option<Trace>, neighbours: &Neighbours) -> Ended<I::Answer> {
        let limiter = &self.once.parts.limiter;
        if let Some(trace) = &earlier {
            if let Some(answer) = Box::pin(self.settled(trace, neighbours)).await? {
                self.intent.happened(limiter, &self.context, &answer).await;
                return Ok(Outcome { answer, origin: Origin::SameRequest });
            }
            // Nothing came of it, and it begins anew.
            limiter.release(&trace.places).await;
        }
        if let Some(answer) = self.duplicate(&neighbours.taken).await? {
            return Ok(Outcome { answer, origin: Origin::Duplicate });
        }
        let before = self.intent.before(&self.once.parts.upstream, &self.context).await?;
        // Here, where it begins: what was found to have happened takes no place twice, and what waits for others none yet.
        let places = self.intent.admit(limiter, &self.context).await?;
        let trace = Trace { since: self.now(), ended: None, before, places: places.clone() };
        let end = self.begun(trace).await;
        match &end {
            Ok(answered) => self.intent.happened(limiter, &self.context, &answered.answer).await,
            Err(Failed { doubt: None, .. }) => limiter.release(&places).await,
            Err(Failed { doubt: Some(_), .. }) => {}
        }
        end
    }

    /// Makes it happen, and finds out what became of it.
    async fn begun(&self, mut trace: Trace) -> Ended<I::Answer> {
        let parts = &self.once.parts;
        if self.is_named && !self.note_trace(&trace).await? {
            return Err(Error::new(I::IN_DOUBT, "another call took this one's place").into());
        }
        self.progress.send_replace(Progress::Sent);
        // Told first, and looked at then: a caller that gives up does it the other way round, so it can't be told that
        // nothing has left while something leaves.
        if self.context.cancelled.is_cancelled() {
            return Err(Error::new(ErrorReason::DeadlineExceeded, "nobody waits for it any more").into());
        }
        match self.intent.perform(&parts.upstream, &self.context).await {
            Ok(answer) => Ok(Outcome { answer, origin: Origin::ThisCall }),
            Err(error) if error.reason == I::IN_DOUBT => {
                trace.ended = Some(self.now());
                let span = telemetry::child_span(|| info_span!("reconcile", otel.kind = "internal", found = Empty));
                let found = Box::pin(self.search(&trace)).instrument(span.clone()).await;
                span.record("found", found.is_some());
                parts.metrics.reconciled(I::RPC, if found.is_some() { "found" } else { "unknown" });
                match found {
                    Some(answer) => Ok(Outcome { answer, origin: Origin::ThisCall }),
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
        match self.look(&self.context, trace, neighbours, !left.is_positive()).await {
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
            if let Found::This(answer) = self.look(&self.context.internal(), trace, &neighbours, false).await.ok()? {
                return Some(answer);
            }
            if last || Instant::now() + BETWEEN_LOOKS >= self.context.deadline {
                return None;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        None
    }

    async fn look(
        &self,
        context: &CallContext,
        trace: &Trace,
        neighbours: &Neighbours,
        settled: bool,
    ) -> Result<Found<I::Answer>, Error> {
        let parts = &self.once.parts;
        let others = neighbours.taken.iter().filter(|taken| taken.intent != self.name);
        let answers = self.answers(&neighbours.in_doubt).await?;
        let (mark, marks) = (self.intent.mark(), neighbours.in_doubt.iter().map(|other| other.mark.as_str()));
        let seek = Seek {
            trace,
            others: others.map(|taken| taken.id.as_str()).chain(answers.iter().map(String::as_str)).collect(),
            marks: marks.filter(|other| !other.is_empty() && *other != mark).collect(),
            skew: parts.settings.clock_skew,
            settle: parts.settings.settle_window,
            settled,
            metrics: &parts.metrics,
        };
        // Whoever asks again must find the end, so it is looked for even where nobody waits now.
        let deadline = context.deadline.max(Instant::now() + LOOK);
        let context = CallContext { deadline, cancelled: CancellationToken::new(), ..context.clone() };
        self.intent.look(&parts.upstream, &context, &seek).await
    }

    /// The answer of the last intent at the target, where the tenant wants that to count as this one.
    async fn duplicate(&self, taken: &[Taken]) -> Result<Option<I::Answer>, Error> {
        let Some(window) = self.intent.window(&self.context).filter(|_| !self.is_named) else { return Ok(None) };
        let now = self.now();
        let recent = |taken: &&Taken| taken.at.saturating_add(window).is_ok_and(|end| end > now);
        match taken.iter().rev().take_while(recent).find(|taken| taken.fingerprint == self.fingerprint) {
            Some(taken) => Box::pin(self.intent.pending(&self.once.parts.upstream, &self.context, &taken.id)).await,
            None => Ok(None),
        }
    }
}
