//! The example file and the reference tables follow from the declarations.

use std::{fmt::Write, fs, path::Path};

use crate::config::{
    Config, Environment,
    reader::{Declaration, Reader},
    section::read_document,
    setting::FromSection,
    telemetry::otel::VARIABLES,
};

const OPENING: &str = "\
# The configuration of verify-gateway. Every setting is here with its default, so any line may be left out.
# docs/CONFIGURATION.md says more, and which environment variable overrides which setting.
";

/// A configuration file with every setting at its default.
fn example() -> String {
    let mut file = OPENING.to_owned();
    for declaration in declarations() {
        // Documentation has its code in backticks, for Markdown.
        match declaration {
            Declaration::Section { path, doc } => {
                let (indent, key) = indented(&path);
                _ = write!(file, "\n{indent}# {}\n{indent}{key}:\n", doc.replace('`', ""));
            }
            Declaration::Setting { path, default, takes, doc } => {
                let (indent, key) = indented(&path);
                let value = if default.is_empty() { "\"\"" } else { &default };
                let doc = doc.replace('`', "");
                _ = write!(file, "{indent}# {doc}\n{indent}# Takes {takes}.\n{indent}{key}: {value}\n");
            }
        }
    }
    file
}

/// The settings as Markdown tables, one for each section.
fn tables() -> String {
    const HEAD: &str = "| setting | default | takes | what it is |\n|---|---|---|---|\n";
    let mut text = String::new();
    for declaration in declarations() {
        match declaration {
            Declaration::Section { path, doc } => _ = write!(text, "\n### `{path}`\n\n{doc}\n\n{HEAD}"),
            Declaration::Setting { path, default, takes, doc } => {
                let default = if default.is_empty() { "empty".to_owned() } else { format!("`{default}`") };
                _ = writeln!(text, "| `{path}` | {default} | {takes} | {doc} |");
            }
        }
    }
    // A section that only holds sections has no rows.
    text.replace(&format!("{HEAD}\n"), "")
}

/// The standard variables of OpenTelemetry as a Markdown table.
fn variables() -> String {
    let rows = VARIABLES.iter().map(|variable| format!("| `{}` | {} |\n", variable.name, variable.sets));
    format!("| variable | sets |\n|---|---|\n{}", rows.collect::<String>())
}

/// What the sections declare. The settings of a section come before the sections in it.
fn declarations() -> Vec<Declaration> {
    // No variable may show in what is generated.
    let env = Environment::default();
    let mut reader = Reader::new(Path::new(""), &env);
    read_document(&mut reader, b"", <Config as FromSection>::read);
    reader.declared
}

/// The indentation and the key of what is at `path`.
fn indented(path: &str) -> (String, &str) {
    let depth = path.matches('.').count();
    ("  ".repeat(depth), path.rsplit('.').next().unwrap_or(path))
}

const REFERENCE: &str = "docs/CONFIGURATION.md";

fn contents(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Compares a file of the repository with what it should be; with `UPDATE_GOLDEN` set, writes it instead.
fn must_be(file: &str, expected: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), expected).unwrap();
    }
    assert!(contents(file) == expected, "{file} is out of date: run with UPDATE_GOLDEN=1");
}

/// `text` with `generated` between the markers of `name`.
fn with_generated(text: &str, name: &str, generated: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}{generated}\n{end}{after}")
}

#[test]
fn the_example_file_follows_from_the_declarations_and_gives_the_defaults() {
    must_be("gateway.example.yaml", &example());
    let env = Environment::default();
    let mut reader = Reader::new(Path::new("example"), &env);
    let config = read_document(&mut reader, example().as_bytes(), <Config as FromSection>::read);
    assert_eq!(config, Some(Config::default()), "{}", reader.errors);
    assert!(reader.errors.is_empty(), "{}", reader.errors);
}

#[test]
fn the_reference_follows_from_the_declarations() {
    let text = with_generated(&contents(REFERENCE), "settings", &tables());
    must_be(REFERENCE, &with_generated(&text, "variables", &format!("\n{}", variables())));
}

#[test]
fn every_row_of_the_reference_is_one_declaration() {
    let text = contents(REFERENCE);
    for variable in VARIABLES {
        assert_eq!(text.matches(&format!("| `{}` |", variable.name)).count(), 1, "{}", variable.name);
    }
    for declaration in declarations() {
        if let Declaration::Setting { path, .. } = declaration {
            // One row of the reference; the page also has a table with examples of variables.
            assert_eq!(tables().matches(&format!("| `{path}` |")).count(), 1, "{path}");
        }
    }
}

#[test]
fn what_is_generated_does_not_depend_on_what_was_read_before() {
    let generated = || (example(), tables(), variables());
    let before = generated();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("VERIFY_GATEWAY_UPSTREAM__BASE_URL", "http://elsewhere"),
    ];
    let (config, errors) = Config::read(Path::new("/nowhere"), &variables.into_iter().collect());
    assert!(config.is_none() && !errors.is_empty());
    assert_eq!(generated(), before);
}
