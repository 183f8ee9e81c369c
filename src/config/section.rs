//! A mapping of a document, read key by key.

use super::{
    environment::Unread,
    error::{Location, Position},
    reader::{Declared, Reader, Spanned, variable},
    yaml::{Key, Node, Value},
};

/// A mapping that is being read. Keys that were never asked for are errors.
pub(crate) struct Section<'r, 'e> {
    /// The document around it.
    pub(crate) reader: &'r mut Reader<'e>,
    path: String,
    position: Position,
    entries: Vec<(Key, Node)>,
    known: Vec<&'static str>,
    /// Where the settings were set that do not have their defaults.
    set: Vec<(&'static str, Location)>,
}

impl<'r, 'e> Section<'r, 'e> {
    /// The mapping of `entries` at `path`, which starts at `position`.
    pub(super) fn new(reader: &'r mut Reader<'e>, path: String, position: Position, entries: Vec<(Key, Node)>) -> Self {
        Self { reader, path, position, entries, known: Vec::new(), set: Vec::new() }
    }

    /// Reads a section of settings; one that is missing has its defaults.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        doc: &'static str,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> T {
        let path = self.path_of(key);
        self.reader.declared.push(Declared::Section { path: path.clone(), doc });
        let (entries, position) = match self.take(key) {
            Some((_, node)) => {
                let position = node.position;
                (self.reader.entries(node, &path).unwrap_or_default(), position)
            }
            None => (Vec::new(), self.position),
        };
        self.reader.section(entries, position, path, read)
    }

    /// Reads a setting: `parse` takes the texts that `takes` describes, among them `default`. The environment goes before
    /// the file; both are checked.
    pub(super) fn setting<T>(
        &mut self,
        key: &'static str,
        default: &str,
        takes: impl Into<String>,
        doc: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        let (path, takes) = (self.path_of(key), takes.into());
        let of_file = self.text(key);
        let variable = variable(&path);
        let of_env = match self.reader.env.get(&variable) {
            Ok(text) => Some(Spanned { text: text.to_owned(), location: Location::Environment(variable) }),
            Err(Unread::Unset) => None,
            Err(Unread::NotText) => {
                self.reader.errors.add(Location::Environment(variable), path.as_str(), "not UTF-8 text");
                None
            }
        };
        let mut value = None;
        for written in [of_file, of_env].into_iter().flatten() {
            match parse(&written.text) {
                Some(parsed) => value = Some(parsed),
                None => self.reader.errors.add(written.location.clone(), path.as_str(), format!("must be {takes}")),
            }
            self.set.retain(|(known, _)| *known != key);
            self.set.push((key, written.location));
        }
        self.reader.declared.push(Declared::Setting { path, default: default.to_owned(), takes, doc });
        value.or_else(|| parse(default)).expect("every default is valid: a test reads them all")
    }

    /// Notes an error if a rule between settings does not hold: at the first of `keys` that was set. Settings that are wrong
    /// already are left alone.
    pub(super) fn rule(&mut self, holds: bool, keys: &[&'static str], what: &str) {
        if holds || keys.iter().any(|key| self.reader.errors.concern(&self.path_of(key))) {
            return;
        }
        let set = keys.iter().find_map(|key| self.set.iter().find(|(known, _)| known == key));
        if let Some((key, location)) = set.cloned() {
            self.error(location, key, what);
        }
    }

    /// Reads a text that may be missing.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<Spanned> {
        let (at, node) = self.take(key)?;
        let location = self.reader.position(node.position);
        match node.value {
            Value::Scalar(text) => return Some(Spanned { text, location }),
            Value::Refused => {}
            Value::Nothing => self.error(self.reader.position(at.position), key, "has no value"),
            Value::List(_) | Value::Map(_) => self.error(location, key, "must be a single value"),
        }
        None
    }

