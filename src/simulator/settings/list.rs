//! The settings' names, values and meanings, for `--help`, for the control endpoint and for the documentation.

use serde_json::Value;

use super::Settings;

/// One setting, described.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The values that it takes, separated by ` | ` where they can be counted.
    pub values: &'static str,
    /// What it decides: the point that no source settles, or what it is for.
    pub about: &'static str,
}

impl Setting {
    /// The default, as it is written on the command line.
    #[must_use]
    pub fn default(&self) -> String {
        match Settings::default().to_map().remove(self.name) {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        }
    }
}

const fn setting(name: &'static str, values: &'static str, about: &'static str) -> Setting {
    Setting { name, values, about }
}

pub(super) const LIST: &[Setting] = &[
    setting("attempt_limit", "a count, 0 for none", "wrong codes that a verification takes before it is `invalid`"),
    setting(
        "after_attempt_limit",
        "rejected | max_attempts_exceeded | not_found",
        "the answer to a check after too many wrong codes",
    ),
    setting("expired_answer", "rejected | expired | not_found", "the answer to a check of an expired verification"),
    setting("used_answer", "not_found | rejected", "the answer to a check of a verification that is already decided"),
    setting("code_and_status", "status_wins | code_wins | refuse", "a check with both `code` and `status`"),
    setting(
        "by_phone_target",
        "newest | oldest",
        "which of several pending verifications a check by phone number is about",
    ),
    setting("code_length_default", "4 to 10", "digits of a code where the profile says nothing"),
    setting("fixed_code", "4 to 10 digits, or none", "every generated code, for demonstrations"),
    setting("timeout_default_secs", "seconds", "the lifetime of a code where the profile says nothing"),
    setting("timeout_min_secs", "seconds", "the shortest lifetime that is taken"),
    setting("timeout_max_secs", "seconds", "the longest lifetime that is taken"),
    setting(
        "short_timeout_name",
        "honour | ignore",
        "`default_timeout_secs` in a block that spells it `default_verification_timeout_secs`",
    ),
    setting("filter_name", "exact | partial", "how `filter[name]` compares"),
    setting("list_order", "newest_first | oldest_first", "the order of lists"),
    setting("max_page_size", "a count", "the largest page; a larger `page[size]` is cut to it"),
    setting("phone_list_paging", "paged | one_page", "whether verifications listed by phone number come in pages"),
    setting(
        "empty_profile_list",
        "empty | unauthorized",
        "listing the profiles of an account without any: an empty list, or error 10009",
    ),
    setting(
        "delete_profile_with_pending",
        "keep | remove | refuse",
        "pending verifications of a deleted profile: still checked by id, gone, or the profile stays",
    ),
    setting("nested_patch", "replace | merge", "whether a channel block in a PATCH takes the place of the stored one"),
    setting("patch_null", "clear | refuse", "`null` in a PATCH of a profile"),
    setting("whitelist", "optional | required", "whether a channel block needs `whitelisted_destinations`"),
    setting("languages", "any | listed", "which languages a profile may have"),
    setting("prebuilt_templates", "fixed | changeable", "whether a prebuilt template can be changed"),
    setting("template_without_code", "accept | refuse", "a template without `{{code}}`"),
    setting("send_price", "US dollars", "what a send counts towards `daily_spend_limit`"),
    setting("at_spend_limit", "refuse | ignore", "a send beyond an enabled `daily_spend_limit`"),
    setting("send_limit_per_phone", "a count, 0 for none", "sends per account and phone number in ten minutes"),
    setting("requests_per_minute", "a count, 0 for none", "requests per account in a minute"),
    setting("rate_limit_reset", "seconds | epoch", "what `x-ratelimit-reset` holds"),
    setting("retry_after", "true | false", "whether a rate limit's answer has `retry-after`"),
    setting("bad_number", "unprocessable | bad_request", "a number that is not E.164: 422 and 10016, or 400 and 10002"),
    setting("bad_request_code", "an error code", "the code of a 400 whose code is not known"),
    setting("unauthorized_status", "401 | 403", "the status of error 10009"),
    setting("missing_key", "unauthorized | not_found", "a request without a key: as a refused key, or 404 and 10005"),
    setting("raw_plus", "accept | not_found", "a `+` in a path that is not percent-encoded"),
    setting("request_id_header", "a header's name, or none", "the header that carries an id of the answer"),
    setting("latency_ms", "milliseconds", "how long every answer of the API waits"),
    setting("keep", "a count", "verifications, and messages, that are kept; older ones are forgotten"),
    setting("seed", "a number, or none", "makes codes and ids the same in every run"),
];
