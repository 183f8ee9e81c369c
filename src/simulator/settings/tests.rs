//! What settings take, and the table of them in `docs/SIMULATOR.md`.

use super::{list::LIST, *};

/// The description of a setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Its name.
    pub(super) name: &'static str,
    /// The values that it takes, separated by ` | ` where there are few.
    pub(super) values: &'static str,
    /// What it decides.
    pub(super) about: &'static str,
}

impl Setting {
    /// The default, as it is written on the command line.
    fn default(&self) -> String {
        match Settings::default().to_map().remove(self.name) {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        }
    }
}

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
        ("request_id_header", "content-length"),
        ("request_id_header", "Transfer-Encoding"),
        ("request_id_header", "content-type"),
        ("request_id_header", "x-simulator"),
        ("custom_code_min", "11"),
        ("custom_code_max", "3"),
        ("custom_code_max", "33"),
        ("acceptance_fee", "-0.1"),
        ("keep", "0"),
        ("webhook_attempts", "0"),
        ("webhook_attempts", "11"),
        ("webhook_duplicates", "4"),
        ("webhook_key", "c2hvcnQ="),
    ] {
        assert!(settings.set(name, value).is_err(), "{name}={value}");
    }
    assert_eq!(settings, Settings::default());
}

#[test]
fn the_list_names_every_setting_once_and_its_values_are_taken() {
    let mut listed: Vec<_> = LIST.iter().map(|setting| setting.name.to_owned()).collect();
    listed.sort();
    assert_eq!(listed, Settings::default().to_map().keys().cloned().collect::<Vec<_>>());
    for setting in LIST.iter().filter(|setting| setting.values.contains('|')) {
        for value in setting.values.split(" | ") {
            Settings::default().set(setting.name, value).unwrap();
        }
    }
}

#[test]
fn the_settings_table_is_the_list_of_settings() {
    let doc = include_str!("../../../docs/SIMULATOR.md");
    let section = doc.split("\n## Settings\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<_> = LIST
        .iter()
        .map(|setting| {
            let values = setting.values.replace(" | ", ", ");
            format!("| `{}` | {values} | `{}` | {} |", setting.name, setting.default(), setting.about)
        })
        .collect();
    assert_eq!(rows, expected, "the table should be:\n{}", expected.join("\n"));
}
