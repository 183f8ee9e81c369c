//! What a whole configuration must do.

mod reference;

use std::{fs, path::PathBuf, time::Duration};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// The settings of the file at `path`, if nothing is wrong.
pub(super) fn loaded(path: &Path, env: &Environment) -> Result<Config, Errors> {
    let (config, errors) = Config::read(path, env);
    errors.into_result(())?;
    Ok(config.unwrap())
}

/// Reads `text` as `gateway.yaml` in a folder of its own.
fn load(text: &str, env: &[(&str, &str)]) -> (Result<Config, String>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.yaml");
    fs::write(&path, text).unwrap();
    let config = loaded(&path, &env.iter().copied().collect());
    let location = format!("{}/", folder.path().display());
    (config.map_err(|errors| errors.to_string().replace(&location, "")), folder)
}

fn errors(text: &str, env: &[(&str, &str)]) -> String {
    load(text, env).0.unwrap_err()
}

#[test]
fn an_empty_file_gives_the_defaults_with_paths_from_its_folder() {
    let (config, folder) = load("", &[]);
    let mut config = config.unwrap();
    assert_eq!(config.tenants.file, folder.path().join("tenants.yaml"));
    config.tenants.file = PathBuf::from("tenants.yaml");
    assert_eq!(config, Config::default());
}

#[test]
fn the_environment_overrides_the_file_and_the_file_overrides_the_defaults() {
    let text = "upstream:\n  attempt_timeout: 1m 30s\n  retry: { max_attempts: 5 }\n  ca_file: certs/ca.pem\n";
    let env = [("VERIFY_GATEWAY_UPSTREAM__RETRY__MAX_ATTEMPTS", "2"), ("OTHER", "x")];
    let (config, folder) = load(text, &env);
    let upstream = config.unwrap().upstream;
    assert_eq!(upstream.attempt_timeout, Duration::from_secs(90));
    assert_eq!(upstream.retry.max_attempts, 2);
    assert_eq!(upstream.connect_timeout, Duration::from_secs(2));
    assert_eq!(upstream.ca_file, Some(folder.path().join("certs/ca.pem")));
}

#[test]
fn every_error_is_reported_at_once_with_its_location() {
    let text = "\
grpc:
  listen: localhost
  reflektion: true
upstream:
  attempt_timeout: 10
  base_url: https://user:sesame@api.telnyx.com
  retry:
    max_attempts: 0
telemetry: loud
grpc:
  listen: 127.0.0.1:1
shutdown:
  grace_period:
";
    let env = [
        ("VERIFY_GATEWAY_UPSTREAM__CONNECT_TIMEOUT", "sesame"),
        ("VERIFY_GATEWAY_GRPC_LISTEN", "sesame"),
        ("VERIFY_GATEWAY_NONSENSE", "sesame"),
        ("VERIFY_GATEWAY_SERVICE_HOST", "10.0.0.1"),
    ];
    let expected = "\
gateway.yaml:2:11: grpc.listen: must be an IP address with a port
gateway.yaml:3:3: grpc.reflektion: unknown key; known here: listen, max_message_size, reflection, default_deadline, \
max_deadline, max_concurrent_calls, tenant_share, message_timeout, max_unauthenticated_calls, max_unauthenticated_streams, \
max_unauthenticated_stream_age, max_connections, max_connections_per_peer, trusted_proxies, handshake_timeout, \
keepalive_interval, keepalive_timeout, max_connection_idle, max_unauthenticated_idle, max_control_frames, max_connection_age, max_connection_age_grace, plaintext, tls, web
gateway.yaml:5:20: upstream.attempt_timeout: must be a duration from 1ms to 1h
gateway.yaml:6:13: upstream.base_url: must be an http or https URL without credentials, query and fragment
gateway.yaml:8:19: upstream.retry.max_attempts: must be a whole number from 1 to 10
gateway.yaml:9:12: telemetry: must be a mapping of keys to values
gateway.yaml:10:1: duplicate key, first on line 1
gateway.yaml:13:3: shutdown.grace_period: has no value
environment VERIFY_GATEWAY_GRPC_LISTEN: sets no setting; VERIFY_GATEWAY_GRPC__LISTEN does
environment VERIFY_GATEWAY_NONSENSE: sets no setting
environment VERIFY_GATEWAY_UPSTREAM__CONNECT_TIMEOUT: upstream.connect_timeout: must be a duration from 1ms to 1h
11 errors";
    assert_eq!(errors(text, &env), expected);
}

#[test]
fn a_wrong_value_in_the_file_is_reported_even_where_the_environment_has_a_good_one() {
    let env = [("VERIFY_GATEWAY_GRPC__REFLECTION", "false")];
    assert_eq!(
        errors("grpc: { reflection: no }", &env),
        "gateway.yaml:1:21: grpc.reflection: must be true or false\n1 error"
    );
}

#[test]
fn rules_between_settings_are_reported_at_the_setting_that_was_set() {
    let rule = "default_deadline must not be longer than max_deadline";
    assert_eq!(
        errors("grpc:\n  max_deadline: 5s\n", &[]),
        format!("gateway.yaml:2:17: grpc.max_deadline: {rule}\n1 error")
    );
    assert_eq!(
        errors("", &[("VERIFY_GATEWAY_GRPC__DEFAULT_DEADLINE", "61s")]),
        format!("environment VERIFY_GATEWAY_GRPC__DEFAULT_DEADLINE: grpc.default_deadline: {rule}\n1 error")
    );
    let others = "grpc:\n  max_connection_age_grace: 59s\nupstream:\n  connect_timeout: 11s\n  retry: { base_delay: 3s }\n  base_url: https://api.telnyx.com/\n";
    let expected = "\
gateway.yaml:2:29: grpc.max_connection_age_grace: max_connection_age_grace must not be shorter than max_deadline
gateway.yaml:4:20: upstream.connect_timeout: connect_timeout must not be longer than attempt_timeout
gateway.yaml:5:24: upstream.retry.base_delay: base_delay must not be longer than max_delay
gateway.yaml:6:13: upstream.base_url: base_url must be https://api.telnyx.com/v2, or another host
4 errors";
    assert_eq!(errors(others, &[]), expected);
    // A setting that is wrong already counts as its default, which would break the rule.
    assert!(errors("grpc: { max_deadline: 5s, default_deadline: soon }", &[]).ends_with("\n1 error"));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_an_error() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.yaml");
    fs::write(&path, "").unwrap();
    let env = [("VERIFY_GATEWAY_GRPC__LISTEN", OsString::from_vec(vec![0xff]))].into_iter().collect();
    assert_eq!(
        loaded(&path, &env).unwrap_err().to_string(),
        "environment VERIFY_GATEWAY_GRPC__LISTEN: grpc.listen: must be UTF-8 text\n1 error"
    );
}

#[test]
fn a_missing_file_is_one_error() {
    let error = loaded(Path::new("/nowhere/gateway.yaml"), &Environment::default()).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/gateway.yaml: there is no such file\n1 error");
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes: Vec<u8>, text in "(grpc|upstream|tenants|a): ?[-a-z0-9:&*{}\\[\\]\" \n]{0,60}") {
        let env: Environment = [("VERIFY_GATEWAY_GRPC__LISTEN", text.as_str())].into_iter().collect();
        for document in [&bytes[..], text.as_bytes()] {
            read_document(&mut Reader::new(Path::new("f"), &env), document, <Config as FromSection>::read);
        }
    }
}
