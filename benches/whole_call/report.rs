//! The table that the benchmark prints.

use std::time::Duration;

use super::load::Sample;

/// Prints one line for each server, with the ratio of its CPU time to that of each other server in the same rounds.
pub fn table<const N: usize>(names: &[&str; N], samples: &[Vec<Sample>; N]) {
    println!("| server | CPU per call | × tonic + reqwest | calls/s | p50 | p99 |");
    println!("|---|---|---|---|---|---|");
    for (name, own) in names.iter().zip(samples) {
        let ratios = own
            .iter()
            .zip(&samples[1])
            .map(|(own, bare)| own.cpu_per_call.as_secs_f64() / bare.cpu_per_call.as_secs_f64());
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let (lowest, highest) = (ratios[0], ratios[ratios.len() - 1]);
        println!(
            "| {name} | {:.1} µs | {:.2} ({lowest:.2}–{highest:.2}) | {:.0} | {:.2} ms | {:.2} ms |",
            micros(median(own, |sample| sample.cpu_per_call)),
            ratios[ratios.len() / 2],
            median_number(own, |sample| sample.calls_per_second),
            micros(median(own, |sample| sample.p50)) / 1000.0,
            micros(median(own, |sample| sample.p99)) / 1000.0,
        );
    }
}

fn median(samples: &[Sample], value: impl Fn(&Sample) -> Duration) -> Duration {
    let mut values: Vec<Duration> = samples.iter().map(value).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn median_number(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
