//! One interleaving.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use verify_gateway::{
    clock::Clock,
    config::Config,
    domain::{ApiKey, CallContext, Caller, DAY, Error, Limit, LimitWindow, Limits, PhoneNumber, Tenant, TenantId},
    pb::ErrorReason,
    secret::Secret,
    services::{Origin as AnswerOrigin, Send, Services, Tasks},
    simulator::{
        self, Handle,
        settings::{EmptyPhoneList, ListOrder},
    },
    store::Store,
    telemetry::Metrics,
    telnyx::Channel,
    upstream::Client,
};

use super::{
    answers::{Answers, Operation},
    checks::Checks,
    origin::{KEY, Origin},
    random::Random,
    truth::Truth,
};

const PHONES: [&str; 2] = ["+13035551234", "+13035556789"];
const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Call];
const CODES: [Option<&str>; 4] = [None, None, Some("112233"), Some("445566")];

/// The state of one interleaving.
#[derive(Clone)]
pub struct World {
    pub random: Random,
    origin: Origin,
    /// The upstream's clock.
    clock: Clock,
    /// How many sends a tenant may make.
    quota: u32,
    duplicate_window: Option<Duration>,
    /// Whether a killed gateway loses the records, as one with records in its own memory does.
    is_forgetful: bool,
    pub profile_id: String,
    gateways: Arc<[Gateway; 2]>,
    truth: Arc<Mutex<Truth>>,
    metrics: Metrics,
    pace: Pace,
}

/// How time passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Tokio's paused time: it jumps to the next timer when all tasks wait.
    Paused,
    /// Real time: everything takes a twentieth of its time, and the clocks skip minutes.
    Real,
}

/// One of the gateways, with its connection to the shared store and its own clock.
struct Gateway {
    config: Config,
    store: Mutex<Store>,
    clock: Clock,
    running: Mutex<(Services, Tasks)>,
}

impl World {
    /// Plays one interleaving in paused time, with the store in memory. Returns what is wrong at the end.
    pub async fn play(random: Random) -> Result<(), String> {
        let clocks = clocks(&random, START.parse().unwrap());
        // Both gateways share one memory, which has one clock.
        let store = Store::memory(&Config::default().store, clocks[0].clone());
        Self::run(random, Pace::Paused, [store.clone(), store], clocks).await
    }

    /// The same in real time. Each gateway has its own connection to the store, which counts by the time of the server.
    pub async fn play_at(random: Random, store: impl Fn(Clock) -> Store) -> Result<(), String> {
        let clocks = clocks(&random, Timestamp::now());
        let stores = clocks.clone().map(store);
        Self::run(random, Pace::Real, stores, clocks).await
    }

    async fn run(random: Random, pace: Pace, stores: [Store; 2], clocks: [Clock; 2]) -> Result<(), String> {
        let (mut world, simulator) = Self::new(random, pace, stores, clocks);
        let answers = Arc::new(Mutex::new(Answers::default()));
        let checks = Checks::new(simulator);
        let operations = world.operations();
        // A reservation that the server did not confirm is never given back.
        let unconfirmed = if pace == Pace::Real { 1000 } else { 0 };
        world.quota = u32::try_from(operations.len()).unwrap() + unconfirmed;
        let mut calls = JoinSet::new();
        for &operation in &operations {
            world.truth.lock().unwrap().expect(operation);
            let callers = if operation.request_id.is_some() { 1 + world.random.below(2) } else { 1 };
            for _ in 0..callers {
                calls.spawn(world.clone().caller(operation, answers.clone(), checks.clone()));
            }
        }
        world.clone().disturb().await;
        while let Some(call) = calls.join_next().await {
            call.map_err(|error| error.to_string())?;
        }
        world.origin.calm_down();
        for operation in operations {
            let driven = world.drive(operation, &answers).await;
            // Without records, nobody can tell whose the messages are.
            if !world.is_forgetful {
                driven?;
            }
        }
        world.origin.idle().await;
        let truth = world.truth.lock().unwrap();
        answers.lock().unwrap().check(&truth, !world.is_forgetful)?;
        checks.verdict()
    }

