//! What the tenants file must be.

use tempfile::TempDir;

use super::*;
use crate::tenant::{
    Directory, Limits,
    limits::{Countries, Limit, Mode, Rate, Window},
};

const ONE: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const TWO: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Reads `text` as `tenants.yaml` beside the given key files.
fn load(text: &str, files: &[(&str, &str)], env: &[(&str, &str)]) -> (Result<Directory, String>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let path = folder.path().join("tenants.yaml");
    let text = text.replace("ONE", ONE).replace("TWO", TWO);
    fs::write(&path, text).unwrap();
    let directory = Directory::load(&path, &env.iter().copied().collect());
    let place = format!("{}/", folder.path().display());
    (directory.map_err(|mistakes| mistakes.to_string().replace(&place, "")), folder)
}

/// The mistakes of a file of one tenant with this key.
fn of_key(key: &str, files: &[(&str, &str)], env: &[(&str, &str)]) -> String {
    let text = format!("tenants:\n  - {{ id: a, tokens: [ONE], telnyx_api_key: {key} }}\n");
    load(&text, files, env).0.unwrap_err()
}

#[test]
fn a_tenant_has_its_tokens_its_key_and_its_rules() {
    let text = "
tenants:
  - id: login
    tokens: [ONE, TWO]
    telnyx_api_key: { file: login-key }
    default_profile: p1
    allow:
      rpcs: [CreateVerification, CheckVerification]
      channels: [sms, dtmf_confirm]
      countries: [US, NO]
      profiles: [p1, p2]
  - id: other
    tokens:
      - sha256:0000000000000000000000000000000000000000000000000000000000000000
    telnyx_api_key: { env: OTHER_KEY }
";
    let (directory, folder) = load(text, &[("login-key", "KEY1\n")], &[("OTHER_KEY", "KEY2")]);
    let directory = directory.unwrap();
    let login = directory.authenticate("abc").unwrap();
    assert!(std::sync::Arc::ptr_eq(&login, &directory.authenticate("test").unwrap()), "both tokens are one tenant's");
    assert_eq!(login.id.as_str(), "login");
    assert_eq!(login.key.authorization(), "Bearer KEY1");
    assert_eq!(login.default_profile.as_deref(), Some("p1"));
    assert_eq!(login.allow.rpcs, ["CreateVerification", "CheckVerification"]);
    assert_eq!(login.allow.channels, [Channel::Sms, Channel::DtmfConfirm]);
    assert_eq!(login.allow.countries, [Country::new("US").unwrap(), Country::new("NO").unwrap()]);
    assert_eq!(login.allow.profiles, ["p1", "p2"]);

    let [first, second] = directory.entries() else { panic!("two tenants") };
    assert_eq!((first.tokens, second.tokens), (2, 1));
    assert_eq!(first.key_source, KeySource::File(folder.path().join("login-key").display().to_string()));
    assert_eq!(second.key_source, KeySource::Environment("OTHER_KEY".into()));
    assert_eq!(second.tenant.key.authorization(), "Bearer KEY2");
    assert!(second.tenant.allow.rpcs.is_empty() && second.tenant.default_profile.is_none());
    assert!(!format!("{directory:?}").contains("KEY1"), "{directory:?}");
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let text = "
tenants:
  - id: Login
    tokens: [ONE, ONE, sesame]
    telnyx_api_key: { inline: KEY1 }
    default_profile: p3
    allow:
      rpcs: [CreateVerification, SendVerification]
      channels: [sms, fax]
      countries: [US, UK, us]
      profiles: [p1, '']
      words: [x]
  - id: b
    tokens: []
    telnyx_api_key: { inline: KEY2 }
  - id: b
    token: TWO
    tokens: [ONE]
";
    let expected = "\
tenants.yaml:3:9: tenants[0].id: must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end
tenants.yaml:4:87: tenants[0].tokens: given twice, first at tenants.yaml:4:14
tenants.yaml:4:160: tenants[0].tokens: must be sha256: and 64 hexadecimal digits, as verify-gateway hash-token prints them
tenants.yaml:6:22: tenants[0].default_profile: not among allow.profiles
tenants.yaml:8:34: tenants[0].allow.rpcs: must be one of CreateProfile, GetProfile, ListProfiles, UpdateProfile, \
DeleteProfile, ListTemplates, CreateTemplate, UpdateTemplate, CreateVerification, GetVerification, ListVerifications, \
CheckVerification, ReportVerification
tenants.yaml:9:23: tenants[0].allow.channels: must be one of sms, call, flashcall, whatsapp, dtmf_confirm
tenants.yaml:10:23: tenants[0].allow.countries: must be a country's ISO 3166-1 code of two capital letters
tenants.yaml:10:27: tenants[0].allow.countries: must be a country's ISO 3166-1 code of two capital letters
tenants.yaml:11:22: tenants[0].allow.profiles: must be the id of a profile
tenants.yaml:12:7: tenants[0].allow.words: unknown key; known here: rpcs, channels, countries, profiles
tenants.yaml:13:5: tenants[1].tokens: empty: the tenant could not call
tenants.yaml:16:5: tenants[2].telnyx_api_key: missing
tenants.yaml:16:9: tenants[2].id: given twice, first at tenants.yaml:13:9
tenants.yaml:17:5: tenants[2].token: unknown key; known here: id, tokens, telnyx_api_key, default_profile, allow, duplicate_window, limits, test_numbers
tenants.yaml:18:14: tenants[2].tokens: given twice, first at tenants.yaml:4:14
15 mistakes";
    assert_eq!(load(text, &[], &[]).0.unwrap_err(), expected);
}

