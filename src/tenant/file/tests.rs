//! What the tenants file must be.

use std::{fs, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::{Allowed, Caller, Country, CountryLimits, Limit, LimitMode, LimitRate, LimitWindow, Limits, Permissions},
    telnyx::Channel,
    tenant::{Directory, JwksUrl, JwtRule, KeySource, KeysFrom},
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
    let directory = Directory::watch(&path, &env.iter().copied().collect()).map(|(directory, _)| directory);
    let location = format!("{}/", folder.path().display());
    (directory.map_err(|errors| errors.to_string().replace(&location, "")), folder)
}

/// An identity that may do everything.
const SERVICE: &str = "{ name: service, tokens: [ONE], roles: [admin], channels: any, countries: any, profiles: any }";

/// The errors of a file of one tenant with this key.
fn of_key(key: &str, files: &[(&str, &str)], env: &[(&str, &str)]) -> String {
    let text = format!("tenants:\n  - {{ id: a, telnyx_api_key: {key}, identities: [{SERVICE}] }}\n");
    load(&text, files, env).0.unwrap_err()
}

/// A valid file with every kind of credentials.
const VALID: &str = "
jwt_issuers:
  - name: cluster
    issuer: https://kubernetes.default.svc
    audiences: [verify-gateway]
    jwks: { url: https://kubernetes.default.svc/openid/v1/jwks, token_file: token, refresh_interval: 1m }
roles:
  support: [GetVerification, ListVerifications]
tenants:
  - id: login
    telnyx_api_key: { file: login-key }
    default_profile: p1
    identities:
      - name: login-service
        tokens: [ONE, TWO]
        roles: [sender]
        rpcs: [ReportVerification]
        channels: [sms, dtmf_confirm]
        countries: [US, NO]
        profiles: [p1, p2]
      - name: login-pods
        jwt: { issuer: cluster, subject: 'system:serviceaccount:login:login', claims: { /kubernetes.io/namespace: login } }
        roles: [support]
        profiles: any
  - id: other
    telnyx_api_key: { env: OTHER_KEY }
    identities:
      - name: ops
        certificate: { uri: spiffe://acme/ops }
        roles: [admin]
      - { name: web, certificate: { dns: Web.acme.internal }, roles: [reader], countries: any }
";

#[test]
fn a_tenant_has_its_key_and_its_identities_with_their_permissions() {
    let files = [("login-key", "KEY1\n"), ("token", "t")];
    let (directory, folder) = load(VALID, &files, &[("OTHER_KEY", "KEY2")]);
    let directory = directory.unwrap();
    let Caller { tenant, identity } = directory.by_token("abc").unwrap();
    assert!(Arc::ptr_eq(identity, &directory.by_token("test").unwrap().identity), "both tokens are one identity's");
    assert_eq!((tenant.id.as_str(), &*identity.name), ("login", "login-service"));
    assert_eq!(tenant.key.authorization(), "Bearer KEY1");
    assert_eq!(tenant.default_profile.as_deref(), Some("p1"));
    let Permissions { rpcs, channels, countries, profiles } = &identity.permissions;
    let expected = ["CheckVerification", "CreateVerification", "GetVerification", "ReportVerification"];
    assert_eq!(*rpcs, Allowed::Only(expected.into()));
    assert_eq!(*channels, Allowed::Only(vec![Channel::Sms, Channel::DtmfConfirm]));
    assert_eq!(*countries, Allowed::Only(vec![Country::new("US").unwrap(), Country::new("NO").unwrap()]));
    assert_eq!(*profiles, Allowed::Only(vec!["p1".into(), "p2".into()]));

    let [issuer] = directory.issuers() else { panic!("one issuer") };
    assert_eq!(
        (issuer.algorithms.as_slice(), issuer.leeway.as_secs()),
        (&[Algorithm::RS256, Algorithm::ES256][..], 30)
    );
    let KeysFrom::Url(JwksUrl { ca: None, token_file, refresh_interval, .. }) = &issuer.keys else { panic!("a URL") };
    assert_eq!(token_file.as_deref(), Some(folder.path().join("token").as_path()));
    assert_eq!(refresh_interval.as_secs(), 60);
    let [(JwtRule { subject, claims, .. }, pods)] = directory.rules("cluster") else { panic!("one rule") };
    assert_eq!(subject.as_deref(), Some("system:serviceaccount:login:login"));
    assert_eq!(claims["/kubernetes.io/namespace"], "login");
    assert_eq!(pods.identity.permissions.profiles, Allowed::Any);
    assert!(pods.identity.permissions.rpcs.has("ListVerifications") && pods.identity.permissions.channels.is_nothing());

    let ops = directory.by_uri("spiffe://acme/ops").unwrap();
    assert_eq!((ops.tenant.id.as_str(), &ops.identity.permissions.rpcs), ("other", &Allowed::Any));
    assert_eq!(&*directory.by_dns_name("WEB.acme.internal").unwrap().identity.name, "web");
    assert!(directory.by_uri("spiffe://acme/Ops").is_none() && directory.by_dns_name("acme.internal").is_none());

    let [first, second] = directory.entries() else { panic!("two tenants") };
    assert_eq!((first.identities.len(), second.identities.len()), (2, 2));
    assert_eq!(first.key_source, KeySource::File(folder.path().join("login-key")));
    assert_eq!(second.key_source, KeySource::Environment("OTHER_KEY".into()));
    assert_eq!(second.tenant.key.authorization(), "Bearer KEY2");
    assert!(!format!("{directory:?}").contains("KEY1"), "{directory:?}");
}

/// A file with every kind of error.
const INVALID: &str = "
jwt_issuers:
  - { name: a, issuer: i, audiences: [], jwks: { url: 'http://example.org/jwks', file: x } }
  - { name: b, issuer: i, jwks: { file: nowhere }, algorithms: [HS256, none], leeway: 1h }
  - { name: c, issuer: j, audiences: [x], jwks: { url: 'http://example.org/jwks', ca_file: gone, token_file: gone } }
roles:
  admin: [GetProfile]
  none: []
tenants:
  - id: Login
    telnyx_api_key: { inline: KEY1 }
    default_profile: p3
    identities:
      - name: one
        tokens: [ONE, ONE, sesame]
        roles: [owner]
        rpcs: [SendVerification]
        channels: [sms, fax]
        countries: [US, UK, us]
        profiles: [p1, templates]
        words: [x]
      - name: one
        jwt: { issuer: d, subject: x }
        roles: [sender]
        channels: any
      - { name: two, roles: [reader], jwt: { issuer: c } }
      - { name: three, certificate: { dns: '*.acme' } }
  - id: b
    tokens: [TWO]
    identities: []
    telnyx_api_key: { inline: KEY2 }
  - id: b
    identities:
      - { name: two, tokens: [ONE], roles: [reader], certificate: { uri: 'spiffe://a/b' }, jwt: { issuer: c, subject: s } }
      - { name: three, roles: [reader], certificate: { uri: 'spiffe://a/b' }, jwt: { issuer: c, subject: s } }
      - { name: four, certificate: { dns: d, uri: 'u:v' } }
      - { name: five, roles: [reader] }
";

/// The errors of [`INVALID`].
const INVALID_ERRORS: &str = "\
tenants.yaml:3:5: jwt_issuers[0].audiences: must not be empty
tenants.yaml:3:48: jwt_issuers[0].jwks: needs exactly one of url, file
tenants.yaml:4:5: jwt_issuers[1].audiences: missing
tenants.yaml:4:24: jwt_issuers[1].issuer: given twice, first at tenants.yaml:3:24
tenants.yaml:4:41: jwt_issuers[1].jwks.file: there is no such file
tenants.yaml:4:65: jwt_issuers[1].algorithms: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
tenants.yaml:4:72: jwt_issuers[1].algorithms: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
tenants.yaml:4:87: jwt_issuers[1].leeway: must be a duration from 0s to 5m
tenants.yaml:5:56: jwt_issuers[2].jwks.url: must be an https URL without credentials; http is for loopback addresses alone
tenants.yaml:5:92: jwt_issuers[2].jwks.ca_file: there is no such file
tenants.yaml:5:110: jwt_issuers[2].jwks.token_file: there is no such file
tenants.yaml:7:3: roles: must not be the name of a built-in role
tenants.yaml:8:3: roles: must list at least one rpc
tenants.yaml:10:9: tenants[0].id: must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end
tenants.yaml:12:22: tenants[0].default_profile: must be among the profiles of an identity
tenants.yaml:15:91: tenants[0].identities[0].tokens: given twice, first at tenants.yaml:15:18
tenants.yaml:15:164: tenants[0].identities[0].tokens: must be sha256: and 64 hexadecimal digits, as verify-gateway hash-token prints them
tenants.yaml:16:17: tenants[0].identities[0].roles: must be one of sender, reader, admin, none
tenants.yaml:17:16: tenants[0].identities[0].rpcs: must be one of WatchVerification, StreamEvents, CreateProfile, GetProfile, ListProfiles, UpdateProfile, DeleteProfile, ListTemplates, CreateTemplate, UpdateTemplate, CreateVerification, GetVerification, ListVerifications, CheckVerification, ReportVerification
tenants.yaml:18:25: tenants[0].identities[0].channels: must be one of sms, call, flashcall, whatsapp, dtmf_confirm
tenants.yaml:19:25: tenants[0].identities[0].countries: must be an ISO 3166-1 country code of two capital letters, or one of AU+, FI+, GB+, NO+, US+
tenants.yaml:19:29: tenants[0].identities[0].countries: must be an ISO 3166-1 country code of two capital letters, or one of AU+, FI+, GB+, NO+, US+
tenants.yaml:20:24: tenants[0].identities[0].profiles: must be the ID of a profile
tenants.yaml:21:9: tenants[0].identities[0].words: unknown key; known here: name, tokens, jwt, certificate, roles, rpcs, channels, countries, profiles
tenants.yaml:22:9: tenants[0].identities[1].countries: must not be empty, or nothing could be sent; any allows all
tenants.yaml:22:9: tenants[0].identities[1].profiles: must not be empty, or nothing could be sent; any allows all
tenants.yaml:22:15: tenants[0].identities[1].name: given twice, first at tenants.yaml:14:15
tenants.yaml:23:24: tenants[0].identities[1].jwt.issuer: must be the name of one of jwt_issuers
tenants.yaml:26:44: tenants[0].identities[2].jwt: needs subject or claims: every token of the issuer would match
tenants.yaml:27:9: tenants[0].identities[3]: needs permissions: roles or rpcs
tenants.yaml:27:44: tenants[0].identities[3].certificate.dns: must be a DNS name without a wildcard, as in the certificate
tenants.yaml:28:5: tenants[1].identities: must list at least one identity
tenants.yaml:29:5: tenants[1].tokens: unknown key; known here: id, telnyx_api_key, telnyx_account, default_profile, duplicate_window, number_types, identities, limits, test_numbers
tenants.yaml:32:5: tenants[2].telnyx_api_key: missing
tenants.yaml:32:9: tenants[2].id: given twice, first at tenants.yaml:28:9
tenants.yaml:34:31: tenants[2].identities[0].tokens: given twice, first at tenants.yaml:15:18
tenants.yaml:35:61: tenants[2].identities[1].certificate.uri: given twice, first at tenants.yaml:34:142
tenants.yaml:35:84: tenants[2].identities[1].jwt: given twice, first at tenants.yaml:34:165
tenants.yaml:36:9: tenants[2].identities[2]: needs permissions: roles or rpcs
tenants.yaml:36:36: tenants[2].identities[2].certificate: needs exactly one of dns, uri
tenants.yaml:37:9: tenants[2].identities[3]: needs credentials: tokens, jwt or certificate
41 errors";

#[test]
fn every_error_is_reported_at_once_with_its_location() {
    assert_eq!(load(INVALID, &[], &[]).0.unwrap_err(), INVALID_ERRORS);
}

#[test]
fn a_key_comes_from_exactly_one_source_that_has_one() {
    let location = "tenants.yaml:2:";
    let needs = "tenants[0].telnyx_api_key: needs exactly one of file, env, inline\n1 error";
    assert_eq!(of_key("{ inline: K, env: E }", &[], &[("E", "K")]), format!("{location}30: {needs}"));
    assert_eq!(of_key("{}", &[], &[]), format!("{location}30: {needs}"));

    let of_file = "tenants[0].telnyx_api_key.file:";
    let cases = [
        ("nowhere", "there is no such file"),
        ("empty", "the key is empty"),
        ("newline", "the key is empty"),
        ("spaced", "the key must be visible ASCII characters without spaces"),
        ("lines", "the key must be visible ASCII characters without spaces"),
        ("large", "can't be read: file too large"),
    ];
    let large = "K".repeat(5000);
    let files = [("empty", ""), ("newline", "\n"), ("spaced", "KEY 1"), ("lines", "KEY1\n\n"), ("large", &large)];
    for (file, what) in cases {
        assert_eq!(
            of_key(&format!("{{ file: {file} }}"), &files, &[]),
            format!("{location}38: {of_file} {what}\n1 error"),
            "{file}"
        );
    }
    assert_eq!(
        of_key("{ env: KEY_ABC }", &[], &[]),
        format!("{location}37: tenants[0].telnyx_api_key.env: the environment variable is not set\n1 error")
    );
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    let shapes =
        ["KEY0123", "{ KEY0123 }", "{ inline: { KEY0123 } }", "[KEY0123]", "{ env: KEY0123 }", "{ file: KEY0123 }"];
    for shape in shapes.into_iter().chain(["{ inline: 'KEY0123 x' }", "{ inline: KEY0123, env: KEY0123 }"]) {
        let errors = of_key(shape, &[], &[]);
        assert!(!errors.contains("KEY0123"), "{errors}");
    }
}

#[test]
fn a_file_of_nobody_is_an_error() {
    for text in ["", "tenants:\n", "tenants: []\n"] {
        assert_eq!(
            load(text, &[], &[]).0.unwrap_err(),
            "tenants.yaml:1:1: tenants: must list at least one tenant\n1 error",
            "{text}"
        );
    }
    assert_eq!(load("tenants: {}", &[], &[]).0.unwrap_err(), "tenants.yaml:1:10: tenants: must be a list\n1 error");
}

#[test]
fn the_example_file_is_right() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants.example.yaml")).unwrap();
    assert!(text.contains("file: /run/secrets/"));
    let text = text.replace("/var/run/secrets/kubernetes.io/serviceaccount/", "").replace("/run/secrets/", "");
    let authority = rcgen::generate_simple_self_signed(["cluster".to_owned()]).unwrap().cert.pem();
    let files = [("login-telnyx-key", "KEY1\n"), ("ca.crt", &authority), ("token", "t")];
    let (directory, _folder) = load(&text, &files, &[("BILLING_TELNYX_KEY", "KEY2")]);
    assert_eq!(directory.unwrap().entries().len(), 2);
}

#[test]
fn a_country_with_a_plus_sign_is_the_country_and_its_territories() {
    let codes = |codes: &[&str]| codes.iter().map(|code| Country::new(code).unwrap()).collect::<Vec<_>>();
    let text = VALID.replace("countries: [US, NO]", "countries: [GB+, DE]");
    let (directory, _folder) = load(&text, &[("login-key", "KEY1\n"), ("token", "t")], &[("OTHER_KEY", "KEY2")]);
    let permissions = directory.unwrap().by_token("abc").unwrap().identity.permissions.clone();
    assert_eq!(permissions.countries, Allowed::Only(codes(&["GB", "GG", "IM", "JE", "DE"])));

    let read =
        limits_of("      sends_per_country: { countries: { PR: 1 in 1h, US+: 2 in 1h, CA: 3 in 1h } }\n").unwrap();
    let listed = read.sends_per_country.unwrap().at.listed;
    let bounds: Vec<_> = listed.iter().map(|(country, window)| (country.as_str(), window.max)).collect();
    assert_eq!(bounds, [("AS", 2), ("CA", 3), ("GU", 2), ("MP", 2), ("PR", 1), ("US", 2), ("VI", 2)]);
}

/// The limits of the only tenant of a file, or the file's errors.
fn limits_of(text: &str) -> Result<Limits, String> {
    let tenant = "tenants:\n  - id: a\n    telnyx_api_key: { inline: KEY }";
    let text = format!("{tenant}\n    identities: [{SERVICE}]\n    limits:\n{text}");
    load(&text, &[], &[]).0.map(|directory| directory.entries()[0].tenant.limits.clone())
}

#[test]
fn limits_that_are_left_out_have_their_defaults() {
    let window = |max, minutes| LimitWindow { max, per: Duration::from_mins(minutes) };
    let read = limits_of(
        "
      requests_per_second: { max: 7 }
      send_cool_down: { wait: 30s, mode: observe }
      sends_per_country: { countries: { GB: 2 in 1m 30s } }
      checks_per_verification: { mode: observe }
      guesses_per_phone_number: { mode: off }
",
    );
    let listed = [("GB".to_owned(), LimitWindow { max: 2, per: Duration::from_secs(90) })].into();
    let expected = Limits {
        requests_per_second: Some(Limit::enforced(LimitRate { max: 7, burst: 7 })),
        send_cool_down: Some(Limit { mode: LimitMode::Observe, at: Duration::from_secs(30) }),
        sends_per_country: Some(Limit::enforced(CountryLimits { default: None, listed })),
        sends_per_phone_number: Some(Limit::enforced(vec![window(3, 10), window(5, 60)])),
        checks_per_verification: Some(Limit { mode: LimitMode::Observe, at: 5 }),
        ..Limits::none()
    };
    assert_eq!(read, Ok(expected));
    assert_eq!(limits_of("      sends_per_day: { max: 10, mode: off }\n"), Ok(Limits::default()));
}

#[test]
fn every_error_in_limits_is_reported_at_once_with_its_place() {
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
        "8:25: tenants[0].limits.concurrent_calls: needs a bound".to_owned(),
        format!("9:49: tenants[0].limits.sends_per_phone_number.max: must be {window}"),
        format!("9:52: tenants[0].limits.sends_per_phone_number.max: must be {window}"),
        format!("9:63: tenants[0].limits.sends_per_phone_number.max: must be {window}"),
        format!("9:73: tenants[0].limits.sends_per_phone_number.max: must be {window}"),
        format!("9:87: tenants[0].limits.sends_per_phone_number.max: must be {window}"),
        format!("10:37: tenants[0].limits.sends_per_country.default: must be {more}"),
        "10:56: tenants[0].limits.sends_per_country.countries: must be an ISO 3166-1 country code of two capital \
         letters, or one of AU+, FI+, GB+, NO+, US+"
            .to_owned(),
        "10:73: tenants[0].limits.sends_per_country.countries: must be a mapping of names to single values".to_owned(),
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
        let tenant = "tenants:\n  - id: a\n    telnyx_api_key: { inline: KEY }";
        format!("{tenant}\n    identities: [{SERVICE}]\n    test_numbers:\n{numbers}")
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
tenants.yaml:7:59: tenants[0].test_numbers[1].expires: must be a date in the future, such as 2027-01-31
tenants.yaml:8:25: tenants[0].test_numbers[2].phone_number: must be a phone number in E.164, such as +13035550100
tenants.yaml:8:44: tenants[0].test_numbers[2].code: must be 4 to 10 digits
tenants.yaml:8:66: tenants[0].test_numbers[2].expires: must be a date in the future, such as 2027-01-31
tenants.yaml:9:9: tenants[0].test_numbers[3].phone_number: missing
tenants.yaml:9:17: tenants[0].test_numbers[3].code: must be 4 to 10 digits
tenants.yaml:9:32: tenants[0].test_numbers[3].expires: must be a date in the future, such as 2027-01-31
tenants.yaml:9:44: tenants[0].test_numbers[3].what: unknown key; known here: phone_number, code, expires
10 errors";
    assert_eq!(load(&text(bad), &[], &[]).0.unwrap_err(), expected);
}

#[test]
fn an_account_has_a_token_and_keys_and_belongs_to_a_tenant() {
    const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let file = |account: &str| {
        format!(
            "telnyx_accounts:\n{account}\ntenants:\n  - {{ id: a, telnyx_account: main, telnyx_api_key: {{ inline: KEY1 }}, identities: [{{ name: s, roles: [reader], certificate: {{ dns: a }} }}] }}\n"
        )
    };
    let good = format!("  - {{ name: main, webhook_token: 0123456789abcdef, public_keys: ['{KEY}'] }}");
    let directory = load(&file(&good), &[], &[]).0.unwrap();
    let account = directory.account_by_webhook_token("0123456789abcdef").unwrap();
    assert_eq!((account.name.as_str(), account.public_keys.len()), ("main", 1));
    assert_eq!(directory.tenants_of("main").count(), 1);
    assert!(directory.account_by_webhook_token("").is_none());
    for (from, to, wrong) in [
        ("main, webhook", "other, webhook", "telnyx_accounts[0].name: must be the telnyx_account of a tenant"),
        ("0123456789abcdef", "0123456789abcde", "telnyx_accounts[0].webhook_token: must be 16 to 128 letters"),
        ("0123456789abcdef", "0123456789/abcdef", "telnyx_accounts[0].webhook_token: must be 16 to 128 letters"),
        // The point of order 1.
        (KEY, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "telnyx_accounts[0].public_keys: must be the base64"),
        (&*format!(", public_keys: ['{KEY}']"), "", "telnyx_accounts[0].public_keys: missing"),
    ] {
        let errors = load(&file(&good.replace(from, to)), &[], &[]).0.unwrap_err();
        assert!(errors.contains(wrong), "{errors}");
    }
    let errors = load(&file(&format!("{good}\n{good}")), &[], &[]).0.unwrap_err();
    assert!(
        errors.contains("telnyx_accounts[1].name: given twice") && errors.contains("[1].webhook_token: given twice")
    );
}
