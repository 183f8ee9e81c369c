//! The tenants file: it is valid, or all that is wrong is reported, without values.

#![no_main]

use std::{fs, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use verify_gateway::{config::Environment, tenant::Directory};

/// The file names no others: those of this machine are not for the fuzzer.
fn is_alone(text: &[u8]) -> bool {
    !text.windows(4).any(|window| window.eq_ignore_ascii_case(b"file"))
}

fuzz_target!(|text: &[u8]| {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let path = FOLDER.get_or_init(|| tempfile::tempdir().expect("there is room")).path().join("tenants.yaml");
    if is_alone(text) {
        fs::write(&path, text).expect("there is room");
        if let Err(errors) = Directory::watch(&path, &Environment::default()) {
            assert!(!errors.is_empty());
            assert!(!errors.to_string().contains("SECRET"), "{errors}");
        }
    }
});