    fn new(random: Random, pace: Pace, stores: [Store; 2], clocks: [Clock; 2]) -> (Self, Handle) {
        let clock = Clock::starting_at(if pace == Pace::Real { Timestamp::now() } else { START.parse().unwrap() });
        let settings = simulator::Settings {
            max_page_size: if random.percent(30) { 1 } else { 250 },
            empty_phone_list: if random.percent(30) { EmptyPhoneList::NotFound } else { EmptyPhoneList::Empty },
            list_order: if random.percent(30) { ListOrder::OldestFirst } else { ListOrder::NewestFirst },
            ..simulator::Settings::default()
        };
        let (simulator, service) = simulator::in_process(settings, clock.clone()).unwrap();
        let profile_id = simulator.seed_profile(KEY, "model");
        let mut config = Config::default();
        config.upstream.base_url = "http://simulator/v2".into();
        // The back-off is random, and no seed makes it reproducible.
        config.upstream.retry.base_delay = Duration::ZERO;
        if pace == Pace::Real {
            config.upstream.attempt_timeout = Duration::from_millis(300);
            // Longer than the clocks move while a request is running.
            config.sends.settle_window = Duration::from_hours(1);
        }
        let truth = Arc::<Mutex<Truth>>::default();
        let origin = Origin::new(service, random.clone(), pace, truth.clone());
        let metrics = Metrics::default();
        let mut ways = stores.into_iter().zip(clocks);
        let is_named = random.percent(50);
        let gateways = std::array::from_fn(|number| {
            let (store, clock) = ways.next().unwrap();
            let mut config = config.clone();
            config.store.instance = if is_named { format!("gateway-{number}") } else { String::new() };
            let running = Mutex::new(start_gateway(&config, &origin, &store, &clock, &metrics));
            Gateway { config, store: Mutex::new(store), clock, running }
        });
        let is_forgetful = pace == Pace::Paused && random.percent(10);
        let duplicate_window = random.percent(30).then_some(Duration::from_mins(10));
        let world = Self {
            random,
            origin,
            clock,
            quota: 0,
            duplicate_window,
            is_forgetful,
            profile_id,
            gateways: Arc::new(gateways),
            truth,
            metrics,
            pace,
        };
        (world, simulator)
    }

    /// A random time below `millis` milliseconds.
    pub fn while_below(&self, millis: u64) -> Duration {
        self.random.millis(millis) / self.pace.factor()
    }

    fn any_gateway(&self) -> &Gateway {
        &self.gateways[usize::from(self.random.percent(50))]
    }

    /// Advances all clocks.
    fn skip(&self, by: Duration) {
        self.gateways.iter().for_each(|gateway| gateway.clock.advance(by));
    }

    /// One to five operations with few targets, of two tenants with one account. In half of the interleavings all have
    /// request IDs.
    fn operations(&self) -> Vec<Operation> {
        let random = &self.random;
        let without_request_id = if random.percent(50) { 40 } else { 0 };
        let pick = |count: u64| usize::try_from(random.below(count)).unwrap();
        let (phones, channels) = (1 + random.below(2), 1 + random.below(2));
        let operation = |tag| Operation {
            tag,
            request_id: (!random.percent(without_request_id)).then(|| random.uuid()),
            tenant: pick(2),
            phone: PHONES[pick(phones)],
            channel: CHANNELS[pick(channels)],
            timeout_secs: [None, Some(120), Some(300)][pick(3)],
            custom_code: CODES[pick(4)],
        };
        (0..=random.below(5)).map(operation).collect()
    }

    /// A caller that may repeat the request, may reuse the request ID for other content, and may disconnect. Then it may
    /// check codes.
    async fn caller(self, operation: Operation, answers: Arc<Mutex<Answers>>, checks: Checks) {
        let random = &self.random;
        sleep(self.while_below(2000)).await;
        for _ in 0..=random.below(3) {
            let contradicts = random.percent(5) && operation.request_id.is_some();
            let operation = if contradicts { Operation { timeout_secs: Some(77), ..operation } } else { operation };
            let patience = if random.percent(20) { self.while_below(3000) } else { Duration::from_hours(1) };
            let end = timeout(patience, self.call(operation, self.any_time())).await;
            let error = match end {
                Ok(Ok((id, origin))) => {
                    answers.lock().unwrap().record(operation, id.clone(), origin);
                    return checks.play(&self, &operation, &id).await;
                }
                Ok(Err(error)) => Some(error),
                Err(_gone) => None,
            };
            answers.lock().unwrap().record_failure(operation, error.as_ref());
            // Without a request ID, a repetition is another operation.
            if operation.request_id.is_none() {
                return;
            }
            sleep(self.while_below(3000)).await;
        }
    }

    /// How long a call may take.
    pub fn any_time(&self) -> Duration {
        self.pace.shrink(1) / 10 + self.while_below(15_000)
    }

    /// The services of one of the gateways, and the context of a call for `operation`.
    pub fn context(&self, operation: &Operation, time: Duration) -> (Services, CallContext) {
        let services = self.any_gateway().running.lock().unwrap().0.clone();
        let tenant = Arc::new(self.tenant(operation));
        (services, CallContext::new(Caller::unrestricted(tenant), Instant::now() + time))
    }

    /// Calls one of the gateways.
    async fn call(&self, operation: Operation, time: Duration) -> Result<(String, AnswerOrigin), Error> {
        let (services, context) = self.context(&operation, time);
        let send = Send {
            request_id: operation.request_id,
            phone_number: PhoneNumber::parse(operation.phone).unwrap(),
            channel: operation.channel,
            profile_id: self.profile_id.clone(),
            timeout_secs: operation.timeout_secs,
            custom_code: operation.custom_code.map(|code| Secret::new(code.to_owned())),
            extension: None,
        };
        let outcome = services.verifications.create(&context, send).await.inspect_err(|error| {
            let reason = error.reason;
            assert!(reason != ErrorReason::DailySendLimitReached, "an operation took more than one reservation");
        })?;
        Ok((outcome.answer.id.expect("an answer has an id"), outcome.origin))
    }

