//! The example file and the reference table, made from what the reading code declares.

use std::fmt::Write;

use super::{
    Config, Environment,
    reader::{Declared, Reader},
};

const OPENING: &str = "\
# The configuration of verify-gateway. Every setting is here with its default, so any line may be left out.
# docs/CONFIGURATION.md says more, and which environment variable goes before which setting.
";

/// A configuration file with every setting at its default.
#[must_use]
pub fn example() -> String {
    let mut file = OPENING.to_owned();
    for declared in declared() {
        match &declared {
            Declared::Section { path, doc } => {
                let (indent, key) = indented(path);
                _ = write!(file, "\n{indent}# {doc}\n{indent}{key}:\n");
            }
            Declared::Setting { path, default, takes, doc } => {
                let (indent, key) = indented(path);
                let value = if default.is_empty() { "\"\"" } else { default };
                _ = write!(file, "{indent}# {doc}\n{indent}# Takes {takes}.\n{indent}{key}: {value}\n");
            }
        }
    }
    file
}

/// The settings as Markdown tables, one a section.
#[must_use]
pub fn table() -> String {
    let mut text = String::new();
    for declared in declared() {
        match declared {
            Declared::Section { path, doc } => {
                _ = write!(
                    text,
                    "\n### `{path}`\n\n{doc}\n\n| setting | default | takes | what it is |\n|---|---|---|---|\n"
                );
            }
            Declared::Setting { path, default, takes, doc } => {
                let default = if default.is_empty() { "empty".to_owned() } else { format!("`{default}`") };
                _ = writeln!(text, "| `{path}` | {default} | {takes} | {doc} |");
            }
        }
    }
    // A section that only holds sections has no rows.
    text.replace("| setting | default | takes | what it is |\n|---|---|---|---|\n\n", "")
}

/// What the reading code declares, a section's own settings before the sections in it.
fn declared() -> Vec<Declared> {
    let env = Environment::default();
    let mut reader = Reader::new("", &env);
    reader.document(b"", Config::sections);
    reader.declared
}

/// The indentation and the key of what is at `path`.
fn indented(path: &str) -> (String, &str) {
    let depth = path.matches('.').count();
    ("  ".repeat(depth), path.rsplit('.').next().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Compares a file of the repository with what it should be; with `UPDATE_GOLDEN` set, writes it instead.
    fn must_be(file: &str, expected: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, expected).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap() == expected, "{file} is out of date: run with UPDATE_GOLDEN=1");
    }

    #[test]
    fn the_example_file_is_the_declarations_and_gives_the_defaults() {
        must_be("gateway.example.yaml", &example());
        let env = Environment::default();
        let mut reader = Reader::new("example", &env);
        let config = reader.document(example().as_bytes(), Config::sections);
        assert_eq!(config, Some(Config::default()), "{}", reader.errors);
        assert!(reader.errors.is_empty(), "{}", reader.errors);
    }

    #[test]
    fn the_reference_table_is_the_declarations() {
        const MARKS: [&str; 2] = ["<!-- settings: begin -->\n", "<!-- settings: end -->\n"];
        let file = "docs/CONFIGURATION.md";
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let (before, rest) = text.split_once(MARKS[0]).unwrap();
        let (_, after) = rest.split_once(MARKS[1]).unwrap();
        must_be(file, &format!("{before}{}{}\n{}{after}", MARKS[0], table(), MARKS[1]));
    }
}
