//! What is wrong with a configuration: all of it, each with its place.

use std::{collections::BTreeSet, error::Error, fmt, sync::Arc};

/// Where something was written. Files sort before the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file, as a whole.
    File(Arc<str>),
    /// A spot in a file; lines and columns count from 1.
    Spot(Arc<str>, Spot),
    /// An environment variable, by its name.
    Environment(String),
}

/// A spot in a text; lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One thing that is wrong. It never repeats a value: any value may be a secret that stands in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// The path of the key it is about (`upstream.attempt_timeout`); empty where it is about no single key.
    pub path: String,
    /// What is wrong: a lowercase phrase without a stop.
    pub what: String,
}

/// Everything that is wrong, sorted by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(BTreeSet<Mistake>);

impl Mistakes {
    /// Adds one.
    pub fn add(&mut self, place: Place, path: impl Into<String>, what: impl Into<String>) {
        self.0.insert(Mistake { place, path: path.into(), what: what.into() });
    }

    /// Adds all of `others`.
    pub fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things are wrong.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether something is wrong with the key at `path`, with a key below it, or with a section around it.
    #[must_use]
    pub fn touch(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        self.iter().any(|one| one.path == path || within(&one.path, path) || within(path, &one.path))
    }

    /// Goes through them by place.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// Gives `value` if nothing is wrong.
    ///
    /// # Errors
    /// The mistakes, if there are any.
    pub fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.write_str(file),
            Self::Spot(file, Spot { line, column }) => write!(f, "{file}:{line}:{column}"),
            Self::Environment(name) => write!(f, "environment {name}"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in self.iter() {
            writeln!(f, "{mistake}")?;
        }
        let count = self.len();
        write!(f, "{count} mistake{}", if count == 1 { "" } else { "s" })
    }
}

impl Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_listed_by_place_with_their_count() {
        let spot = |line| Place::Spot("a.yaml".into(), Spot { line, column: 3 });
        let mut mistakes = Mistakes::default();
        mistakes.add(Place::Environment("X".into()), "a.b", "must be a number");
        mistakes.add(spot(12), "a.c", "unknown key");
        mistakes.add(spot(2), "", "no mapping");
        let expected = "a.yaml:2:3: no mapping\na.yaml:12:3: a.c: unknown key\nenvironment X: a.b: must be a number\n";
        assert_eq!(mistakes.to_string(), format!("{expected}3 mistakes"));
    }

    #[test]
    fn a_path_is_touched_from_above_and_below_but_not_by_a_neighbour() {
        let mut mistakes = Mistakes::default();
        mistakes.add(Place::Environment("X".into()), "tenants.file", "");
        assert!(mistakes.touch("tenants.file") && mistakes.touch("tenants") && mistakes.touch("tenants.file.x"));
        assert!(!mistakes.touch("tenants.files") && !mistakes.touch("tenant"));
    }
}
