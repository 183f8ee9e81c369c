//! The rules of the public contract that no linter knows (buf checks names and comments in CI).

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, field_descriptor_proto::Type,
};
use verify_gateway::pb::FILE_DESCRIPTOR_SET;

/// The files of the contract, without what they import.
fn files() -> Vec<FileDescriptorProto> {
    let all = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let ours: Vec<_> = all.into_iter().filter(|file| file.package() == "verify.v1").collect();
    assert_eq!(ours.len(), 4);
    ours
}

/// The comments of a file by the paths of descriptor.proto.
fn comments(file: &FileDescriptorProto) -> BTreeMap<Vec<i32>, String> {
    let locations = &file.source_code_info.as_ref().unwrap().location;
    let commented = locations.iter().filter(|location| !location.leading_comments().trim().is_empty());
    commented.map(|location| (location.path.clone(), location.leading_comments().to_owned())).collect()
}

fn path(parts: &[(i32, usize)]) -> Vec<i32> {
    parts.iter().flat_map(|(field, index)| [*field, i32::try_from(*index).unwrap()]).collect()
}

/// Every rpc with its comment.
fn rpcs() -> Vec<(MethodDescriptorProto, String)> {
    let mut rpcs = Vec::new();
    for file in files() {
        let comments = comments(&file);
        for (s, service) in file.service.iter().enumerate() {
            for (m, method) in service.method.iter().enumerate() {
                let comment = comments.get(&path(&[(6, s), (2, m)])).cloned().unwrap_or_default();
                rpcs.push((method.clone(), comment));
            }
        }
    }
    assert_eq!(rpcs.len(), 13);
    rpcs
}

fn messages() -> BTreeMap<String, DescriptorProto> {
    let messages = files().into_iter().flat_map(|file| file.message_type);
    messages.map(|message| (format!(".verify.v1.{}", message.name()), message)).collect()
}

/// The reasons without their prefix, and whether their comment says that every rpc can return them.
fn reasons() -> BTreeMap<String, bool> {
    let file = files().into_iter().find(|file| file.name().ends_with("error_reason.proto")).unwrap();
    let comments = comments(&file);
    let values = file.enum_type[0].value.iter().enumerate().skip(1);
    let short = |name: &str| name.strip_prefix("ERROR_REASON_").unwrap().to_owned();
    values.map(|(v, value)| (short(value.name()), comments[&path(&[(5, 0), (2, v)])].contains("] Common."))).collect()
}

#[test]
fn every_element_has_a_comment() {
    for file in files() {
        let comments = comments(&file);
        let mut paths = Vec::new();
        for (m, message) in file.message_type.iter().enumerate() {
            paths.push(path(&[(4, m)]));
            paths.extend((0..message.field.len()).map(|f| path(&[(4, m), (2, f)])));
            paths.extend((0..message.oneof_decl.len()).map(|o| path(&[(4, m), (8, o)])));
        }
        for (e, kind) in file.enum_type.iter().enumerate() {
            paths.push(path(&[(5, e)]));
            paths.extend((0..kind.value.len()).map(|v| path(&[(5, e), (2, v)])));
        }
        for (s, service) in file.service.iter().enumerate() {
            paths.push(path(&[(6, s)]));
            paths.extend((0..service.method.len()).map(|m| path(&[(6, s), (2, m)])));
        }
        for path in paths {
            assert!(comments.contains_key(&path), "{}: {path:?} has no comment", file.name());
        }
    }
}

#[test]
fn files_go_from_services_over_messages_to_enums() {
    for file in files() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto").join(file.name());
        let text = fs::read_to_string(source).unwrap();
        let kinds = text.lines().filter_map(|line| match line.split(' ').next() {
            Some("service") => Some(0),
            Some("message") => Some(1),
            Some("enum") => Some(2),
            _ => None,
        });
        let kinds: Vec<i32> = kinds.collect();
        assert!(kinds.is_sorted(), "{}", file.name());
    }
}

