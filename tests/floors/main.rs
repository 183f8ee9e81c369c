//! Rules for the whole repository: which module imports which, type names, words, the length of files, and what documents
//! refer to.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

mod circles;
mod documents;
mod modules;
mod sizes;
mod type_names;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source() -> PathBuf {
    root().join("src")
}

/// Every file below `folder`, without what builds and package managers write.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_generated = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        ["target", "node_modules", "gen", "__pycache__", ".git", ".venv"].contains(&name)
    };
    let entries = entries.filter(|path| !is_generated(path));
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