    /// Reads a list of texts; one that is missing is empty.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<Spanned> {
        let items = self.list(key);
        self.scalars(key, items)
    }

    fn scalars(&mut self, key: &'static str, items: Vec<Node>) -> Vec<Spanned> {
        let mut texts = Vec::new();
        for node in items {
            let location = self.reader.position(node.position);
            match node.value {
                Value::Scalar(text) => texts.push(Spanned { text, location }),
                Value::Refused => {}
                _ => self.error(location, key, "must be a list of single values"),
            }
        }
        texts
    }

    /// Reads a mapping of the reader's own keys to texts; one that is missing is empty.
    pub(crate) fn texts_by_key(&mut self, key: &'static str) -> Vec<(Spanned, Spanned)> {
        let Some((_, node)) = self.take(key) else { return Vec::new() };
        let path = self.path_of(key);
        let mut texts = Vec::new();
        for (name, node) in self.reader.entries(node, &path).unwrap_or_default() {
            let (at, location) = (self.reader.position(name.position), self.reader.position(node.position));
            match node.value {
                Value::Scalar(text) => {
                    texts.push((Spanned { text: name.text, location: at }, Spanned { text, location }));
                }
                Value::Refused => {}
                _ => self.error(location, key, "must be a mapping of keys to single values"),
            }
        }
        texts
    }

    /// Reads a mapping that may be missing.
    pub(crate) fn map<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_, 'e>) -> T) -> Option<T> {
        let (_, node) = self.take(key)?;
        let (path, position) = (self.path_of(key), node.position);
        let entries = self.reader.entries(node, &path)?;
        Some(self.reader.section(entries, position, path, read))
    }

    /// Reads a list of mappings; one that is missing is empty.
    pub(crate) fn maps<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_, 'e>) -> T) -> Vec<T> {
        let mut items = Vec::new();
        for (index, node) in self.list(key).into_iter().enumerate() {
            let (path, position) = (format!("{}[{index}]", self.path_of(key)), node.position);
            if let Some(entries) = self.reader.entries(node, &path) {
                items.push(self.reader.section(entries, position, path, &mut read));
            }
        }
        items
    }

    /// Reads a mapping of names of the writer's own to single values; one that is missing is empty.
    pub(crate) fn text_by_name(&mut self, key: &'static str) -> Vec<(Spanned, Spanned)> {
        let mut pairs = Vec::new();
        for (name, node) in self.by_name(key) {
            let location = self.reader.position(node.position);
            match node.value {
                Value::Scalar(text) => pairs.push((name, Spanned { text, location })),
                Value::Refused => {}
                _ => self.error(location, key, "must be a mapping of names to single values"),
            }
        }
        pairs
    }

    /// Reads a mapping of names of the writer's own to lists of texts; one that is missing is empty.
    pub(crate) fn texts_by_name(&mut self, key: &'static str) -> Vec<(Spanned, Vec<Spanned>)> {
        let mut pairs = Vec::new();
        for (name, node) in self.by_name(key) {
            let location = self.reader.position(node.position);
            match node.value {
                Value::List(items) => pairs.push((name, self.scalars(key, items))),
                Value::Refused => {}
                _ => self.error(location, key, "must be a mapping of names to lists"),
            }
        }
        pairs
    }

    fn by_name(&mut self, key: &'static str) -> Vec<(Spanned, Node)> {
        let Some((_, node)) = self.take(key) else { return Vec::new() };
        let path = self.path_of(key);
        let entries = self.reader.entries(node, &path).unwrap_or_default();
        let named =
            |(key, node): (Key, Node)| (Spanned { location: self.reader.position(key.position), text: key.text }, node);
        entries.into_iter().map(named).collect()
    }

    /// Whether the value of `key` is the single `word`, which is then read.
    pub(crate) fn is(&mut self, key: &'static str, word: &str) -> bool {
        let is = |(known, node): &(Key, Node)| {
            known.text == key && matches!(&node.value, Value::Scalar(text) if text == word)
        };
        let found = self.entries.iter().any(is);
        if found {
            self.take(key);
        }
        found
    }

    /// Notes an error about `key`.
    pub(crate) fn error(&mut self, location: Location, key: &str, what: impl Into<String>) {
        let path = self.path_of(key);
        self.reader.errors.add(location, path, what);
    }

    /// Where the section begins.
    pub(crate) fn location(&self) -> Location {
        self.reader.position(self.position)
    }

    /// Whether there is a value of `key`, which was not read yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.text == key)
    }

    /// Notes an error if there is no `key`, which was not read yet.
    pub(crate) fn demand(&mut self, key: &'static str) {
        if !self.has(key) {
            self.error(self.location(), key, "missing");
        }
    }

    fn list(&mut self, key: &'static str) -> Vec<Node> {
        let Some((_, node)) = self.take(key) else { return Vec::new() };
        match node.value {
            Value::List(items) => return items,
            Value::Nothing | Value::Refused => {}
            _ => self.error(self.reader.position(node.position), key, "must be a list"),
        }
        Vec::new()
    }

    fn take(&mut self, key: &'static str) -> Option<(Key, Node)> {
        self.known.push(key);
        let at = self.entries.iter().position(|(known, _)| known.text == key)?;
        Some(self.entries.remove(at))
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            (path, "") => path.to_owned(),
            ("", key) => key.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// Notes an error for every key that nothing asked for.
    pub(super) fn refuse_unknown_keys(mut self) {
        // A secret that lost its key may stand here, so only what reads like a key is repeated.
        let like_a_key = |text: &str| text.len() <= 40 && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        let what = format!("unknown key; known here: {}", self.known.join(", "));
        for (key, _) in std::mem::take(&mut self.entries) {
            let name = if like_a_key(&key.text) { key.text.as_str() } else { "" };
            self.error(self.reader.position(key.position), name, what.as_str());
        }
    }
}