    /// A tenant whose limit allows one send for each operation, with an API key of its own for this operation.
    fn tenant(&self, operation: &Operation) -> Tenant {
        let id = TenantId::new(["one", "other"][operation.tenant]).unwrap();
        let limit = Limit::enforced(LimitWindow { max: self.quota, per: DAY });
        Tenant {
            telnyx_account: Some("shared".into()),
            duplicate_window: self.duplicate_window,
            limits: Limits { sends_per_day: Some(limit), ..Limits::none() },
            ..Tenant::new(id, ApiKey::new(&Origin::key(operation.tag)).unwrap())
        }
    }

    /// Kills gateways, moves their clocks, and lets hours pass.
    async fn disturb(self) {
        // A duplicate window that ends makes an operation of a repetition.
        let may_take_long = self.duplicate_window.is_none() && self.pace == Pace::Paused;
        for _ in 0..self.random.below(4) {
            sleep(self.while_below(8000)).await;
            match self.random.below(4) {
                0 | 1 => self.kill().await,
                turn => {
                    self.gateways.iter().for_each(|gateway| gateway.clock.reset());
                    if turn == 2 {
                        // With the difference between the clocks, this is less than the allowed skew.
                        self.skip(self.random.millis(8000));
                    }
                }
            }
        }
        if self.random.percent(10) && may_take_long {
            sleep(Duration::from_hours(1)).await;
        }
    }

    /// Kills or aborts one of the gateways, and starts another one on the same store.
    async fn kill(&self) {
        let Gateway { config, store, clock, running } = self.any_gateway();
        if self.is_forgetful {
            *store.lock().unwrap() = Store::memory(&config.store, clock.clone());
        }
        let store = store.lock().unwrap().clone();
        let new = start_gateway(config, &self.origin, &store, clock, &self.metrics);
        let (_, tasks) = std::mem::replace(&mut *running.lock().unwrap(), new);
        if self.random.percent(50) {
            tasks.kill();
        } else {
            tasks.abort();
        }
        tasks.drain().await;
    }

    /// Drains both gateways, and starts new ones.
    async fn drain(&self) {
        for Gateway { config, store, clock, running } in &*self.gateways {
            let store = store.lock().unwrap().clone();
            let new = start_gateway(config, &self.origin, &store, clock, &self.metrics);
            let (_, tasks) = std::mem::replace(&mut *running.lock().unwrap(), new);
            tasks.drain().await;
        }
        self.origin.idle().await;
    }

    /// Repeats the call until it has an answer, and waits as the errors advise.
    async fn drive(&self, operation: Operation, answers: &Mutex<Answers>) -> Result<(), String> {
        if operation.request_id.is_none() {
            return Ok(());
        }
        let mut operation = operation;
        if self.pace == Pace::Real {
            // The leases of killed gateways have expired.
            self.wait(Duration::ZERO).await;
        }
        let mut last = None;
        for _ in 0..100 {
            match self.call(operation, Duration::from_secs(10)).await {
                Ok((id, origin)) => {
                    answers.lock().unwrap().record(operation, id, origin);
                    return Ok(());
                }
                // The request ID belongs to the other content.
                Err(error) if error.reason == ErrorReason::RequestIdReused => {
                    operation.timeout_secs = Some(77);
                }
                Err(error) => {
                    self.wait(error.retry_after.unwrap_or(Duration::from_secs(5))).await;
                    last = Some(error);
                }
            }
        }
        Err(format!("no answer for {:?}, but {last:?}", operation.request_id))
    }

    /// Lets time pass.
    async fn wait(&self, time: Duration) {
        match self.pace {
            Pace::Paused => sleep(time).await,
            Pace::Real => {
                // At least the length of a lease.
                let time = time.max(Duration::from_mins(1));
                // The server has its own clock, and no request takes as long as the skipped time.
                sleep(self.pace.shrink(1)).await;
                self.drain().await;
                self.skip(time);
                self.clock.advance(time);
            }
        }
    }
}

const START: &str = "2026-01-01T00:00:00Z";

/// The gateways' clocks, which differ by less than a second.
fn clocks(random: &Random, start: Timestamp) -> [Clock; 2] {
    [0; 2].map(|_| Clock::starting_at(start + random.millis(1000)))
}

impl Pace {
    const fn factor(self) -> u32 {
        match self {
            Self::Paused => 1,
            Self::Real => 20,
        }
    }

    /// `seconds` at this pace.
    pub fn shrink(self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / self.factor()
    }
}

fn start_gateway(
    config: &Config,
    origin: &Origin,
    store: &Store,
    clock: &Clock,
    metrics: &Metrics,
) -> (Services, Tasks) {
    let client = Client::over(origin.clone(), config, clock.clone(), metrics).unwrap();
    let tasks = Tasks::default();
    (Services::new(config, &client, store, clock, &tasks, metrics), tasks)
}
