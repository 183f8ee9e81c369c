//! Reads a document key by key, and notes every mistake on the way instead of stopping at the first.
//!
//! A knob is declared once, by the call that reads it. That call names its key, default, range and purpose; the
//! environment variable, the check for unknown keys, the example file and the reference table follow from it.

use std::{fs, path::Path, sync::Arc};

use super::{
    environment::{Environment, Unread},
    mistakes::{Mistakes, Place, Spot},
    yaml::{self, Key, Node, Value},
};

/// What the names of all environment variables that set knobs begin with.
pub(super) const PREFIX: &str = "VERIFY_GATEWAY_";

/// A document that is being read, and what was found wrong with it.
pub(crate) struct Reader<'e> {
    /// The variables that values may be taken from.
    pub(crate) env: &'e Environment,
    /// What is wrong.
    pub(crate) mistakes: Mistakes,
    /// What was declared, in that order.
    pub(super) declared: Vec<Declared>,
    file: Arc<str>,
}

/// Something that the reading code declared.
pub(super) enum Declared {
    /// A section.
    Section { path: String, doc: &'static str },
    /// A knob.
    Knob { path: String, default: String, takes: String, doc: &'static str },
}

/// A text and where it was written.
pub(crate) struct Written {
    /// The text.
    pub(crate) text: String,
    /// Where.
    pub(crate) place: Place,
}

impl<'e> Reader<'e> {
    /// A reader of the document named `file`.
    pub(crate) fn new(file: &str, env: &'e Environment) -> Self {
        Self { env, mistakes: Mistakes::default(), declared: Vec::new(), file: file.into() }
    }

    /// Reads the file at `path`, whose content `read` goes through. `None` if it can't be read at all.
    pub(crate) fn file<T>(
        path: &Path,
        env: &'e Environment,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> (Self, Option<T>) {
        let mut reader = Self::new(&path.display().to_string(), env);
        let content = match fs::read(path) {
            Ok(bytes) => reader.document(&bytes, read),
            Err(error) => {
                let what = format!("can't be read: {}", error.kind());
                reader.mistakes.add(Place::File(reader.file.clone()), "", what);
                None
            }
        };
        (reader, content)
    }

    /// Reads `bytes`, whose content `read` goes through. `None` if they are no YAML or no mapping.
    pub(crate) fn document<T>(&mut self, bytes: &[u8], read: impl FnOnce(&mut Section<'_, 'e>) -> T) -> Option<T> {
        let root = yaml::read(&self.file, bytes, &mut self.mistakes)?;
        let entries = self.entries(root, "")?;
        Some(self.section(entries, Spot { line: 1, column: 1 }, String::new(), read))
    }

    /// Notes a mistake for every variable with the prefix that sets no knob.
    pub(super) fn refuse_unknown_variables(&mut self) {
        let env = self.env;
        let knobs: Vec<String> = self.declared.iter().filter_map(Declared::variable).collect();
        for name in env.names(PREFIX).filter(|name| !knobs.iter().any(|knob| knob == name)) {
            if is_service_link(name) {
                continue;
            }
            let folded = |name: &str| name.replace("__", "_");
            let what = match knobs.iter().find(|knob| folded(knob) == folded(name)) {
                Some(knob) => format!("sets no knob; {knob} does"),
                None => "sets no knob".to_owned(),
            };
            self.mistakes.add(Place::Environment(name.to_owned()), "", what);
        }
    }

    fn spot(&self, spot: Spot) -> Place {
        Place::Spot(self.file.clone(), spot)
    }

    /// The entries of a mapping; none of `Nothing`.
    fn entries(&mut self, node: Node, path: &str) -> Option<Vec<(Key, Node)>> {
        match node.value {
            Value::Map(entries) => Some(entries),
            Value::Nothing => Some(Vec::new()),
            Value::Refused => None,
            Value::Scalar(_) | Value::List(_) => {
                self.mistakes.add(self.spot(node.spot), path, "must be a mapping of keys to values");
                None
            }
        }
    }

    fn section<T>(
        &mut self,
        entries: Vec<(Key, Node)>,
        spot: Spot,
        path: String,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> T {
        let mut section = Section { reader: self, path, spot, entries, known: Vec::new(), set: Vec::new() };
        let content = read(&mut section);
        section.refuse_unknown_keys();
        content
    }
}

impl Declared {
    /// The name of the variable that sets this knob.
    pub(super) fn variable(&self) -> Option<String> {
        match self {
            Self::Section { .. } => None,
            Self::Knob { path, .. } => Some(variable(path)),
        }
    }
}

/// The name of the variable that sets the knob at `path`.
fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

/// Whether a variable is one of those that Kubernetes sets in every pod for a service, here one whose name begins with
/// `verify-gateway` (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_service_link(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let port_of = |at: usize| parts[at] == "PORT" && (at + 1 == parts.len() || number(parts[at + 1]));
    parts.ends_with(&["SERVICE", "HOST"])
        || parts.windows(2).any(|pair| pair == ["SERVICE", "PORT"])
        || (0..parts.len()).any(port_of)
}

/// A mapping that is being read. Keys that were never asked for are mistakes.
pub(crate) struct Section<'r, 'e> {
    /// The document around it.
    pub(crate) reader: &'r mut Reader<'e>,
    path: String,
    spot: Spot,
    entries: Vec<(Key, Node)>,
    known: Vec<&'static str>,
    /// Where the knobs were set that do not have their defaults.
    set: Vec<(&'static str, Place)>,
}

impl<'e> Section<'_, 'e> {
    /// Reads a section of knobs; one that is missing has its defaults.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        doc: &'static str,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> T {
        let path = self.path_of(key);
        self.reader.declared.push(Declared::Section { path: path.clone(), doc });
        let (entries, spot) = match self.take(key) {
            Some((_, node)) => {
                let spot = node.spot;
                (self.reader.entries(node, &path).unwrap_or_default(), spot)
            }
            None => (Vec::new(), self.spot),
        };
        self.reader.section(entries, spot, path, read)
    }

    /// Reads a knob: `parse` takes the texts that `takes` describes, among them `default`. The environment goes before
    /// the file; both are checked.
    pub(super) fn knob<T>(
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
            Ok(text) => Some(Written { text: text.to_owned(), place: Place::Environment(variable) }),
            Err(Unread::Unset) => None,
            Err(Unread::NotText) => {
                self.reader.mistakes.add(Place::Environment(variable), path.as_str(), "not UTF-8 text");
                None
            }
        };
        let mut value = None;
        for written in [of_file, of_env].into_iter().flatten() {
            match parse(&written.text) {
                Some(parsed) => value = Some(parsed),
                None => self.reader.mistakes.add(written.place.clone(), path.as_str(), format!("must be {takes}")),
            }
            self.set.retain(|(known, _)| *known != key);
            self.set.push((key, written.place));
        }
        self.reader.declared.push(Declared::Knob { path, default: default.to_owned(), takes, doc });
        value.or_else(|| parse(default)).expect("every default is valid: a test reads them all")
    }