#[test]
fn a_key_comes_from_exactly_one_source_that_has_one() {
    let place = "tenants.yaml:2:";
    let needs = "tenants[0].telnyx_api_key: needs exactly one of file, env and inline\n1 mistake";
    assert_eq!(of_key("{ inline: K, env: E }", &[], &[("E", "K")]), format!("{place}113: {needs}"));
    assert_eq!(of_key("{}", &[], &[]), format!("{place}113: {needs}"));

    let of_file = "tenants[0].telnyx_api_key.file:";
    let cases = [
        ("nowhere", "the key file can't be read: entity not found"),
        ("empty", "the key is empty"),
        ("newline", "the key is empty"),
        ("spaced", "the key has characters that no key has, such as spaces"),
        ("lines", "the key has characters that no key has, such as spaces"),
        ("large", "the key file can't be read: file too large"),
    ];
    let large = "K".repeat(5000);
    let files = [("empty", ""), ("newline", "\n"), ("spaced", "KEY 1"), ("lines", "KEY1\n\n"), ("large", &large)];
    for (file, what) in cases {
        assert_eq!(
            of_key(&format!("{{ file: {file} }}"), &files, &[]),
            format!("{place}121: {of_file} {what}\n1 mistake"),
            "{file}"
        );
    }
    assert_eq!(
        of_key("{ env: KEY_ABC }", &[], &[]),
        format!("{place}120: tenants[0].telnyx_api_key.env: the environment variable is not set\n1 mistake")
    );
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    let shapes =
        ["KEY0123", "{ KEY0123 }", "{ inline: { KEY0123 } }", "[KEY0123]", "{ env: KEY0123 }", "{ file: KEY0123 }"];
    for shape in shapes.into_iter().chain(["{ inline: 'KEY0123 x' }", "{ inline: KEY0123, env: KEY0123 }"]) {
        let mistakes = of_key(shape, &[], &[]);
        assert!(!mistakes.contains("KEY0123"), "{mistakes}");
    }
}

