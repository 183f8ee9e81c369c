//! A mapping of a document, read key by key. Every error is reported, not only the first.

use std::{collections::HashMap, io};

use super::{
    error::{Location, Position},
    kinds::Kind,
    reader::Reader,
    yaml::{self, Key, Node, Value},
};
use crate::files;

/// A mapping that is being read. A key that nothing reads is an error.
pub(crate) struct Section<'r, 'e> {
    /// The document around it.
    pub(crate) reader: &'r mut Reader<'e>,
    path: String,
    position: Position,
    entries: Vec<(Key, Node)>,
    known: Vec<&'static str>,
    /// Where the settings were set that do not have their defaults.
    pub(super) set: HashMap<&'static str, Location>,
}

/// A value and where it was written.
pub(crate) struct Spanned<T = String> {
    pub(crate) value: T,
    pub(crate) location: Location,
}

/// Has `read` go through the file of `reader`, whose content is `content`. `None` if it can't be read at all.
pub(crate) fn read_file<'e, T>(
    reader: &mut Reader<'e>,
    content: io::Result<impl AsRef<[u8]>>,
    read: impl FnOnce(&mut Section<'_, 'e>) -> T,
) -> Option<T> {
    match content {
        Ok(bytes) => read_document(reader, bytes.as_ref(), read),
        Err(error) => {
            let location = Location::File(reader.file.clone());
            reader.errors.add(location, "", files::describe(error.kind()));
            None
        }
    }
}

/// Has `read` go through the document in `bytes`. `None` if it is no YAML or no mapping.
pub(crate) fn read_document<'e, T>(
    reader: &mut Reader<'e>,
    bytes: &[u8],
    read: impl FnOnce(&mut Section<'_, 'e>) -> T,
) -> Option<T> {
    let root = yaml::read(&reader.file, bytes, &mut reader.errors)?;
    let entries = reader.entries(root, "")?;
    Some(read_entries(reader, entries, Position { line: 1, column: 1 }, String::new(), read))
}

fn read_entries<'e, T>(
    reader: &mut Reader<'e>,
    entries: Vec<(Key, Node)>,
    position: Position,
    path: String,
    read: impl FnOnce(&mut Section<'_, 'e>) -> T,
) -> T {
    let mut section = Section { reader, path, position, entries, known: Vec::new(), set: HashMap::new() };
    let content = read(&mut section);
    section.refuse_unknown_keys();
    content
}

