//! One interleaving.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use verify_gateway::{
    clock::Clock,
    config::Config,
    domain::{ApiKey, CallContext, Caller, DAY, Error, Limit, LimitWindow, Limits, PhoneNumber, Tenant, TenantId},
    pb::ErrorReason,
    services::{Send, Services, Tasks},
    simulator::{self, Handle},
    store::Store,
    telemetry::Metrics,
    telnyx::Channel,
    upstream::Client,
};

use super::{
    origin::Origin,
    random::Random,
    told::{Intent, Told},
};

const KEY: &str = "KEYmodel";
const PHONES: [&str; 2] = ["+13035551234", "+13035556789"];
const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Call];

/// Everything there is in one interleaving.
#[derive(Clone)]
pub struct World {
    random: Random,
    config: Config,
    origin: Origin,
    /// The upstream's clock.
    clock: Clock,
    tenant: Arc<Tenant>,
    profile_id: String,
    gateways: Arc<[Gateway; 2]>,
    metrics: Metrics,
    pace: Pace,
}

/// How time goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It jumps to where something happens, and does so only where nothing but the test itself is waited for.
    Paused,
    /// It is the real one, so everything happens at a twentieth of the time. What takes minutes is skipped by the clocks.
    Real,
}

/// One of the gateways, with its way to the records that they share, and a clock of its own.
struct Gateway {
    store: Store,
    clock: Clock,
    running: Mutex<(Services, Tasks)>,
}

impl World {
    /// Plays one interleaving in paused time, with the records in memory, and says what is wrong with its end.
    pub async fn play(random: Random) -> Result<(), String> {
        let clocks = clocks(&random);
        // One memory for both: each looks at it by its own clock otherwise.
        let store = Store::memory(&Config::default().store, clocks[0].clone());
        Self::run(random, Pace::Paused, [store.clone(), store], clocks).await
    }

    /// The same in real time, each gateway with its own way to the records.
    pub async fn play_at(random: Random, stores: [Store; 2]) -> Result<(), String> {
        let clocks = clocks(&random);
        Self::run(random, Pace::Real, stores, clocks).await
    }

    async fn run(random: Random, pace: Pace, stores: [Store; 2], clocks: [Clock; 2]) -> Result<(), String> {
        let (mut world, simulator) = Self::new(random, pace, stores, clocks);
        let told = Arc::new(Mutex::new(Told::default()));
        let intents = world.intents();
        let callers: Vec<u64> = intents.iter().map(|_| 1 + world.random.below(2)).collect();
        // Each call without a name is an intent of its own.
        let sends: u64 =
            intents.iter().zip(&callers).map(|(one, callers)| one.request_id.map_or(*callers, |_| 1)).sum();
        // A place whose taking a server did not confirm stays taken.
        let unconfirmed = if pace == Pace::Real { 1000 } else { 0 };
        world.tenant = Arc::new(tenant(sends + unconfirmed));
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
        world.origin.idle().await;
        let told = Arc::try_unwrap(told).map_err(|_| "somebody still calls")?.into_inner().unwrap();
        told.check(&simulator, world.record_write_failures())
    }

    fn new(random: Random, pace: Pace, stores: [Store; 2], clocks: [Clock; 2]) -> (Self, Handle) {
        let clock = Clock::starting_at(START.parse().unwrap());
        let (simulator, service) = simulator::in_process(simulator::Settings::default(), clock.clone()).unwrap();
        let profile_id = simulator.seed_profile(KEY, "model");
        let mut config = Config::default();
        config.upstream.base_url = "http://simulator/v2".into();
        // Its waits are random, and no seed repeats them.
        config.upstream.retry.base_delay = Duration::ZERO;
        if pace == Pace::Real {
            config.upstream.attempt_timeout = Duration::from_millis(300);
            // Longer than the clocks are moved while anything is under way.
            config.sends.settle_window = Duration::from_hours(1);
        }
        let origin = Origin::new(service, random.clone(), pace.shrink(1));
        let metrics = Metrics::default();
        let mut ways = stores.into_iter().zip(clocks);
        let gateways = std::array::from_fn(|_| {
            let (store, clock) = ways.next().unwrap();
            let running = Mutex::new(start_gateway(&config, &origin, &store, &clock, &metrics));
            Gateway { store, clock, running }
        });
        let (gateways, tenant) = (Arc::new(gateways), Arc::new(tenant(0)));
        (Self { random, config, origin, clock, tenant, profile_id, gateways, metrics, pace }, simulator)
    }

    /// A random time below so many milliseconds.
    fn while_below(&self, millis: u64) -> Duration {
        self.random.millis(millis) / self.pace.factor()
    }

    fn any_gateway(&self) -> &Gateway {
        &self.gateways[usize::from(self.random.percent(50))]
    }

    /// Moves all clocks forward.
    fn skip(&self, by: Duration) {
        self.gateways.iter().for_each(|gateway| gateway.clock.advance(by));
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
        sleep(self.while_below(2000)).await;
        for _ in 0..=random.below(3) {
            let contradicts = random.percent(5) && intent.request_id.is_some();
            let intent = if contradicts { Intent { timeout_secs: Some(77), ..intent } } else { intent };
            let patience = if random.percent(20) { self.while_below(3000) } else { Duration::from_hours(1) };
            let time = self.pace.shrink(1) / 10 + self.while_below(15_000);
            let end = timeout(patience, self.call(intent, time)).await;
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
            sleep(self.while_below(3000)).await;
        }
    }