#[test]
fn a_file_of_nobody_is_a_mistake() {
    for text in ["", "tenants:\n", "tenants: []\n"] {
        assert_eq!(
            load(text, &[], &[]).0.unwrap_err(),
            "tenants.yaml:1:1: tenants: no tenants: nobody could call\n1 mistake",
            "{text}"
        );
    }
    assert_eq!(load("tenants: {}", &[], &[]).0.unwrap_err(), "tenants.yaml:1:10: tenants: must be a list\n1 mistake");
}

#[test]
fn the_example_file_is_right() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants.example.yaml")).unwrap();
    assert!(text.contains("file: /run/secrets/"));
    let text = text.replace("/run/secrets/", "");
    let (directory, _folder) = load(&text, &[("login-telnyx-key", "KEY1\n")], &[("BILLING_TELNYX_KEY", "KEY2")]);
    assert_eq!(directory.unwrap().entries().len(), 2);
}

/// The limits of the only tenant of a file, or the file's mistakes.
fn limits_of(text: &str) -> Result<Limits, String> {
    let text =
        format!("tenants:\n  - id: a\n    tokens: [ONE]\n    telnyx_api_key: {{ inline: KEY }}\n    limits:\n{text}");
    load(&text, &[], &[]).0.map(|directory| directory.entries()[0].tenant.limits.clone())
}

#[test]
fn limits_that_are_left_out_have_their_defaults() {
    let window = |max, minutes| Window { max, per: Duration::from_mins(minutes) };
    let read = limits_of(
        "
      requests_per_second: { max: 7 }
      send_cool_down: { wait: 30s, mode: observe }
      sends_per_country: { countries: { GB: 2 in 1m 30s } }
      checks_per_verification: { mode: observe }
      guesses_per_phone_number: { mode: off }
",
    );
    let listed = [("GB".to_owned(), Window { max: 2, per: Duration::from_secs(90) })].into();
    let expected = Limits {
        requests_per_second: Some(Limit::enforced(Rate { max: 7, burst: 7 })),
        send_cool_down: Some(Limit { mode: Mode::Observe, at: Duration::from_secs(30) }),
        sends_per_country: Some(Limit::enforced(Countries { default: None, listed })),
        sends_per_phone_number: Some(Limit::enforced(vec![window(3, 10), window(5, 60)])),
        checks_per_verification: Some(Limit { mode: Mode::Observe, at: 5 }),
        ..Limits::none()
    };
    assert_eq!(read, Ok(expected));
    assert_eq!(limits_of("      sends_per_day: { max: 10, mode: off }\n"), Ok(Limits::default()));
}

