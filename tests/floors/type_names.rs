//! No two types of the crate have the same name.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{files, source};

/// Names that several modules use, and why that causes no confusion.
const SHARED: [(&str, &str); 1] =
    [("Error", "each module's own error, always written with its module: `store::Error`")];

/// What declares a type. An associated type is indented, and so is not declared at the beginning of a line.
const DECLARATIONS: [&str; 5] = ["struct ", "enum ", "trait ", "union ", "type "];

/// The types that `text` declares, without those of its unit tests.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(").map(after_scope)).unwrap_or(line);
        let name = DECLARATIONS.iter().find_map(|word| line.strip_prefix(word))?;
        Some(name.split(|c: char| !c.is_alphanumeric()).next().unwrap())
    })
}

/// What follows the scope in `pub(scope) `.
fn after_scope(line: &str) -> &str {
    line.split_once(") ").map_or("", |(_, rest)| rest)
}

#[test]
fn a_type_name_occurs_once_in_the_crate() {
    let mut declarations: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let is_test = |file: &PathBuf| file.ends_with("tests.rs") || file.iter().any(|part| part == "tests");
    for file in files(&source()).into_iter().filter(|file| !is_test(&file.strip_prefix(source()).unwrap().to_owned())) {
        for name in declared(&fs::read_to_string(&file).unwrap()) {
            declarations.entry(name.to_owned()).or_default().push(file.strip_prefix(source()).unwrap().to_owned());
        }
    }
    assert!(declarations.len() > 200, "{}", declarations.len());
    let is_shared = |name: &str| SHARED.iter().any(|(shared, _)| *shared == name);
    declarations.retain(|name, files| files.len() > 1 && !is_shared(name));
    assert!(declarations.is_empty(), "type names that occur twice: {declarations:#?}");
}

#[test]
fn declarations_of_every_form_are_found() {
    let text = "pub struct A;\nenum B {}\npub(crate) trait C {\n    type No;\n}\ntype D<T> = T;\n\
                #[cfg(test)]\nmod tests {\nstruct No;\n}\n";
    assert_eq!(declared(text).collect::<Vec<_>>(), ["A", "B", "C", "D"]);
}
