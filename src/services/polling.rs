//! Reads of watched verifications whose webhooks stay silent.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use jiff::SignedDuration;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::dependencies::Dependencies;
use crate::{
    domain::{CallContext, Caller, PhoneNumber, Tenant, TenantId},
    events::{VerificationEvent, VerificationProgress},
    sync::Mutex,
    telnyx::{Channel, Verification},
};

/// When a verification is read, counted from the beginning of its watch.
const TIMES: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45), Duration::from_mins(2)];
/// How long after its expiry it is read again.
const AFTER_EXPIRY: Duration = Duration::from_secs(5);
/// The lifetime of a code whose verification and profile name none (Telnyx).
const DEFAULT_LIFETIME: Duration = Duration::from_mins(5);
/// How long a read may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Reads verifications for those who watch them.
pub(super) struct Polling {
    deps: Arc<Dependencies>,
    /// How many reads each tenant has in a second.
    max_reads: u32,
    running: Mutex<HashMap<(TenantId, String), Weak<PolledVerification>>>,
    /// When the next read of a tenant may begin.
    turns: Mutex<HashMap<TenantId, Instant>>,
}

/// A verification that is read while somebody keeps this.
pub struct PolledVerification {
    _task: AbortOnDropHandle<()>,
}

impl Polling {
    pub(super) fn new(deps: &Arc<Dependencies>, max_reads: u32) -> Self {
        Self { deps: deps.clone(), max_reads, running: Mutex::default(), turns: Mutex::default() }
    }

    /// Reads `verification` from time to time. One task reads it for all who watch it in this process.
    pub(super) fn start(
        self: &Arc<Self>,
        context: &CallContext,
        id: &str,
        verification: &Verification,
    ) -> Arc<PolledVerification> {
        let key = (context.tenant.id.clone(), id.to_owned());
        let mut running = self.running.lock();
        if let Some(polled) = running.get(&key).and_then(Weak::upgrade) {
            return polled;
        }
        let (polling, caller) =
            (self.clone(), Caller { tenant: context.tenant.clone(), identity: context.identity.clone() });
        let (id, profile_id) = (id.to_owned(), verification.verify_profile_id.clone().unwrap_or_default());
        let mut times = TIMES.map(|time| Instant::now() + time).to_vec();
        times.extend(self.after_expiry(verification));
        times.sort_unstable();
        let task = tokio::spawn(async move {
            for time in times {
                sleep_until(time).await;
                if polling.read(&caller, &id, &profile_id).await.is_some_and(VerificationProgress::is_final) {
                    return;
                }
            }
        });
        let polled = Arc::new(PolledVerification { _task: AbortOnDropHandle::new(task) });
        running.retain(|_, polled| polled.strong_count() > 0);
        running.insert(key, Arc::downgrade(&polled));
        polled
    }

    fn after_expiry(&self, verification: &Verification) -> Option<Instant> {
        let lifetime = verification.timeout_secs.map_or(DEFAULT_LIFETIME, Duration::from_secs);
        let age = self.deps.clock.now().duration_since(verification.created_at?.0);
        let left = SignedDuration::try_from(lifetime + AFTER_EXPIRY).ok()? - age;
        Instant::now().checked_add(Duration::try_from(left).ok()?)
    }

    /// Reads a verification and records its progress, unless its webhooks come, or its tenant has had its reads.
    async fn read(&self, caller: &Caller, id: &str, profile_id: &str) -> Option<VerificationProgress> {
        let Dependencies { events, upstream, attempt_timeout, .. } = &*self.deps;
        let deadline = || Instant::now() + *attempt_timeout;
        // What is not known counts as silent.
        if events.had_webhook(&caller.tenant.id, profile_id, deadline()).await.unwrap_or_default() {
            return None;
        }
        sleep_until(self.turn(&caller.tenant)?).await;
        let context = CallContext::new(caller.clone(), deadline()).internal();
        let verification = upstream.verification(&context, id).await.ok()?;
        let progress = VerificationProgress::of_status(verification.status.as_ref()?)?;
        let phone_number = verification.phone_number.as_deref().and_then(PhoneNumber::from_telnyx);
        let event = VerificationEvent {
            verification_id: id.to_owned(),
            mark: format!("read {}", progress.name()),
            progress: Some(progress),
            profile_id: verification.verify_profile_id,
            channel: verification.channel.as_deref().and_then(Channel::from_name),
            country: phone_number.and_then(|phone_number| phone_number.country()),
            time: self.deps.now(),
        };
        events.record(&caller.tenant.id, event, deadline()).await.ok().map(|_| progress)
    }

    /// When the next read of `tenant` may begin. `None` if that is too late.
    fn turn(&self, tenant: &Tenant) -> Option<Instant> {
        let (now, mut turns) = (Instant::now(), self.turns.lock());
        let turn = turns.get(&tenant.id).map_or(now, |turn| now.max(*turn));
        if self.max_reads == 0 || turn > now + MAX_WAIT {
            return None;
        }
        turns.insert(tenant.id.clone(), turn + Duration::from_secs(1) / self.max_reads);
        Some(turn)
    }
}