#[test]
fn every_mistake_in_limits_is_reported_at_once_with_its_place() {
    let read = limits_of(
        "
      requests_per_second: { max: 0, burst: x }
      concurrent_calls: { mode: enforce }
      sends_per_phone_number: { max: [3 in 10m, 3, 101 in 1h, 3 in 1ms, 3 in 1.0001s, +3 in 1h] }
      sends_per_country: { default: some, countries: { UK: 3 in 1h, US: [3] } }
      sends_per_day: { max: 10, per: 1h }
      send_cool_down: 10s
      checks_per_verification: { max: 5, mode: On }
      guesses: { max: 5 }
",
    );
    let window = "a number from 1 to 100 and a duration from 1s to 744h, such as 3 in 10m";
    let more = window.replace("100", "1000000000");
    let expected = [
        "7:35: tenants[0].limits.requests_per_second.max: must be a whole number from 1 to 1000000000".to_owned(),
        "7:45: tenants[0].limits.requests_per_second.burst: must be a whole number from 1 to 1000000000".to_owned(),
        "8:25: tenants[0].limits.concurrent_calls: says nowhere how much is allowed".to_owned(),
        format!("9:49: tenants[0].limits.sends_per_phone_number.max: must be a list, each of which is {window}"),
        format!("9:52: tenants[0].limits.sends_per_phone_number.max: must be a list, each of which is {window}"),
        format!("9:63: tenants[0].limits.sends_per_phone_number.max: must be a list, each of which is {window}"),
        format!("9:73: tenants[0].limits.sends_per_phone_number.max: must be a list, each of which is {window}"),
        format!("9:87: tenants[0].limits.sends_per_phone_number.max: must be a list, each of which is {window}"),
        format!("10:37: tenants[0].limits.sends_per_country.default: must be {more}"),
        "10:56: tenants[0].limits.sends_per_country.countries: the keys must be countries' ISO 3166-1 codes of two \
         capital letters"
            .to_owned(),
        "10:73: tenants[0].limits.sends_per_country.countries: must be a mapping of keys to single values".to_owned(),
        "11:33: tenants[0].limits.sends_per_day.per: unknown key; known here: mode, max".to_owned(),
        "12:23: tenants[0].limits.send_cool_down: must be a mapping of keys to values".to_owned(),
        "13:48: tenants[0].limits.checks_per_verification.mode: must be one of enforce, observe, off".to_owned(),
        "14:7: tenants[0].limits.guesses: unknown key; known here: requests_per_second, concurrent_calls, \
         sends_per_phone_number, sends_per_country, sends_per_day, send_cool_down, checks_per_verification, \
         guesses_per_phone_number"
            .to_owned(),
    ];
    let expected: Vec<String> = expected.iter().map(|line| format!("tenants.yaml:{line}")).collect();
    let read = read.unwrap_err();
    let lines: Vec<&str> = read.lines().collect();
    assert_eq!(lines[..lines.len() - 1], expected);
}

#[test]
fn test_numbers_have_a_code_and_a_date_that_is_to_come() {
    let text = |numbers: &str| {
        let tenant = "tenants:\n  - id: a\n    tokens: [ONE]\n    telnyx_api_key: { inline: KEY }\n    test_numbers:\n";
        format!("{tenant}{numbers}")
    };
    let good = "      - { phone_number: +13035550100, code: 0123, expires: 9000-01-31 }\n";
    let directory = load(&text(good), &[], &[]).0.unwrap();
    let number = directory.entries()[0].tenant.test_numbers.iter().next().unwrap().clone();
    assert_eq!((number.phone_number.as_e164(), number.code.expose()), ("+13035550100", "0123"));
    assert_eq!(number.expires.to_string(), "9000-01-31T00:00:00Z");

    let bad = "      - { phone_number: +13035550100, code: 0123, expires: 9000-01-31 }
      - { phone_number: +13035550100, code: 012, expires: 2020-01-31 }
      - { phone_number: 13035550101, code: 12345678901, expires: 9000-01-31T00:00 }
      - { code: abcd, expires: 9000-02-31, what: x }
";
    let expected = "\
tenants.yaml:7:25: tenants[0].test_numbers[1].phone_number: given twice, first at tenants.yaml:6:25
tenants.yaml:7:45: tenants[0].test_numbers[1].code: must be 4 to 10 digits
tenants.yaml:7:59: tenants[0].test_numbers[1].expires: is over: the number is a number like any other
tenants.yaml:8:25: tenants[0].test_numbers[2].phone_number: must be a phone number in E.164, such as +13035550100
tenants.yaml:8:44: tenants[0].test_numbers[2].code: must be 4 to 10 digits
tenants.yaml:8:66: tenants[0].test_numbers[2].expires: must be a date, such as 2027-01-31
tenants.yaml:9:9: tenants[0].test_numbers[3].phone_number: missing
tenants.yaml:9:17: tenants[0].test_numbers[3].code: must be 4 to 10 digits
tenants.yaml:9:32: tenants[0].test_numbers[3].expires: must be a date, such as 2027-01-31
tenants.yaml:9:44: tenants[0].test_numbers[3].what: unknown key; known here: phone_number, code, expires
10 mistakes";
    assert_eq!(load(&text(bad), &[], &[]).0.unwrap_err(), expected);
}
