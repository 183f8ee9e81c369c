//! The declaration of settings.
//!
//! [`settings!`] declares a section: the struct, how it is read, and what the example file and the reference table say
//! of it. A setting is declared once, with its name, type, default, kind and documentation.

use super::{
    environment::Unread,
    error::Location,
    kinds::Kind,
    reader::{Declaration, variable},
    section::{Section, Spanned},
};

/// A struct that is read from a section.
pub(super) trait FromSection {
    /// Reads the section. What is missing or wrong has its default.
    fn read(section: &mut Section<'_, '_>) -> Self;
}

/// Declares a section. Each field has its documentation and is one of these:
///
/// - `name: Type = "default", kind;` is a setting.
/// - `name: Type;` is a section. It comes after the settings, as in the reference table.
/// - `name: Type => value;` is neither. It starts with this value.
///
/// `rules(settings) { ["key", …] condition, "message"; … }` at the end are the rules between settings.
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty
                $(= $default:literal, $kind:expr)? $(=> $value:expr)?;)+
        }
        $(rules($this:ident) { $([$($key:literal),+] $holds:expr, $message:expr;)+ })?
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl $crate::config::setting::FromSection for $name {
            fn read(section: &mut $crate::config::section::Section<'_, '_>) -> Self {
                let settings = Self {
                    $($field: $crate::config::setting::read_field!(
                        section, stringify!($field), concat!($($doc),+) $(; $default, $kind)? $(=> $value)?
                    ),)+
                };
                $(let $this = &settings; $(section.rule($holds, &[$($key),+], &$message);)+)?
                settings
            }
        }
    };
}

/// Reads a field of [`settings!`].
macro_rules! read_field {
    ($section:ident, $key:expr, $doc:expr) => {
        $section.section($key, $doc)
    };
    ($section:ident, $key:expr, $doc:expr; $default:literal, $kind:expr) => {
        $section.setting($key, $default, $kind, $doc)
    };
    ($section:ident, $key:expr, $doc:expr => $value:expr) => {
        $value
    };
}

pub(super) use {read_field, settings};

impl Section<'_, '_> {
    /// Reads a section of settings. One that is missing has its defaults.
    pub(super) fn section<T: FromSection>(&mut self, key: &'static str, doc: &'static str) -> T {
        let path = self.path_of(key);
        self.reader.declared.push(Declaration::Section { path, doc: doc.trim() });
        self.map_or_empty(key, T::read)
    }

    /// Reads a setting. The environment overrides the file; both are checked.
    pub(super) fn setting<T>(&mut self, key: &'static str, default: &str, kind: Kind<'_, T>, doc: &'static str) -> T {
        let path = self.path_of(key);
        let mut value = None;
        for text in [self.text(key), self.variable(&path)].into_iter().flatten() {
            self.set.insert(key, text.location.clone());
            value = self.parse(key, text, &kind).map(|parsed| parsed.value).or(value);
        }
        let value = value.or_else(|| kind.parse(default, &self.reader.folder));
        let takes = kind.takes.into_owned();
        self.reader.declared.push(Declaration::Setting { path, default: default.to_owned(), takes, doc: doc.trim() });
        value.expect("every default is valid: a test reads them all")
    }

    /// The value of the variable that sets the setting at `path`.
    fn variable(&mut self, path: &str) -> Option<Spanned> {
        let variable = variable(path);
        match self.reader.env.get(&variable) {
            Ok(text) => Some(Spanned { value: text.to_owned(), location: Location::Environment(variable) }),
            Err(Unread::Unset) => None,
            Err(Unread::NotText) => {
                self.reader.errors.add(Location::Environment(variable), path, "must be UTF-8 text");
                None
            }
        }
    }

    /// Reports an error if a rule between settings does not hold, at the first of `keys` that is set. Settings that are
    /// wrong already are left alone.
    pub(super) fn rule(&mut self, holds: bool, keys: &[&'static str], message: &str) {
        if holds || keys.iter().any(|key| self.reader.errors.concern(&self.path_of(key))) {
            return;
        }
        let set = keys.iter().find_map(|key| Some((key, self.set.get(key)?.clone())));
        if let Some((key, location)) = set {
            self.error(location, key, message);
        }
    }
}