#[test]
fn enums_open_with_unspecified_and_carry_their_prefix() {
    for kind in files().into_iter().flat_map(|file| file.enum_type) {
        let mut prefix = String::new();
        for character in kind.name().chars() {
            if character.is_ascii_uppercase() && !prefix.is_empty() {
                prefix.push('_');
            }
            prefix.push(character.to_ascii_uppercase());
        }
        assert_eq!((kind.value[0].name(), kind.value[0].number()), (format!("{prefix}_UNSPECIFIED").as_str(), 0));
        assert!(kind.value.iter().all(|value| value.name().starts_with(&format!("{prefix}_"))), "{prefix}");
    }
}

#[test]
fn every_rpc_has_messages_of_its_own() {
    for (rpc, _) in rpcs() {
        assert_eq!(rpc.input_type(), format!(".verify.v1.{}Request", rpc.name()));
        assert_eq!(rpc.output_type(), format!(".verify.v1.{}Response", rpc.name()));
        assert!(!rpc.client_streaming() && !rpc.server_streaming());
    }
}

#[test]
fn lists_have_pages_and_creations_have_request_ids() {
    let messages = messages();
    let has = |message: &str, field: &str, kind: Type| {
        messages[message].field.iter().any(|one| one.name() == field && one.r#type() == kind)
    };
    for (rpc, _) in rpcs() {
        if rpc.name().starts_with("List") {
            assert!(has(rpc.input_type(), "page_size", Type::Int32), "{}", rpc.name());
            assert!(has(rpc.input_type(), "page_token", Type::String), "{}", rpc.name());
            assert!(has(rpc.output_type(), "next_page_token", Type::String), "{}", rpc.name());
            assert!(has(rpc.output_type(), "total_size", Type::Int32), "{}", rpc.name());
        }
        if rpc.name().starts_with("Create") {
            assert!(has(rpc.input_type(), "request_id", Type::String), "{}", rpc.name());
        }
    }
}

#[test]
fn no_number_is_of_floating_point() {
    for (name, message) in messages() {
        for field in message.field {
            assert!(!matches!(field.r#type(), Type::Float | Type::Double), "{name}.{}", field.name());
        }
    }
}

#[test]
fn comments_of_rpcs_name_the_reasons_that_they_add() {
    let reasons = reasons();
    let mut added = BTreeSet::new();
    for (rpc, comment) in rpcs() {
        let (_, list) = comment.split_once("Reasons:").unwrap_or_else(|| panic!("{} names no reasons", rpc.name()));
        let words = list.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
        let names: Vec<&str> = words.filter(|word| word.contains('_')).collect();
        assert_eq!(names.is_empty(), list.contains("none but the common ones"), "{}", rpc.name());
        for name in names {
            let common = reasons.get(name).unwrap_or_else(|| panic!("{} names the unknown {name}", rpc.name()));
            assert!(!common, "{} names {name}, which is common", rpc.name());
            added.insert(name.to_owned());
        }
    }
    let expected = reasons.iter().filter(|(name, common)| !**common && *name != "RPC_UNKNOWN");
    assert_eq!(added, expected.map(|(name, _)| name.clone()).collect());
}

#[test]
fn the_table_of_the_readme_has_every_reason_with_its_code() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let file = files().into_iter().find(|file| file.name().ends_with("error_reason.proto")).unwrap();
    let comments = comments(&file);
    for (v, value) in file.enum_type[0].value.iter().enumerate().skip(1) {
        let reason = value.name().strip_prefix("ERROR_REASON_").unwrap();
        let comment = &comments[&path(&[(5, 0), (2, v)])];
        let code = comment.trim().split_once(']').unwrap().0.trim_start_matches('[');
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{reason}` |")));
        let row = row.unwrap_or_else(|| panic!("{reason} is missing in the README"));
        assert!(row.contains(&format!("| {code} |")), "{row}");
    }
}
