//! One interleaving.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;
use verify_gateway::{
    clock::Clock,
    config::Config,
    domain::{Error, PhoneNumber, TenantId},
    pb::ErrorReason,
    services::{Send, Services, Tasks},
    simulator::{self, Handle},
    store::Store,
    telemetry::Metrics,
    telnyx::Channel,
    tenant::{
        ApiKey, Caller, Context, Limits, Tenant,
        limits::{DAY, Limit, Window},
    },
    upstream::Client,
};

use super::{origin::Origin, random::Random};

const KEY: &str = "KEYmodel";
const PHONES: [&str; 2] = ["+13035551234", "+13035556789"];
const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Call];

/// Everything there is in one interleaving.
#[derive(Clone)]
pub struct World {
    random: Random,
    config: Config,
    origin: Origin,
    store: Store,
    /// The gateway's; the upstream has its own.
    clock: Clock,
    tenant: Arc<Tenant>,
    profile_id: String,
    gateway: Arc<Mutex<(Services, Tasks)>>,
}

/// What a caller wants to happen once.
#[derive(Clone, Copy)]
struct Intent {
    request_id: Option<Uuid>,
    phone: &'static str,
    channel: Channel,
    timeout_secs: Option<u64>,
}

/// What callers were told.
#[derive(Default)]
struct Told {
    /// The verifications that the calls of a name were answered with.
    named: BTreeMap<Uuid, BTreeSet<String>>,
    nameless: Vec<String>,
    /// Calls without a name whose callers don't know what became of them.
    unknown: usize,
}

impl World {
    /// Plays one interleaving and says what is wrong with its end.
    pub async fn play(random: Random) -> Result<(), String> {
        let (mut world, simulator) = Self::new(random);
        let told = Arc::new(Mutex::new(Told::default()));
        let intents = world.intents();
        let callers: Vec<u64> = intents.iter().map(|_| 1 + world.random.below(2)).collect();
        // Each call without a name is an intent of its own.
        let sends = intents.iter().zip(&callers).map(|(one, callers)| one.request_id.map_or(*callers, |_| 1)).sum();
        world.tenant = Arc::new(tenant(sends));
        let mut calls = JoinSet::new();
        for (&intent, callers) in intents.iter().zip(callers) {
            for _ in 0..callers {
                calls.spawn(world.clone().caller(intent, told.clone()));
            }
        }
        world.clone().disturb().await;
        while let Some(call) = calls.join_next().await {
            call.map_err(|error| error.to_string())?;
        }
        world.origin.calm_down();
        for intent in intents {
            world.drive(intent, &told).await?;
        }
        // What acts late has acted after this.
        sleep(Duration::from_mins(2)).await;
        let told = Arc::try_unwrap(told).map_err(|_| "somebody still calls")?.into_inner().unwrap();
        told.check(&simulator)
    }

    fn new(random: Random) -> (Self, Handle) {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let (simulator, service) =
            simulator::in_process(simulator::Settings::default(), Clock::starting_at(start)).unwrap();
        let profile_id = simulator.seed_profile(KEY, "model");
        let mut config = Config::default();
        config.upstream.base_url = "http://simulator/v2".into();
        // Its waits are random, and no seed repeats them.
        config.upstream.retry.base_delay = Duration::ZERO;
        let clock = Clock::starting_at(start);
        let store = Store::memory(&config.store, clock.clone());
        let origin = Origin::new(service, random.clone());
        let gateway = Arc::new(Mutex::new(start_gateway(&config, &origin, &store, &clock)));
        let tenant = Arc::new(tenant(0));
        (Self { random, config, origin, store, clock, tenant, profile_id, gateway }, simulator)
    }

    /// One to four intents at few targets. Half of the worlds have only named ones, for which the promise is whole.
    fn intents(&self) -> Vec<Intent> {
        let random = &self.random;
        let nameless = if random.percent(50) { 40 } else { 0 };
        let pick = |count: u64| usize::try_from(random.below(count)).unwrap();
        let intent = |_| Intent {
            request_id: (!random.percent(nameless)).then(|| random.uuid()),
            phone: PHONES[pick(2)],
            channel: CHANNELS[pick(2)],
            timeout_secs: [None, Some(120)][pick(2)],
        };
        (0..=random.below(4)).map(intent).collect()
    }

    /// A caller, who may ask again, may want something else by the same name, and may go away.
    async fn caller(self, intent: Intent, told: Arc<Mutex<Told>>) {
        let random = &self.random;
        sleep(random.millis(2000)).await;
        for _ in 0..=random.below(3) {
            let contradicts = random.percent(5) && intent.request_id.is_some();
            let intent = if contradicts { Intent { timeout_secs: Some(77), ..intent } } else { intent };
            let patience = if random.percent(20) { random.millis(3000) } else { Duration::from_hours(1) };
            let end = timeout(patience, self.call(intent, 100 + random.below(15_000))).await;
            let again = match end {
                Ok(Ok(id)) => {
                    told.lock().unwrap().note(intent, id);
                    false
                }
                Ok(Err(error)) => {
                    told.lock().unwrap().note_failure(intent, Some(error.reason));
                    true
                }
                Err(_gone) => {
                    told.lock().unwrap().note_failure(intent, None);
                    true
                }
            };
            // Without a name, asking again would be another intent.
            if !again || intent.request_id.is_none() {
                return;
            }
            sleep(random.millis(3000)).await;
        }
    }