    /// Notes a mistake if a rule between knobs does not hold: at the first of `keys` that was set. Knobs that are wrong
    /// already are left alone.
    pub(super) fn rule(&mut self, holds: bool, keys: &[&'static str], what: &str) {
        if holds || keys.iter().any(|key| self.reader.mistakes.touch(&self.path_of(key))) {
            return;
        }
        let set = keys.iter().find_map(|key| self.set.iter().find(|(known, _)| known == key));
        if let Some((key, place)) = set.cloned() {
            self.mistake(place, key, what);
        }
    }

    /// Reads a text that may be missing.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<Written> {
        let (at, node) = self.take(key)?;
        let place = self.reader.spot(node.spot);
        match node.value {
            Value::Scalar(text) => return Some(Written { text, place }),
            Value::Refused => {}
            Value::Nothing => self.mistake(self.reader.spot(at.spot), key, "has no value"),
            Value::List(_) | Value::Map(_) => self.mistake(place, key, "must be a single value"),
        }
        None
    }

    /// Reads a list of texts; one that is missing is empty.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<Written> {
        let mut texts = Vec::new();
        for node in self.list(key) {
            let place = self.reader.spot(node.spot);
            match node.value {
                Value::Scalar(text) => texts.push(Written { text, place }),
                Value::Refused => {}
                _ => self.mistake(place, key, "must be a list of single values"),
            }
        }
        texts
    }

    /// Reads a mapping that may be missing.
    pub(crate) fn map<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_, 'e>) -> T) -> Option<T> {
        let (_, node) = self.take(key)?;
        let (path, spot) = (self.path_of(key), node.spot);
        let entries = self.reader.entries(node, &path)?;
        Some(self.reader.section(entries, spot, path, read))
    }

    /// Reads a list of mappings; one that is missing is empty.
    pub(crate) fn maps<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'_, 'e>) -> T) -> Vec<T> {
        let mut items = Vec::new();
        for (index, node) in self.list(key).into_iter().enumerate() {
            let (path, spot) = (format!("{}[{index}]", self.path_of(key)), node.spot);
            if let Some(entries) = self.reader.entries(node, &path) {
                items.push(self.reader.section(entries, spot, path, &mut read));
            }
        }
        items
    }

    /// Notes a mistake about `key`.
    pub(crate) fn mistake(&mut self, place: Place, key: &str, what: impl Into<String>) {
        let path = self.path_of(key);
        self.reader.mistakes.add(place, path, what);
    }

    /// Where the section begins.
    pub(crate) fn place(&self) -> Place {
        self.reader.spot(self.spot)
    }

    /// Whether there is a value of `key`, which was not read yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.text == key)
    }

    /// Notes a mistake if there is no `key`, which was not read yet.
    pub(crate) fn demand(&mut self, key: &'static str) {
        if !self.has(key) {
            self.mistake(self.place(), key, "missing");
        }
    }

    fn list(&mut self, key: &'static str) -> Vec<Node> {
        let Some((_, node)) = self.take(key) else { return Vec::new() };
        match node.value {
            Value::List(items) => return items,
            Value::Nothing | Value::Refused => {}
            _ => self.mistake(self.reader.spot(node.spot), key, "must be a list"),
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

    fn refuse_unknown_keys(mut self) {
        // A secret that lost its key may stand here, so only what reads like a key is repeated.
        let like_a_key = |text: &str| text.len() <= 40 && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        let what = format!("unknown key; known here: {}", self.known.join(", "));
        for (key, _) in std::mem::take(&mut self.entries) {
            let name = if like_a_key(&key.text) { key.text.as_str() } else { "" };
            self.mistake(self.reader.spot(key.spot), name, what.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_told_from_knobs() {
        let links =
            ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_50051_TCP_ADDR", "A_SERVICE_HOST"];
        for link in links {
            assert!(is_service_link(&format!("{PREFIX}{link}")), "{link}");
        }
        for knob in ["GRPC__LISTEN", "GRPC_LISTEN", "GRPC__PORTS", "SERVICE_NAME", "TELEMETRY__OTLP__SERVICE_NAME"] {
            assert!(!is_service_link(&format!("{PREFIX}{knob}")), "{knob}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_only_if_it_reads_like_a_key() {
        let env = Environment::default();
        let mut reader = Reader::new("f", &env);
        reader.document(b"{ listen_on: 1, KEY0123ABC: , a1b2c3d4: 2 }", |section| section.text("listen"));
        let what = "unknown key; known here: listen";
        let expected = format!("f:1:3: listen_on: {what}\nf:1:17: {what}\nf:1:31: {what}\n3 mistakes");
        assert_eq!(reader.mistakes.to_string(), expected);
    }
}
