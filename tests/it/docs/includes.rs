//! The excerpts in documents equal the files that they come from.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Markers around a copy of a file, or of one function: `<!-- include: FILE [FUNCTION] -->` … `<!-- end -->`.
const BEGIN: &str = "<!-- include: ";
const END: &str = "<!-- end -->";

/// The text before a function's name in its definition, in each language.
const DEFINED_BY: [&str; 5] = ["func ", "def ", "function ", "fn ", "static "];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether `line` begins the definition of `name`.
fn defines(line: &str, name: &str) -> bool {
    let is_name = |at: usize| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        before.ends_with(' ') && after.starts_with(['(', '['])
    };
    DEFINED_BY.iter().any(|word| line.contains(word)) && line.match_indices(name).any(|(at, _)| is_name(at))
}

/// The function `name` of `text` with its comment, without indentation.
fn function(text: &str, name: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let defined = lines.iter().position(|line| defines(line, name)).unwrap_or_else(|| panic!("{name} is not defined"));
    let margin = indentation(lines[defined]);
    let is_comment = |line: &&&str| ["//", "/*", "*", "#"].iter().any(|mark| line.trim_start().starts_with(mark));
    let begin = defined - lines[..defined].iter().rev().take_while(is_comment).count();
    let is_inside = |line: &&&str| line.is_empty() || indentation(line) > margin;
    let mut end = defined + 1 + lines[defined + 1..].iter().take_while(is_inside).count();
    // A closing brace. Python has none.
    if lines.get(end).is_some_and(|line| line.trim_start().starts_with(['}', ')'])) {
        end += 1;
    }
    let shown = lines[begin..end].iter().map(|line| line.get(margin..).unwrap_or_default());
    shown.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The block that belongs between the markers of `what`.
fn block(what: &str) -> String {
    let (file, name) = what.split_once(' ').map_or((what, None), |(file, name)| (file, Some(name)));
    let text = fs::read_to_string(root().join(file)).unwrap();
    let shown = name.map_or_else(|| text.trim_end().to_owned(), |name| function(&text, name));
    let language = match Path::new(file).extension().unwrap().to_str().unwrap() {
        "mjs" => "js",
        "py" => "python",
        "rs" => "rust",
        other => other,
    };
    format!("\n```{language}\n{shown}\n```\n")
}

#[test]
fn documents_show_the_files_that_they_include() {
    let path = root().join("docs/CLIENTS.md");
    let document = fs::read_to_string(&path).unwrap();
    let mut parts = document.split(BEGIN);
    let mut expected = parts.next().unwrap().to_owned();
    let mut includes = 0;
    for part in parts {
        let (what, rest) = part.split_once(" -->\n").unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        expected.extend([BEGIN, what, " -->\n", &block(what), END, after]);
        includes += 1;
    }
    assert!(includes > 5);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, expected).unwrap();
    } else {
        assert!(
            document == expected,
            "UPDATE_GOLDEN=1 cargo test --test it docs::includes brings docs/CLIENTS.md up to date"
        );
    }
}