    /// Calls one of the gateways.
    async fn call(&self, intent: Intent, time: Duration) -> Result<String, Error> {
        let services = self.any_gateway().running.lock().unwrap().0.clone();
        let context = CallContext::new(Caller::unrestricted(self.tenant.clone()), Instant::now() + time);
        let send = Send {
            request_id: intent.request_id,
            phone_number: PhoneNumber::parse(intent.phone).unwrap(),
            channel: intent.channel,
            profile_id: self.profile_id.clone(),
            timeout_secs: intent.timeout_secs,
            custom_code: None,
            extension: None,
        };
        let outcome = services.verifications.create(&context, send).await.inspect_err(|error| {
            let reason = error.reason;
            assert!(reason != ErrorReason::DailySendLimitReached, "an intent took more than its one place");
        })?;
        Ok(outcome.answer.id.expect("an answer has an id"))
    }

    /// How many ends could not be written to the records of their targets when they came.
    fn record_write_failures(&self) -> usize {
        let text = String::from_utf8(self.metrics.text().unwrap()).unwrap();
        let name = "verify_gateway_store_record_write_failures_total{record=\"target\"} ";
        text.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |count| count.parse().unwrap())
    }

    /// Kills gateways, moves their clocks, lets hours pass.
    async fn disturb(self) {
        for _ in 0..self.random.below(4) {
            sleep(self.while_below(8000)).await;
            match self.random.below(4) {
                0 | 1 => self.kill().await,
                turn => {
                    self.gateways.iter().for_each(|gateway| gateway.clock.reset());
                    if turn == 2 {
                        // With what they differ by themselves, less than the skew that the settings allow for.
                        self.skip(self.random.millis(8000));
                    }
                }
            }
        }
        if self.random.percent(10) && self.pace == Pace::Paused {
            sleep(Duration::from_hours(1)).await;
        }
    }

    /// Ends one of the gateways where it stands, and starts another one on the same records.
    async fn kill(&self) {
        let Gateway { store, clock, running } = self.any_gateway();
        let new = start_gateway(&self.config, &self.origin, store, clock, &self.metrics);
        let (_, tasks) = std::mem::replace(&mut *running.lock().unwrap(), new);
        let _ = tasks.abort();
        tasks.drain().await;
    }

    /// Ends both gateways as they should, and starts others.
    async fn drain(&self) {
        for Gateway { store, clock, running } in &*self.gateways {
            let new = start_gateway(&self.config, &self.origin, store, clock, &self.metrics);
            let (_, tasks) = std::mem::replace(&mut *running.lock().unwrap(), new);
            tasks.drain().await;
        }
        self.origin.idle().await;
    }

    /// Asks until there is an answer, as a caller does that follows the errors' advice.
    async fn drive(&self, intent: Intent, told: &Mutex<Told>) -> Result<(), String> {
        if intent.request_id.is_none() {
            return Ok(());
        }
        let mut intent = intent;
        if self.pace == Pace::Real {
            // Who was killed holds nothing any more.
            self.wait(Duration::ZERO).await;
        }
        let mut last = None;
        for _ in 0..100 {
            match self.call(intent, Duration::from_secs(10)).await {
                Ok(id) => {
                    told.lock().unwrap().note(intent, id);
                    return Ok(());
                }
                // The name is that of what contradicted it.
                Err(error) if error.reason == ErrorReason::RequestIdReused => {
                    intent.timeout_secs = Some(77);
                }
                Err(error) => {
                    self.wait(error.retry_after.unwrap_or(Duration::from_secs(5))).await;
                    last = Some(error);
                }
            }
        }
        Err(format!("no answer for {:?}, but {last:?}", intent.request_id))
    }

    /// Lets time pass.
    async fn wait(&self, time: Duration) {
        match self.pace {
            Pace::Paused => sleep(time).await,
            Pace::Real => {
                // At least what a lease lasts.
                let time = time.max(Duration::from_mins(1));
                // The server is not the clocks' to hurry, and no request lasts as long as they skip.
                sleep(self.pace.shrink(1)).await;
                self.drain().await;
                self.skip(time);
                self.clock.advance(time);
            }
        }
    }
}

const START: &str = "2026-01-01T00:00:00Z";

/// The gateways' clocks, which agree to within a second.
fn clocks(random: &Random) -> [Clock; 2] {
    [0; 2].map(|_| Clock::starting_at(START.parse::<jiff::Timestamp>().unwrap() + random.millis(1000)))
}

impl Pace {
    const fn factor(self) -> u32 {
        match self {
            Self::Paused => 1,
            Self::Real => 20,
        }
    }

    /// So many seconds, at this pace.
    fn shrink(self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / self.factor()
    }
}

/// The tenant, which may send as often as there are intents.
fn tenant(intents: u64) -> Tenant {
    let limit = Limit::enforced(LimitWindow { max: u32::try_from(intents).unwrap(), per: DAY });
    let limits = Limits { sends_per_day: Some(limit), ..Limits::none() };
    Tenant { limits, ..Tenant::new(TenantId::new("model").unwrap(), ApiKey::new(KEY).unwrap()) }
}

fn start_gateway(
    config: &Config,
    origin: &Origin,
    store: &Store,
    clock: &Clock,
    metrics: &Metrics,
) -> (Services, Tasks) {
    let client = Client::over(origin.clone(), &config.upstream, clock.clone(), metrics).unwrap();
    let tasks = Tasks::default();
    (Services::new(config, &client, store, clock, &tasks, metrics), tasks)
}
