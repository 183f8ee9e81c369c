//! The settings: what the simulator does where no source says how Telnyx behaves.

use http::{HeaderName, header};
use serde_json::{Map, Value};

use super::{delay, webhook::read_seed};

/// Declares each setting once: its name, type, default or words, and description.
///
/// It makes the struct `Settings` with its defaults, an enum for each setting that takes one of several words (the first
/// word is the default), and the list that the table in `docs/SIMULATOR.md` must be.
macro_rules! settings {
    ($($name:ident: $type:ident$(<$inner:ident>)?
        $(= $default:expr, $values:literal)?
        $([$first:ident $first_word:literal $(, $variant:ident $word:literal)+])?,
        $about:literal;)+
    ) => {
        /// Every setting. Each default is a choice of the simulator's.
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $(#[doc = $about] pub $name: $type$(<$inner>)?,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $($default)? $($type::$first)?,)+ }
            }
        }

        $($(
            #[doc = concat!("The words of `", stringify!($name), "`.")]
            #[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
            #[expect(missing_docs, reason = "the description of the setting explains its words")]
            pub enum $type {
                #[serde(rename = $first_word)]
                $first,
                $(#[serde(rename = $word)] $variant,)+
            }
        )?)+

        /// Every setting, in the order of the documentation.
        #[cfg(test)]
        pub(super) const LIST: &[super::tests::Setting] = &[$(
            super::tests::Setting {
                name: stringify!($name),
                values: concat!($($values)? $($first_word $(, " | ", $word)+)?),
                about: $about,
            },
        )+];
    };
}

mod list;

pub use self::list::*;

impl Settings {
    /// Sets `name` to `value` as the command line writes it. `none` empties a setting that may be empty.
    ///
    /// # Errors
    /// A text for people: the setting is unknown, or does not take the value. Nothing changes then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if value == "none" {
            return self.patch(&Map::from_iter([(name.to_owned(), Value::Null)]));
        }
        // `fixed_code` is text that reads as a number, so a number that does not fit is tried as text.
        let text = Value::String(value.to_owned());
        let scalar = serde_json::from_str::<Value>(value).ok().filter(|value| !value.is_string());
        let first = scalar.unwrap_or_else(|| text.clone());
        self.patch(&Map::from_iter([(name.to_owned(), first)]))
            .or_else(|error| self.patch(&Map::from_iter([(name.to_owned(), text)])).map_err(|_| error))
    }

    /// Changes all settings that `changes` names, or none.
    pub fn patch(&mut self, changes: &Map<String, Value>) -> Result<(), String> {
        let mut all = self.to_map();
        for (name, value) in changes {
            if all.insert(name.clone(), value.clone()).is_none() {
                return Err(format!("{name:?} is not a setting; docs/SIMULATOR.md lists them"));
            }
        }
        let names = || changes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let new: Self = serde_json::from_value(Value::Object(all)).map_err(|error| format!("{}: {error}", names()))?;
        new.check().map_err(|error| format!("{}: {error}", names()))?;
        *self = new;
        Ok(())
    }

    /// The settings by name.
    pub fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("a struct of scalars is a JSON object"),
        }
    }

    /// Checks the rules that types do not express.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_code = |code: &String| (4..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
        let rules = [
            ((4..=10).contains(&self.code_length_default), "code_length_default must be 4 to 10"),
            (
                1 <= self.custom_code_min && self.custom_code_min <= self.custom_code_max && self.custom_code_max <= 32,
                "1 <= custom_code_min <= custom_code_max <= 32 must hold",
            ),
            (self.fixed_code.as_ref().is_none_or(is_code), "fixed_code must be 4 to 10 digits"),
            (
                (self.timeout_min_secs..=self.timeout_max_secs).contains(&self.timeout_default_secs),
                "timeout_min_secs <= timeout_default_secs <= timeout_max_secs must hold",
            ),
            (self.max_page_size > 0, "max_page_size must be at least 1"),
            (self.send_price.is_finite() && self.send_price >= 0.0, "send_price must be 0 or more"),
            (self.acceptance_fee.is_finite() && self.acceptance_fee >= 0.0, "acceptance_fee must be 0 or more"),
            (matches!(self.unauthorized_status, 401 | 403), "unauthorized_status must be 401 or 403"),
            (
                self.request_id_header.as_ref().is_none_or(|name| {
                    HeaderName::try_from(name)
                        .is_ok_and(|name| !is_framing(&name) && name != header::CONTENT_TYPE && name != "x-simulator")
                }),
                "request_id_header must be a header name, but not content-type, x-simulator or one that frames the body",
            ),
            ((1..=10).contains(&self.webhook_attempts), "webhook_attempts must be 1 to 10"),
            (self.webhook_duplicates <= 3, "webhook_duplicates must be 0 to 3"),
            (
                self.webhook_key.as_deref().is_none_or(|key| read_seed(key).is_some()),
                "webhook_key must be base64 of 32 bytes",
            ),
            (self.keep > 0, "keep must be at least 1"),
            (self.latency_ms.is_valid(), delay::BOUNDS),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

/// Whether a header controls the connection or the length of the body, so that only the server may set it.
pub(super) fn is_framing(name: &HeaderName) -> bool {
    [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
    ]
    .contains(name)
}

#[cfg(test)]
mod tests;
