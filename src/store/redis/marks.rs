//! Marks: stored times since when each server has kept its records.
//!
//! A mark is lost together with the records of its server. A script (`marks.lua`) renews it, and moves it forward when
//! its server has evicted records or is another server. In a cluster every master has marks of its own.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ::redis::{Cmd, Value, cluster_routing::Slot, cmd, from_redis_value};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::{
    connection::RedisConnection,
    shared_error::{SharedError, shared},
};

/// Renews the marks of one server.
const RENEW: &str = include_str!("marks.lua");
/// How many slots of a cluster have a mark: enough that even a small master has one.
const CLUSTER_MARKS: usize = 256;
/// How long a mark is kept that nobody renews: longer than any record.
const KEEP: Duration = Duration::from_hours(24 * 8);

/// What a server reports on itself.
#[derive(Clone, Debug)]
pub(super) struct ServerReport {
    /// The key of its first mark.
    pub(super) mark: String,
    /// The time at the server.
    pub(super) time: Timestamp,
    /// Since when it has kept its records.
    pub(super) since: Timestamp,
    /// Why it has not kept them longer: `new`, `moved` (another server has the records) or `evicted`.
    pub(super) cause: String,
    /// The last renewal of the mark before that change.
    pub(super) former: Timestamp,
    /// This renewal of the mark.
    pub(super) renewed: Timestamp,
    /// Why it refused to write a mark. Empty if it wrote it.
    pub(super) refusal: String,
    /// `master` or `slave`.
    pub(super) role: String,
    /// Its `maxmemory-policy`. Empty if it has no memory limit.
    pub(super) eviction_policy: String,
    /// How many replicas are connected.
    pub(super) replicas: u32,
    /// Whether it refuses writes without replicas.
    pub(super) needs_replicas: bool,
    /// How many bytes it may take: its `maxmemory`, or the memory of its machine. 0 if it does not say.
    pub(super) max_bytes: u64,
}

/// The report of each server, or why it gave none.
pub(super) type Reports = Vec<Result<ServerReport, SharedError>>;

/// The keys of marks.
pub(super) struct Marks {
    /// By slot. A single server has one mark, as if all slots were the slot 0.
    keys: BTreeMap<u16, String>,
}

/// A report that does not have the expected form.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error("the report of a server can't be parsed")]
    Unreadable,
    #[error("the records belong to servers without a mark")]
    Unmarked,
}

impl Marks {
    /// Marks whose keys begin with `prefix`.
    pub(super) fn new(prefix: &str, is_cluster: bool) -> Self {
        let key = |number: usize| format!("{prefix}mark:{number}");
        if !is_cluster {
            return Self { keys: BTreeMap::from([(0, key(0))]) };
        }
        let mut keys: HashMap<Slot, String> =
            (0..CLUSTER_MARKS).map(key).map(|key| (Slot::for_key(&key), key)).collect();
        let slots = (0..).map_while(|number| Some((number, Slot::new(number)?)));
        Self { keys: slots.filter_map(|(number, slot)| Some((number, keys.remove(&slot)?))).collect() }
    }

    /// Renews the marks of all servers. Returns their reports; in a cluster one for each master, or its error.
    pub(super) async fn renew(&self, connection: &mut RedisConnection) -> Result<Reports, SharedError> {
        let masters = match connection {
            RedisConnection::Server(_) => vec![vec![(0, 0)]],
            RedisConnection::Cluster(cluster) => {
                let slots = cmd("CLUSTER").arg("SLOTS").query_async(cluster).await.map_err(shared)?;
                masters(slots).ok_or(ReportError::Unreadable).map_err(shared)?
            }
        };
        let reports = masters.into_iter().map(|ranges| {
            let keys = ranges.into_iter().flat_map(|(first, last)| self.keys.range(first..=last));
            let keys: Vec<_> = keys.map(|(_, key)| key).collect();
            let mut connection = connection.clone();
            async move {
                let (first, others) = keys.split_first().ok_or(ReportError::Unmarked).map_err(shared)?;
                let report = connection.query(&renewal(first, others)).await.map_err(shared)?;
                ServerReport::parse((*first).clone(), report)
            }
        });
        Ok(join_all(reports).await)
    }
}

/// The command that renews the marks of one server.
fn renewal(first: &str, others: &[&String]) -> Cmd {
    let mut renew = cmd("EVAL");
    renew.arg(RENEW).arg(1).arg(first).arg(u64::try_from(KEEP.as_millis()).unwrap_or(u64::MAX)).arg(others);
    renew
}

/// The ranges of slots of each master, from the answer of `CLUSTER SLOTS`, in the order of their first slots.
fn masters(slots: Value) -> Option<Vec<Vec<(u16, u16)>>> {
    let mut masters: Vec<(Value, Vec<(u16, u16)>)> = Vec::new();
    let mut rows = from_redis_value::<Vec<Vec<Value>>>(slots).ok()?;
    rows.sort_by_key(|row| row.first().and_then(|first| from_redis_value::<u16>(first.clone()).ok()));
    for row in rows {
        let mut row = row.into_iter();
        let (first, last, master) = (row.next()?, row.next()?, row.next()?);
        let range = (from_redis_value(first).ok()?, from_redis_value(last).ok()?);
        match masters.iter_mut().find(|(known, _)| *known == master) {
            Some((_, ranges)) => ranges.push(range),
            None => masters.push((master, vec![range])),
        }
    }
    Some(masters.into_iter().map(|(_, ranges)| ranges).collect())
}

impl ServerReport {
    /// Whether the server is full.
    pub(super) fn is_full(&self) -> bool {
        self.refusal.starts_with("OOM")
    }

    fn parse(mark: String, value: Value) -> Result<Self, SharedError> {
        type Times = (i64, i64, String, i64, i64);
        type Texts = (String, String, String);
        type Answer = (Times, Texts, (u32, String), u64);
        let answer: Answer = from_redis_value(value).map_err(shared)?;
        let (times, (refusal, role, eviction_policy), (replicas, good), max_bytes) = answer;
        let (micros, since, cause, former, renewed) = times;
        let [since, former, renewed] = [since, former, renewed].map(Timestamp::from_millisecond);
        let times = (Timestamp::from_microsecond(micros), since, former, renewed);
        let (Ok(time), Ok(since), Ok(former), Ok(renewed)) = times else {
            return Err(shared(ReportError::Unreadable));
        };
        let needs_replicas = !good.is_empty();
        Ok(Self {
            mark,
            time,
            since,
            cause,
            former,
            renewed,
            refusal,
            role,
            eviction_policy,
            replicas,
            needs_replicas,
            max_bytes,
        })
    }
}
