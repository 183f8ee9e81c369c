//! Files stay short. `clippy.toml` limits functions.

use std::fs;

use crate::{files, source};

#[test]
fn the_median_source_file_has_fewer_than_130_lines() {
    let mut lines: Vec<_> =
        files(&source()).iter().map(|file| fs::read_to_string(file).unwrap().lines().count()).collect();
    lines.sort_unstable();
    let median = lines[lines.len() / 2];
    assert!(median < 130, "{median}");
}
