//! Words that the project does not use. `docs/GLOSSARY.md` has the words that it uses.

use std::fs;

use crate::{files, root};

/// Sequences of words, and what to write instead. A word that ends in `*` stands for every word that begins so.
const REPLACED: [(&str, &str); 17] = [
    ("noted", "recorded, persisted"),
    ("unnoted", "not persisted"),
    ("intent*", "operation, send"),
    ("knob*", "setting"),
    ("mistake", "error, config error"),
    ("mistakes", "errors, config errors"),
    ("doubt*", "unresolved"),
    ("told", "returned, reported, notified, or the real noun"),
    ("looked for", "reconciled, found"),
    ("what became of", "the outcome of"),
    ("settled", "resolved, the settle window has elapsed"),
    ("places", "permits, reservation, quota, location"),
    ("bears", "matches, has"),
    ("vouch*", "signed by, trusted"),
    ("forgone", "skipped"),
    ("anew", "again"),
    ("seek*", "reconcile"),
];

/// What has no words of the project: third-party lists, and the documents that explain old and new words.
const EXEMPT: [&str; 4] = ["CHANGELOG.md", "docs/GLOSSARY.md", "tests/floors/words.rs", "LICENSE"];

/// The ends of the names of files that are read.
const READ: [&str; 18] = [
    ".rs",
    ".proto",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".json",
    ".lua",
    ".tpl",
    ".txt",
    ".go",
    ".java",
    ".mjs",
    ".js",
    ".py",
    "/run",
    "/Dockerfile",
    ".ci/contract",
];

/// The words of a line in lower case. A name in camel case or with underscores is several words.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in line.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn occurs(sequence: &str, words: &[String]) -> bool {
    let sequence: Vec<&str> = sequence.split(' ').collect();
    words.windows(sequence.len()).any(|window| {
        window.iter().zip(&sequence).all(|(word, wanted)| match wanted.strip_suffix('*') {
            Some(beginning) => word.starts_with(beginning),
            None => word == wanted,
        })
    })
}

#[test]
fn replaced_words_do_not_occur() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files(root()) {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        let is_read = READ.iter().any(|end| path.ends_with(end)) && !path.ends_with("-lock.json");
        if !is_read || EXEMPT.contains(&path.as_str()) {
            continue;
        }
        count += 1;
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let words = words(line);
            for (_, instead) in REPLACED.iter().filter(|(sequence, _)| occurs(sequence, &words)) {
                wrong.push(format!("{path}:{}: {} (write: {instead})", number + 1, line.trim()));
            }
        }
    }
    assert!(count > 300, "{count}");
    assert!(wrong.is_empty(), "{} lines with words that docs/GLOSSARY.md replaces:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn words_are_found_in_names_of_every_form() {
    let found = ["unnoted_ends", "is toldHow", "Intents,", "looked  for it"];
    for (line, sequence) in found.into_iter().zip(["unnoted", "told", "intent*", "looked for"]) {
        assert!(occurs(sequence, &words(line)), "{line}");
    }
    assert!(!occurs("noted", &words("unnoted")));
}
