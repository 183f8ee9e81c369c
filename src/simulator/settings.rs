//! What the simulator decides where no source says how Telnyx behaves.

pub mod choice;
mod list;

use http::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::choice::{
    AfterAttemptLimit, AtSpendLimit, BadNumber, ByPhoneTarget, CodeAndStatus, DeleteProfileWithPending,
    EmptyProfileList, ExpiredAnswer, FilterName, Languages, ListOrder, MissingKey, NestedPatch, PatchNull,
    PhoneListPaging, PrebuiltTemplates, RateLimitReset, RawPlus, ShortTimeoutName, TemplateWithoutCode, UsedAnswer,
    Whitelist,
};
pub use self::list::Setting;

/// Every setting. Each default is a choice of the simulator's; [`Settings::LIST`] names the point that it settles.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "`Settings::LIST` describes every field, and the documentation is made from it")]
pub struct Settings {
    pub attempt_limit: u32,
    pub after_attempt_limit: AfterAttemptLimit,
    pub expired_answer: ExpiredAnswer,
    pub used_answer: UsedAnswer,
    pub code_and_status: CodeAndStatus,
    pub by_phone_target: ByPhoneTarget,
    pub code_length_default: u8,
    pub fixed_code: Option<String>,
    pub timeout_default_secs: u32,
    pub timeout_min_secs: u32,
    pub timeout_max_secs: u32,
    pub short_timeout_name: ShortTimeoutName,
    pub filter_name: FilterName,
    pub list_order: ListOrder,
    pub max_page_size: u32,
    pub phone_list_paging: PhoneListPaging,
    pub empty_profile_list: EmptyProfileList,
    pub delete_profile_with_pending: DeleteProfileWithPending,
    pub nested_patch: NestedPatch,
    pub patch_null: PatchNull,
    pub whitelist: Whitelist,
    pub languages: Languages,
    pub prebuilt_templates: PrebuiltTemplates,
    pub template_without_code: TemplateWithoutCode,
    pub send_price: f64,
    pub at_spend_limit: AtSpendLimit,
    pub send_limit_per_phone: u32,
    pub requests_per_minute: u32,
    pub rate_limit_reset: RateLimitReset,
    pub retry_after: bool,
    pub bad_number: BadNumber,
    pub bad_request_code: u32,
    pub unauthorized_status: u16,
    pub missing_key: MissingKey,
    pub raw_plus: RawPlus,
    pub request_id_header: Option<String>,
    pub latency_ms: u32,
    pub keep: usize,
    pub seed: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempt_limit: 5,
            after_attempt_limit: AfterAttemptLimit::default(),
            expired_answer: ExpiredAnswer::default(),
            used_answer: UsedAnswer::default(),
            code_and_status: CodeAndStatus::default(),
            by_phone_target: ByPhoneTarget::default(),
            code_length_default: 5,
            fixed_code: None,
            timeout_default_secs: 300,
            timeout_min_secs: 1,
            timeout_max_secs: 86_400,
            short_timeout_name: ShortTimeoutName::default(),
            filter_name: FilterName::default(),
            list_order: ListOrder::default(),
            max_page_size: 250,
            phone_list_paging: PhoneListPaging::default(),
            empty_profile_list: EmptyProfileList::default(),
            delete_profile_with_pending: DeleteProfileWithPending::default(),
            nested_patch: NestedPatch::default(),
            patch_null: PatchNull::default(),
            whitelist: Whitelist::default(),
            languages: Languages::default(),
            prebuilt_templates: PrebuiltTemplates::default(),
            template_without_code: TemplateWithoutCode::default(),
            send_price: 0.03,
            at_spend_limit: AtSpendLimit::default(),
            send_limit_per_phone: 0,
            requests_per_minute: 0,
            rate_limit_reset: RateLimitReset::default(),
            retry_after: true,
            bad_number: BadNumber::default(),
            bad_request_code: 10_015,
            unauthorized_status: 401,
            missing_key: MissingKey::default(),
            raw_plus: RawPlus::default(),
            request_id_header: None,
            latency_ms: 0,
            keep: 10_000,
            seed: None,
        }
    }
}

impl Settings {
    /// Every setting, in the order of the documentation.
    pub const LIST: &'static [Setting] = list::LIST;

