//! Config errors, each with its location.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc};

/// A file with a position, or an environment variable. Files sort before the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A file, as a whole.
    File(Arc<str>),
    /// A position in a file.
    Position(Arc<str>, Position),
    /// An environment variable, by its name.
    Environment(String),
}

impl Location {
    /// The file at `path`, as a whole.
    pub fn file(path: &Path) -> Self {
        Self::File(path.display().to_string().into())
    }
}

/// A position in a text. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One thing that is wrong. It never repeats a value, because any value may be a misplaced secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Error {
    /// Its location.
    pub location: Location,
    /// The path of the key (`upstream.attempt_timeout`), or empty if it concerns no single key.
    pub path: String,
    /// What is wrong: a lower-case phrase without a full stop.
    pub message: String,
}

/// Everything that is wrong, sorted by location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(BTreeSet<Error>);

impl Errors {
    /// Adds an error.
    pub fn add(&mut self, location: Location, path: impl Into<String>, message: impl Into<String>) {
        self.0.insert(Error { location, path: path.into(), message: message.into() });
    }

    /// Adds all of `others`.
    pub fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Splits off the errors for which `of` is true.
    #[must_use]
    pub fn split(self, of: impl Fn(&Error) -> bool) -> (Self, Self) {
        let (these, others) = self.0.into_iter().partition(of);
        (Self(these), Self(others))
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether an error concerns the key at `path`, a key below it, or a section around it.
    pub fn concern(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        self.iter().any(|one| one.path == path || within(&one.path, path) || within(path, &one.path))
    }

    /// The errors in the order of their locations.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.0.iter()
    }

    /// Gives `value` if nothing is wrong.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.write_str(file),
            Self::Position(file, Position { line, column }) => write!(f, "{file}:{line}:{column}"),
            Self::Environment(name) => write!(f, "environment {name}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in self.iter() {
            writeln!(f, "{error}")?;
        }
        let count = self.len();
        write!(f, "{count} error{}", if count == 1 { "" } else { "s" })
    }
}

impl std::error::Error for Errors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_listed_by_location_with_their_count() {
        let position = |line| Location::Position("a.yaml".into(), Position { line, column: 3 });
        let mut errors = Errors::default();
        errors.add(Location::Environment("X".into()), "a.b", "must be a number");
        errors.add(position(12), "a.c", "unknown key");
        errors.add(position(2), "", "no mapping");
        let expected = "a.yaml:2:3: no mapping\na.yaml:12:3: a.c: unknown key\nenvironment X: a.b: must be a number\n";
        assert_eq!(errors.to_string(), format!("{expected}3 errors"));
    }

    #[test]
    fn errors_concern_the_paths_above_and_below_but_no_neighbour() {
        let mut errors = Errors::default();
        errors.add(Location::Environment("X".into()), "tenants.file", "");
        assert!(errors.concern("tenants.file") && errors.concern("tenants") && errors.concern("tenants.file.x"));
        assert!(!errors.concern("tenants.files") && !errors.concern("tenant"));
    }
}
