//! `protos`, `hash-token` and wrong arguments.

use std::{fs, path::Path};

use verify_gateway::{config::Environment, tenant::Directory};

use super::{folder, run};

#[test]
fn protos_are_those_of_the_repository() {
    let folder = folder(&[]);
    let end = run(folder.path(), &["protos", "a/b"], &[], "");
    let (repository, mut names) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("proto"), Vec::new());
    for of in ["google/api", "verify/v1"] {
        let files =
            fs::read_dir(repository.join(of)).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.extend(files.map(|name| format!("{of}/{name}")));
    }
    names.sort();
    assert_eq!((end.code, end.out), (0, names.iter().map(|name| format!("a/b/{name}\n")).collect()), "{}", end.err);
    for name in names {
        let written = fs::read(folder.path().join("a/b").join(&name)).unwrap();
        assert!(written == fs::read(repository.join(&name)).unwrap(), "{name}");
    }
}

#[test]
fn a_printed_token_hash_is_valid_in_the_tenants_file() {
    let made = run(folder(&[]).path(), &["hash-token"], &[], "");
    assert_eq!(made.code, 0, "{}", made.err);
    let lines: Vec<&str> = made.out.lines().map(str::trim).collect();
    let [_, token, _, line] = lines[..] else { panic!("four lines: {lines:?}") };
    assert!(token.starts_with("vgw_") && token.len() == 47, "{token}");

    let again = run(folder(&[]).path(), &["hash-token", "--stdin"], &[], &format!("{token}\n"));
    assert_eq!((again.code, again.out.trim()), (0, line));

    let tenants = format!(
        "tenants:\n  - id: a\n    telnyx_api_key: {{ inline: KEY }}\n    identities:\n    - name: b\n      roles: [reader]\n      tokens:\n        {line}\n"
    );
    let folder = folder(&[("tenants.yaml", &tenants)]);
    let path = folder.path().join("tenants.yaml");
    let directory = Directory::watch(&path, &Environment::default()).map(|(directory, _)| directory).unwrap();
    assert!(directory.by_token(token).is_some_and(|caller| caller.tenant.id.as_str() == "a"));
    assert!(directory.by_token(line).is_none());
}

#[test]
fn weak_tokens_are_not_hashed() {
    for (input, what) in
        [("", "the token is empty\n"), ("\n", "the token is empty\n"), ("hunter2", "at least 16 characters")]
    {
        let end = run(folder(&[]).path(), &["hash-token", "--stdin"], &[], input);
        assert_eq!((end.code, end.out.as_str()), (64, ""), "{input:?}");
        assert!(end.err.contains(what) && !end.err.contains("hunter2"), "{}", end.err);
    }
}

#[test]
fn wrong_arguments_exit_64_and_help_exits_0() {
    let code = |arguments: &[&str]| run(folder(&[]).path(), arguments, &[], "").code;
    for wrong in
        [&[][..], &["fly"], &["check", "--colour"], &["health", "--timeout", "5"], &["health", "--addr", "a b"]]
    {
        assert_eq!(code(wrong), 64, "{wrong:?}");
    }
    for right in ["--help", "--version", "help"] {
        assert_eq!(code(&[right]), 0, "{right}");
    }
}