    /// Gives the setting `name` the value written as `value`; `none` empties a setting that may be empty.
    ///
    /// # Errors
    /// For a person to read: no such setting, or not one of its values. Nothing has changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if value == "none" {
            return self.patch(&Map::from_iter([(name.to_owned(), Value::Null)]));
        }
        // A fixed code is digits and still a text, so what does not fit as a number is tried as a text.
        let text = Value::String(value.to_owned());
        let scalar = serde_json::from_str::<Value>(value).ok().filter(|value| value.is_number() || value.is_boolean());
        let first = scalar.unwrap_or_else(|| text.clone());
        self.patch(&Map::from_iter([(name.to_owned(), first)]))
            .or_else(|error| self.patch(&Map::from_iter([(name.to_owned(), text)])).map_err(|_| error))
    }

    /// Gives all settings that `changes` names their new values.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn patch(&mut self, changes: &Map<String, Value>) -> Result<(), String> {
        let mut all = self.to_map();
        for (name, value) in changes {
            if all.insert(name.clone(), value.clone()).is_none() {
                return Err(format!("there is no setting {name:?}"));
            }
        }
        let names = || changes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let new: Self = serde_json::from_value(Value::Object(all)).map_err(|error| format!("{}: {error}", names()))?;
        new.check().map_err(|error| format!("{}: {error}", names()))?;
        *self = new;
        Ok(())
    }

    /// The settings by name.
    ///
    /// # Panics
    /// Never: every setting is a JSON value.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("a struct of scalars is a JSON object"),
        }
    }

    /// What types can't say.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_code = |code: &String| (4..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
        let rules = [
            ((4..=10).contains(&self.code_length_default), "code_length_default must be 4 to 10"),
            (self.fixed_code.as_ref().is_none_or(is_code), "fixed_code must be 4 to 10 digits"),
            (
                (self.timeout_min_secs..=self.timeout_max_secs).contains(&self.timeout_default_secs),
                "timeout_min_secs, timeout_default_secs and timeout_max_secs must not fall",
            ),
            (self.max_page_size > 0, "max_page_size must be above 0"),
            (self.send_price.is_finite() && self.send_price >= 0.0, "send_price must not be negative"),
            (matches!(self.unauthorized_status, 401 | 403), "unauthorized_status must be 401 or 403"),
            (
                self.request_id_header.as_ref().is_none_or(|name| HeaderName::try_from(name).is_ok()),
                "request_id_header must be a header's name",
            ),
            (self.keep > 0, "keep must be above 0"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_command_line_writes_them() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("attempt_limit", "3"),
            ("after_attempt_limit", "not_found"),
            ("retry_after", "false"),
            ("send_price", "0.5"),
            ("fixed_code", "12345"),
            ("seed", "42"),
            ("request_id_header", "x-request-id"),
        ] {
            settings.set(name, value).unwrap();
        }
        let expected = Settings {
            attempt_limit: 3,
            after_attempt_limit: AfterAttemptLimit::NotFound,
            retry_after: false,
            send_price: 0.5,
            fixed_code: Some("12345".into()),
            seed: Some(42),
            request_id_header: Some("x-request-id".into()),
            ..Settings::default()
        };
        assert_eq!(settings, expected);
        settings.set("seed", "none").unwrap();
        assert_eq!(settings.seed, None);
    }

    #[test]
    fn what_no_setting_takes_is_refused_and_changes_nothing() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("no_such_setting", "1"),
            ("attempt_limit", "many"),
            ("attempt_limit", "-1"),
            ("attempt_limit", "none"),
            ("after_attempt_limit", "whatever"),
            ("code_length_default", "3"),
            ("fixed_code", "12a45"),
            ("timeout_min_secs", "301"),
            ("timeout_max_secs", "299"),
            ("max_page_size", "0"),
            ("send_price", "-1"),
            ("unauthorized_status", "500"),
            ("request_id_header", "not a name"),
            ("keep", "0"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name}={value}");
        }
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn the_list_names_every_setting_once_and_its_values_are_taken() {
        let mut listed: Vec<_> = Settings::LIST.iter().map(|setting| setting.name.to_owned()).collect();
        listed.sort();
        assert_eq!(listed, Settings::default().to_map().keys().cloned().collect::<Vec<_>>());
        for setting in Settings::LIST.iter().filter(|setting| setting.values.contains('|')) {
            for value in setting.values.split(" | ") {
                Settings::default().set(setting.name, value).unwrap();
            }
        }
    }
}
