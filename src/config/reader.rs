//! Reads a document key by key, and notes every error on the way instead of stopping at the first.
//!
//! A setting is declared once, by the call that reads it. That call names its key, default, range and purpose; the
//! environment variable, the check for unknown keys, the example file and the reference table follow from it.

use std::{fs, io, path::Path, sync::Arc};

use super::{
    environment::Environment,
    error::{Errors, Location, Position},
    section::Section,
    yaml::{self, Key, Node, Value},
};

/// What the names of all environment variables that set settings begin with.
pub(super) const PREFIX: &str = "VERIFY_GATEWAY_";

/// A document that is being read, and what was found wrong with it.
pub(crate) struct Reader<'e> {
    /// The variables that values may be taken from.
    pub(crate) env: &'e Environment,
    /// What is wrong.
    pub(crate) errors: Errors,
    /// What was declared, in that order.
    pub(super) declared: Vec<Declared>,
    file: Arc<str>,
}

/// Something that the reading code declared.
pub(super) enum Declared {
    /// A section.
    Section { path: String, doc: &'static str },
    /// A setting.
    Setting { path: String, default: String, takes: String, doc: &'static str },
}

/// A text and where it was written.
pub(crate) struct Spanned {
    /// The text.
    pub(crate) text: String,
    /// Where.
    pub(crate) location: Location,
}

impl<'e> Reader<'e> {
    /// A reader of the document named `file`.
    pub(crate) fn new(file: &str, env: &'e Environment) -> Self {
        Self { env, errors: Errors::default(), declared: Vec::new(), file: file.into() }
    }

    /// Reads the file at `path`, whose content `read` goes through. `None` if it can't be read at all.
    pub(crate) fn file<T>(
        path: &Path,
        env: &'e Environment,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> (Self, Option<T>) {
        Self::content(path, fs::read(path), env, read)
    }

    /// Reads `content`, which is that of the file at `path`, as [`Reader::file`] does.
    pub(crate) fn content<T>(
        path: &Path,
        content: io::Result<impl AsRef<[u8]>>,
        env: &'e Environment,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> (Self, Option<T>) {
        let mut reader = Self::new(&path.display().to_string(), env);
        let content = match content {
            Ok(bytes) => reader.document(bytes.as_ref(), read),
            Err(error) => {
                let what = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    kind => format!("can't be read: {kind}"),
                };
                reader.errors.add(Location::File(reader.file.clone()), "", what);
                None
            }
        };
        (reader, content)
    }

    /// Reads `bytes`, whose content `read` goes through. `None` if they are no YAML or no mapping.
    pub(crate) fn document<T>(&mut self, bytes: &[u8], read: impl FnOnce(&mut Section<'_, 'e>) -> T) -> Option<T> {
        let root = yaml::read(&self.file, bytes, &mut self.errors)?;
        let entries = self.entries(root, "")?;
        Some(self.section(entries, Position { line: 1, column: 1 }, String::new(), read))
    }

    /// Notes an error for every variable with the prefix that sets no setting.
    pub(super) fn refuse_unknown_variables(&mut self) {
        let env = self.env;
        let settings: Vec<String> = self.declared.iter().filter_map(Declared::variable).collect();
        for name in env.names(PREFIX).filter(|name| !settings.iter().any(|setting| setting == name)) {
            if is_service_link(name) {
                continue;
            }
            let folded = |name: &str| name.replace("__", "_");
            let what = match settings.iter().find(|setting| folded(setting) == folded(name)) {
                Some(setting) => format!("sets no setting; {setting} does"),
                None => "sets no setting".to_owned(),
            };
            self.errors.add(Location::Environment(name.to_owned()), "", what);
        }
    }

    /// The location of a position in this document.
    pub(super) fn position(&self, position: Position) -> Location {
        Location::Position(self.file.clone(), position)
    }

    /// The entries of a mapping; none of `Nothing`.
    pub(super) fn entries(&mut self, node: Node, path: &str) -> Option<Vec<(Key, Node)>> {
        match node.value {
            Value::Map(entries) => Some(entries),
            Value::Nothing => Some(Vec::new()),
            Value::Refused => None,
            Value::Scalar(_) | Value::List(_) => {
                self.errors.add(self.position(node.position), path, "must be a mapping of keys to values");
                None
            }
        }
    }

    /// Has `read` go through the entries of a mapping.
    pub(super) fn section<T>(
        &mut self,
        entries: Vec<(Key, Node)>,
        position: Position,
        path: String,
        read: impl FnOnce(&mut Section<'_, 'e>) -> T,
    ) -> T {
        let mut section = Section::new(self, path, position, entries);
        let content = read(&mut section);
        section.refuse_unknown_keys();
        content
    }
}

impl Declared {
    /// The name of the variable that sets this setting.
    pub(super) fn variable(&self) -> Option<String> {
        match self {
            Self::Section { .. } => None,
            Self::Setting { path, .. } => Some(variable(path)),
        }
    }
}

/// The name of the variable that sets the setting at `path`.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

/// Whether a variable is one of those that Kubernetes sets in every pod for a service, here one whose name begins with
/// `verify-gateway` (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_service_link(name: &str) -> bool {
    // Every setting is in a section, so its variable has two underscores somewhere; no such service has two hyphens.
    if name.contains("__") {
        return false;
    }
    let parts: Vec<&str> = name.split('_').collect();
    let number = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let port_of = |at: usize| parts[at] == "PORT" && parts.get(at + 1).is_none_or(|next| number(next));
    parts.ends_with(&["SERVICE", "HOST"])
        || parts.windows(2).any(|pair| pair == ["SERVICE", "PORT"])
        || (0..parts.len()).any(port_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_told_from_settings() {
        let links =
            ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_50051_TCP_ADDR", "A_SERVICE_HOST"];
        for link in links {
            assert!(is_service_link(&format!("{PREFIX}{link}")), "{link}");
        }
        for setting in [
            "GRPC__LISTEN",
            "GRPC_LISTEN",
            "GRPC__PORTS",
            "GRPC__PORT",
            "PORTS",
            "SERVICE_NAME",
            "TELEMETRY__OTLP__SERVICE_NAME",
        ] {
            assert!(!is_service_link(&format!("{PREFIX}{setting}")), "{setting}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_only_if_it_reads_like_a_key() {
        let env = Environment::default();
        let mut reader = Reader::new("f", &env);
        reader.document(b"{ listen_on: 1, KEY0123ABC: , a1b2c3d4: 2 }", |section| section.text("listen"));
        let what = "unknown key; known here: listen";
        let expected = format!("f:1:3: listen_on: {what}\nf:1:17: {what}\nf:1:31: {what}\n3 errors");
        assert_eq!(reader.errors.to_string(), expected);
    }
}
