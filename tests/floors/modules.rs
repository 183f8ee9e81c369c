//! A module knows only modules of lower floors (docs/ARCHITECTURE.md, "Floors").

use std::{collections::BTreeSet, fs, path::Path};

use crate::{files, source};

const FLOORS: [&[&str]; 10] = [
    &["pb", "telnyx", "secret", "clock", "sync", "files", "http_client"],
    &["domain"],
    &["config"],
    &["telemetry", "tenant", "store"],
    &["authn", "policy", "upstream", "reload"],
    &["events", "limits", "tls"],
    &["http_server", "services"],
    &["admin", "grpc", "simulator", "webhooks"],
    &["app"],
    &["cli", "main"],
];

fn floor(module: &str) -> usize {
    FLOORS.iter().position(|floor| floor.contains(&module)).unwrap_or_else(|| panic!("{module} is on no floor"))
}

/// The top-level module that `file` belongs to; none for the list of modules itself.
fn module(file: &Path) -> Option<String> {
    let first = file.strip_prefix(source()).unwrap().iter().next().unwrap().to_str().unwrap();
    let name = first.trim_end_matches(".rs");
    (name != "lib").then(|| name.to_owned())
}

/// The top-level modules that `text` names after `crate::`, alone or in braces.
fn named(text: &str) -> BTreeSet<&str> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let start = text.as_ptr() as usize;
    let mut names = BTreeSet::new();
    for line in code {
        let line_start = line.as_ptr() as usize - start;
        for (at, _) in line.match_indices("crate::") {
            let after = &text[line_start + at + "crate::".len()..];
            match after.strip_prefix('{') {
                Some(group) => names.extend(group_heads(group)),
                None => names.extend(head(after)),
            }
        }
    }
    names
}

/// The names at the first level of a group of imports, up to its closing brace.
fn group_heads(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut heads) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.extend(head(group[begin..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.extend(head(group[begin..at].trim()));
                begin = at + 1;
            }
            _ => {}
        }
    }
    heads
}

/// The lower-case name that `text` starts with.
fn head(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[test]
fn every_module_imports_only_from_lower_floors() {
    let (mut arrows, mut wrong) = (0, Vec::new());
    for file in files(&source()) {
        let Some(from) = module(&file) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        for to in named(&text).into_iter().filter(|to| *to != from) {
            arrows += 1;
            if floor(to) >= floor(&from) {
                wrong.push(format!("{}: {from} knows {to}", file.display()));
            }
        }
    }
    assert!(arrows > 50, "{arrows}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_simulator_imports_only_the_rest_contract_time_and_the_http_client() {
    let of_simulator = files(&source()).into_iter().filter(|file| module(file).as_deref() == Some("simulator"));
    for file in of_simulator {
        let text = fs::read_to_string(&file).unwrap();
        for to in named(&text) {
            assert!(
                ["simulator", "telnyx", "clock", "secret", "sync", "http_client"].contains(&to),
                "{}: {to}",
                file.display()
            );
        }
    }
}

#[test]
fn every_module_has_a_floor_and_every_floor_is_documented() {
    let modules: BTreeSet<String> = files(&source()).iter().filter_map(|file| module(file)).collect();
    let placed: BTreeSet<String> = FLOORS.concat().iter().map(ToString::to_string).collect();
    assert_eq!(modules, placed);
    let docs = fs::read_to_string(source().join("../docs/ARCHITECTURE.md")).unwrap();
    for (number, floor) in FLOORS.iter().enumerate() {
        for module in *floor {
            let rows = docs.lines().filter(|line| line.starts_with(&format!("| {number} |")));
            assert!(rows.clone().any(|row| row.contains(&format!("`{module}`"))), "{module} on floor {number}");
        }
    }
}

#[test]
fn imports_of_every_form_are_found() {
    let text = "use crate::{\n    a::{b, c::D},\n    e,\n};\nuse crate::f::g;\nlet x = crate::h::i();\n// crate::j\n";
    assert_eq!(named(text).into_iter().collect::<Vec<_>>(), ["a", "e", "f", "h"]);
}