    async fn call(&self, intent: Intent, deadline_ms: u64) -> Result<String, Error> {
        let services = self.gateway.lock().unwrap().0.clone();
        let context = Context::new(
            Caller::unrestricted(self.tenant.clone()),
            Instant::now() + Duration::from_millis(deadline_ms),
        );
        let send = Send {
            request_id: intent.request_id,
            phone_number: PhoneNumber::parse(intent.phone).unwrap(),
            channel: intent.channel,
            profile_id: self.profile_id.clone(),
            timeout_secs: intent.timeout_secs,
            custom_code: None,
            extension: None,
        };
        let answered = services.verifications.create(&context, send).await.inspect_err(|error| {
            let reason = error.reason;
            assert!(reason != ErrorReason::DailySendLimitReached, "an intent took more than its one place");
        })?;
        Ok(answered.answer.id.expect("an answer has an id"))
    }

    /// Kills the gateway, moves its clock, lets hours pass.
    async fn disturb(self) {
        for _ in 0..self.random.below(4) {
            sleep(self.random.millis(8000)).await;
            match self.random.below(4) {
                0 | 1 => self.kill().await,
                2 => self.clock.advance(self.random.millis(8000)),
                _ => self.clock.reset(),
            }
        }
        if self.random.percent(10) {
            sleep(Duration::from_hours(1)).await;
        }
    }

    /// Ends the gateway where it stands, and starts another one on the same records.
    async fn kill(&self) {
        let (_, tasks) = {
            let mut gateway = self.gateway.lock().unwrap();
            std::mem::replace(&mut *gateway, start_gateway(&self.config, &self.origin, &self.store, &self.clock))
        };
        let _ = tasks.cut();
        tasks.drain().await;
    }

    /// Asks until there is an answer, as a caller does that follows the errors' advice.
    async fn drive(&self, intent: Intent, told: &Mutex<Told>) -> Result<(), String> {
        if intent.request_id.is_none() {
            return Ok(());
        }
        let mut intent = intent;
        for _ in 0..20 {
            match self.call(intent, 10_000).await {
                Ok(id) => {
                    told.lock().unwrap().note(intent, id);
                    return Ok(());
                }
                // The name is that of what contradicted it.
                Err(error) if error.reason == ErrorReason::RequestIdReused => {
                    intent.timeout_secs = Some(77);
                }
                Err(error) => sleep(error.retry_after.unwrap_or(Duration::from_secs(5))).await,
            }
        }
        Err(format!("no answer for {:?}", intent.request_id))
    }
}

/// The tenant, which may send as often as there are intents.
fn tenant(intents: u64) -> Tenant {
    let limit = Limit::enforced(Window { max: u32::try_from(intents).unwrap(), per: DAY });
    let limits = Limits { sends_per_day: Some(limit), ..Limits::none() };
    Tenant { limits, ..Tenant::new(TenantId::new("model").unwrap(), ApiKey::new(KEY).unwrap()) }
}

fn start_gateway(config: &Config, origin: &Origin, store: &Store, clock: &Clock) -> (Services, Tasks) {
    let client = Client::over(origin.clone(), &config.upstream, clock.clone(), &Metrics::default()).unwrap();
    let tasks = Tasks::default();
    (Services::new(config, &client, store, clock, &tasks, &Metrics::default()), tasks)
}

impl Told {
    fn note(&mut self, intent: Intent, id: String) {
        match intent.request_id {
            Some(name) => _ = self.named.entry(name).or_default().insert(id),
            None => self.nameless.push(id),
        }
    }

    fn note_failure(&mut self, intent: Intent, reason: Option<ErrorReason>) {
        let knows = matches!(
            reason,
            Some(
                ErrorReason::DeadlineExceeded
                    | ErrorReason::UpstreamUnavailable
                    | ErrorReason::UpstreamRateLimited
                    | ErrorReason::GatewayOverloaded
            )
        );
        if intent.request_id.is_none() && !knows {
            self.unknown += 1;
        }
    }

    /// Compares what was told with what was sent.
    fn check(self, simulator: &Handle) -> Result<(), String> {
        let messages = simulator.messages();
        let sent: BTreeSet<&str> = messages.iter().map(|message| message.verification_id.as_str()).collect();
        let several = self.named.iter().find(|(_, ids)| ids.len() != 1);
        if let Some((name, ids)) = several {
            return Err(format!("{name} was answered with {ids:?}"));
        }
        let answers: Vec<&str> = self.named.values().flatten().chain(&self.nameless).map(String::as_str).collect();
        let distinct: BTreeSet<&str> = answers.iter().copied().collect();
        if distinct.len() != answers.len() {
            return Err(format!("two intents share a message: {answers:?}"));
        }
        if let Some(untrue) = distinct.iter().find(|id| !sent.contains(**id)) {
            return Err(format!("{untrue} was never sent"));
        }
        let (all, told) = (messages.len(), distinct.len());
        if all < told || all > told + self.unknown {
            return Err(format!("{all} messages for {told} intents and {} unknown ones", self.unknown));
        }
        Ok(())
    }
}
