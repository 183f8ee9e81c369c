//! What the tenants file must be.

use tempfile::TempDir;

use super::*;
use crate::tenant::Directory;

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
tenants.yaml:17:5: tenants[2].token: unknown key; known here: id, tokens, telnyx_api_key, default_profile, allow, duplicate_window
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
