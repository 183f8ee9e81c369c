//! Counts what does not depend on the speed of the machine, and compares it with a baseline: the instructions of each
//! kind of call in user mode, and what it asks a Redis server.
//!
//! The calls are made one after the other. A figure is the difference between a long and a short load, so that the start
//! and the end of the process cancel out. Traces are set up, and no call is recorded: chance decides which ones are.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{Result, child::Child, gateway::Gateway, kind::Kind, load::Load, redis::Redis};

/// The calls of the short and of the long load. The first calls of a process are not like the others.
const LOADS: [usize; 2] = [200, 1200];
/// The sends before memory is measured, and while it is. The first ones fill the list of recent sends, which is bounded.
const REMEMBERED: [usize; 2] = [70_000, 50_000];
/// How far a figure may rise above its baseline: a share, the share of resident memory, and what chance adds to a count of commands.
const TOLERANCE: f64 = 0.03;
const MEMORY_TOLERANCE: f64 = 0.1;
const CHANCE: f64 = 0.05;

type Figures = BTreeMap<String, f64>;

/// The figure of the memory.
const MEMORY: &str = "send bytes remembered";

/// `arguments` are the binary of the gateway, the file of the baseline, and the binary of a Redis server, if there is
/// one. With `UPDATE_GOLDEN`, the baseline is written.
pub async fn run(arguments: &[String]) -> Result<()> {
    let [binary, baseline, rest @ ..] = arguments else {
        return Err("arguments: GATEWAY BASELINE [REDIS-SERVER]".into());
    };
    let mut figures = Figures::new();
    for kind in Kind::ALL {
        figures.insert(format!("{} instructions", kind.name()), instructions(binary, kind).await?);
        if let Some(server) = rest.first() {
            let [round_trips, commands] = asked(binary, server, kind).await?;
            figures.insert(format!("{} round trips to Redis", kind.name()), round_trips);
            figures.insert(format!("{} commands to Redis", kind.name()), commands);
        }
    }
    figures.insert(MEMORY.to_owned(), remembered(binary).await?);
    let baseline = PathBuf::from(baseline);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let mut text = String::new();
        for (name, figure) in &figures {
            writeln!(text, "{name}\t{figure:.1}")?;
        }
        fs::write(&baseline, text)?;
    }
    compare(&figures, &read(&baseline)?)
}

/// Prints all figures. Fails if one is higher than its baseline allows.
fn compare(figures: &Figures, baseline: &Figures) -> Result<()> {
    let mut risen = Vec::new();
    for (name, figure) in figures {
        let base = baseline.get(name).ok_or_else(|| format!("the baseline has no {name}"))?;
        println!("{name:32} {figure:>10.1}   baseline {base:>10.1}");
        let tolerance = if name == MEMORY { MEMORY_TOLERANCE } else { TOLERANCE };
        if *figure > base * (1.0 + tolerance) + CHANCE {
            risen.push(name.as_str());
        }
    }
    if risen.is_empty() { Ok(()) } else { Err(format!("more than the baseline allows: {}", risen.join(", ")).into()) }
}

fn read(baseline: &Path) -> Result<Figures> {
    let text = fs::read_to_string(baseline)?;
    let figures = text.lines().map(|line| {
        let (name, figure) = line.split_once('\t').ok_or("a line of the baseline is a name, a tab and a figure")?;
        Ok((name.to_owned(), figure.parse()?))
    });
    figures.collect()
}

/// The instructions of one call.
async fn instructions(binary: &str, kind: Kind) -> Result<f64> {
    let mut totals = [0; 2];
    for (calls, total) in LOADS.into_iter().zip(&mut totals) {
        let folder = tempfile::tempdir()?;
        let written = folder.path().join("callgrind.out");
        let to = format!("--callgrind-out-file={}", written.display());
        let world = World::start(&["valgrind", "--quiet", "--tool=callgrind", &to, binary], None)?;
        world.call(kind, calls).await?;
        world.gateway.stop()?;
        let profile = fs::read_to_string(&written)?;
        let line = profile.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("callgrind wrote no totals")?;
        *total = line.trim().parse()?;
        if let Some(kept) = std::env::var_os("KEEP_PROFILES") {
            fs::copy(&written, Path::new(&kept).join(format!("{}-{calls}.out", kind.name())))?;
        }
    }
    Ok(per_call(totals))
}

/// The resident memory for one send that is remembered, in bytes.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
async fn remembered(binary: &str) -> Result<f64> {
    let world = World::start(&[binary], None)?;
    let load = Load::connect(world.gateway.addr(), Kind::Send, super::CONNECTIONS).await?;
    let mut resident = [0; 2];
    for (sends, resident) in REMEMBERED.into_iter().zip(&mut resident) {
        load.run(sends, super::CONCURRENCY).await?;
        *resident = world.gateway.resident_kib()?;
    }
    Ok(resident[1].saturating_sub(resident[0]) as f64 * 1024.0 / REMEMBERED[1] as f64)
}

/// The round trips to a Redis server for one call, and the commands in them.
async fn asked(binary: &str, server: &str, kind: Kind) -> Result<[f64; 2]> {
    let redis = Redis::start(server).await?;
    let world = World::start(&[binary], Some(&redis.url()))?;
    let mut counts = Vec::new();
    for calls in LOADS {
        let before = redis.asked();
        world.call(kind, calls).await?;
        let after = redis.asked();
        counts.push([after[0] - before[0], after[1] - before[1]]);
    }
    Ok([0, 1].map(|at| per_call([counts[0][at], counts[1][at]])))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_call([short, long]: [u64; 2]) -> f64 {
    long.saturating_sub(short) as f64 / (LOADS[1] - LOADS[0]) as f64
}

/// A gateway with all that it talks to.
struct World {
    gateway: Child,
    _around: (Child, Child, TempDir),
}

impl World {
    fn start(command: &[&str], redis: Option<&str>) -> Result<Self> {
        let (origin, collector) = (Child::of_this_bench(&["origin"])?, Child::of_this_bench(&["collector"])?);
        let folder = tempfile::tempdir()?;
        let upstream = format!("http://{}", origin.addr());
        let gateway = Gateway { command, upstream: &upstream, collector: collector.addr(), traced: 0.0, redis };
        Ok(Self { gateway: gateway.start(&folder)?, _around: (origin, collector, folder) })
    }

    async fn call(&self, kind: Kind, calls: usize) -> Result<()> {
        Load::connect(self.gateway.addr(), kind, 1).await?.run(calls, 1).await?;
        Ok(())
    }
}