impl<'e> Section<'_, 'e> {
    /// Reads a text. It may be missing.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<Spanned> {
        let (at, node) = self.take(key)?;
        let missing = self.reader.position(at.position);
        if matches!(node.value, Value::Nothing) {
            self.error(missing, key, "has no value");
            return None;
        }
        self.scalar(key, node, "must be a single value")
    }

    /// Reads a value of a kind. `None` if it is missing or wrong.
    pub(crate) fn value<T>(&mut self, key: &'static str, kind: &Kind<'_, T>) -> Option<Spanned<T>> {
        let text = self.text(key)?;
        self.parse(key, text, kind)
    }

    /// Reads a value of a kind. Reports an error if it is missing.
    pub(crate) fn required<T>(&mut self, key: &'static str, kind: &Kind<'_, T>) -> Option<Spanned<T>> {
        self.demand(key);
        self.value(key, kind)
    }

    /// Reads a list of values of a kind, without those that are wrong. A missing one is empty.
    pub(crate) fn values<T>(&mut self, key: &'static str, kind: &Kind<'_, T>) -> Vec<Spanned<T>> {
        self.texts(key).into_iter().filter_map(|text| self.parse(key, text, kind)).collect()
    }

    /// Reads `text` as a value of `key`. Reports an error if it is of another kind.
    pub(crate) fn parse<T>(&mut self, key: &str, text: Spanned, kind: &Kind<'_, T>) -> Option<Spanned<T>> {
        let value = kind.parse(&text.value, &self.reader.folder);
        if value.is_none() {
            self.error(text.location.clone(), key, format!("must be {}", kind.takes));
        }
        value.map(|value| Spanned { value, location: text.location })
    }

    /// Reads the one of `keys` that is set. Reports an error if there are several or none.
    pub(crate) fn one_of<const N: usize>(&mut self, keys: [&'static str; N]) -> Option<(&'static str, Spanned)> {
        let before = self.reader.errors.len();
        let mut given: Vec<_> = keys.into_iter().filter_map(|key| Some((key, self.text(key)?))).collect();
        if given.len() == 1 {
            return given.pop();
        }
        // A key without a value is reported already.
        if !given.is_empty() || before == self.reader.errors.len() {
            self.error(self.location(), "", format!("needs exactly one of {}", keys.join(", ")));
        }
        None
    }

    /// Reads a list of texts. A missing one is empty.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<Spanned> {
        let items = self.list(key);
        self.scalars(key, items)
    }

    /// Reads a mapping of free names to texts. A missing one is empty.
    pub(crate) fn text_by_name(&mut self, key: &'static str) -> Vec<(Spanned, Spanned)> {
        let entries = self.by_name(key).into_iter();
        let pairs = entries
            .map(|(name, node)| Some((name, self.scalar(key, node, "must be a mapping of names to single values")?)));
        pairs.flatten().collect()
    }

    /// Reads a mapping of free names to lists of texts. A missing one is empty.
    pub(crate) fn texts_by_name(&mut self, key: &'static str) -> Vec<(Spanned, Vec<Spanned>)> {
        let mut pairs = Vec::new();
        for (name, node) in self.by_name(key) {
            match node.value {
                Value::List(items) => pairs.push((name, self.scalars(key, items))),
                Value::Refused => {}
                _ => self.error(self.reader.position(node.position), key, "must be a mapping of names to lists"),
            }
        }
        pairs
    }

    /// Reads a mapping. It may be missing.
    pub(crate) fn map<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_, 'e>) -> T) -> Option<T> {
        let (_, node) = self.take(key)?;
        let (path, position) = (self.path_of(key), node.position);
        let entries = self.reader.entries(node, &path)?;
        Some(read_entries(self.reader, entries, position, path, read))
    }

    /// Reads a mapping. One that is missing or wrong is empty.
    pub(super) fn map_or_empty<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_, 'e>) -> T) -> T {
        let path = self.path_of(key);
        let (position, entries) = match self.take(key) {
            Some((_, node)) => (node.position, self.reader.entries(node, &path).unwrap_or_default()),
            None => (self.position, Vec::new()),
        };
        read_entries(self.reader, entries, position, path, read)
    }

    /// Reads a list of mappings. A missing one is empty.
    pub(crate) fn maps<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_, 'e>) -> T) -> Vec<T> {
        let mut items = Vec::new();
        for (index, node) in self.list(key).into_iter().enumerate() {
            let (path, position) = (format!("{}[{index}]", self.path_of(key)), node.position);
            if let Some(entries) = self.reader.entries(node, &path) {
                items.push(read_entries(self.reader, entries, position, path, &mut read));
            }
        }
        items
    }

    /// Whether the value of `key` is the single `word`. It then counts as read.
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

    /// Reports an error about `key`.
    pub(crate) fn error(&mut self, location: Location, key: &str, message: impl Into<String>) {
        let path = self.path_of(key);
        self.reader.errors.add(location, path, message);
    }

    /// Where the section begins.
    pub(crate) fn location(&self) -> Location {
        self.reader.position(self.position)
    }

    /// Whether there is a value of `key` that nothing has read yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.text == key)
    }

    /// Reports an error if there is no `key`, which nothing has read yet.
    pub(crate) fn demand(&mut self, key: &'static str) {
        if !self.has(key) {
            self.error(self.location(), key, "missing");
        }
    }

    /// The path of `key` in the document.
    pub(super) fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            (path, "") => path.to_owned(),
            ("", key) => key.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn scalar(&mut self, key: &str, node: Node, message: &str) -> Option<Spanned> {
        let location = self.reader.position(node.position);
        match node.value {
            Value::Scalar(text) => return Some(Spanned { value: text, location }),
            Value::Refused => {}
            _ => self.error(location, key, message),
        }
        None
    }

    fn scalars(&mut self, key: &str, items: Vec<Node>) -> Vec<Spanned> {
        items.into_iter().filter_map(|node| self.scalar(key, node, "must be a list of single values")).collect()
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

    fn by_name(&mut self, key: &'static str) -> Vec<(Spanned, Node)> {
        let Some((_, node)) = self.take(key) else { return Vec::new() };
        let path = self.path_of(key);
        let entries = self.reader.entries(node, &path).unwrap_or_default();
        let name = |key: Key| Spanned { location: self.reader.position(key.position), value: key.text };
        entries.into_iter().map(|(key, node)| (name(key), node)).collect()
    }

    fn take(&mut self, key: &'static str) -> Option<(Key, Node)> {
        self.known.push(key);
        let at = self.entries.iter().position(|(known, _)| known.text == key)?;
        Some(self.entries.remove(at))
    }

    /// Reports an error for every key that nothing has read.
    fn refuse_unknown_keys(mut self) {
        // The key may be a secret whose own key is missing. Only what looks like a key is repeated.
        let like_a_key = |text: &str| text.len() <= 40 && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        let message = format!("unknown key; known here: {}", self.known.join(", "));
        for (key, _) in std::mem::take(&mut self.entries) {
            let name = if like_a_key(&key.text) { key.text.as_str() } else { "" };
            self.error(self.reader.position(key.position), name, message.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Environment;

    #[test]
    fn an_unknown_key_is_named_only_if_it_looks_like_a_key() {
        let env = Environment::default();
        let mut reader = Reader::new(Path::new("f"), &env);
        read_document(&mut reader, b"{ listen_on: 1, KEY0123ABC: , a1b2c3d4: 2 }", |section| section.text("listen"));
        let message = "unknown key; known here: listen";
        let expected = format!("f:1:3: listen_on: {message}\nf:1:17: {message}\nf:1:31: {message}\n3 errors");
        assert_eq!(reader.errors.to_string(), expected);
    }
}
