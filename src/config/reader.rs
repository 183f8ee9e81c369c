//! What the sections of a document share while it is read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    environment::Environment,
    error::{Errors, Location, Position},
    yaml::{Key, Node, Value},
};

/// What the names of all environment variables that set settings begin with.
pub(super) const PREFIX: &str = "VERIFY_GATEWAY_";

/// A document that is being read, with what is wrong with it.
pub(crate) struct Reader<'e> {
    /// The variables that values may be taken from.
    pub(crate) env: &'e Environment,
    /// Where relative paths start: the folder of the file.
    pub(crate) folder: PathBuf,
    /// What is wrong.
    pub(crate) errors: Errors,
    /// What was declared, in that order.
    pub(super) declared: Vec<Declaration>,
    pub(super) file: Arc<str>,
}

/// A section or a setting, as the code that reads it declares it. The example file and the reference tables are made of
/// this.
#[cfg_attr(not(test), expect(dead_code, reason = "the tests compare the documents with the declarations"))]
pub(super) enum Declaration {
    Section { path: String, doc: &'static str },
    Setting { path: String, default: String, takes: String, doc: &'static str },
}

impl<'e> Reader<'e> {
    /// A reader of the file at `path`.
    pub(crate) fn new(path: &Path, env: &'e Environment) -> Self {
        Self {
            env,
            folder: path.parent().unwrap_or_else(|| Path::new("")).to_owned(),
            errors: Errors::default(),
            declared: Vec::new(),
            file: path.display().to_string().into(),
        }
    }

    /// Reports an error for every variable with the prefix that sets nothing.
    pub(super) fn refuse_unknown_variables(&mut self) {
        let env = self.env;
        let settings: Vec<String> = self.declared.iter().filter_map(Declaration::variable).collect();
        for name in env.names(PREFIX) {
            if is_service_link(name) || settings.iter().any(|setting| setting == name) {
                continue;
            }
            let folded = |name: &str| name.replace("__", "_");
            let message = match settings.iter().find(|setting| folded(setting) == folded(name)) {
                Some(setting) => format!("sets no setting; {setting} does"),
                None => "sets no setting".to_owned(),
            };
            self.errors.add(Location::Environment(name.to_owned()), "", message);
        }
    }

    /// The location of a position in this document.
    pub(super) fn position(&self, position: Position) -> Location {
        Location::Position(self.file.clone(), position)
    }

    /// The entries of a mapping. `Nothing` has none.
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
}

impl Declaration {
    /// The name of the variable that sets this setting.
    fn variable(&self) -> Option<String> {
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

/// Whether Kubernetes sets the variable in every pod for a service, here one whose name begins with `verify-gateway`
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
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
    fn service_links_differ_from_settings() {
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
}
