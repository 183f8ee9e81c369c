//! Rules of the public contract that buf does not check.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
    path::Path,
};

use prost::Message;
use prost_types::{
    DescriptorProto, EnumValueDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    field_descriptor_proto::Type,
};
use verify_gateway::pb::FILE_DESCRIPTOR_SET;

/// The files of the contract, without their imports.
fn files() -> Vec<FileDescriptorProto> {
    let all = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let ours: Vec<_> = all.into_iter().filter(|file| file.package() == "verify.v1").collect();
    assert_eq!(ours.len(), 5);
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
    assert_eq!(rpcs.len(), 15);
    rpcs
}

fn messages() -> BTreeMap<String, DescriptorProto> {
    let messages = files().into_iter().flat_map(|file| file.message_type);
    messages.map(|message| (format!(".verify.v1.{}", message.name()), message)).collect()
}

/// A value of `ErrorReason` with its comment: `[CODE] Common. Meaning. What to do: action`.
struct Reason {
    /// The name without the prefix of the enum.
    name: String,
    code: String,
    /// Whether every RPC can return it.
    common: bool,
    meaning: String,
    action: String,
}

fn reasons() -> Vec<Reason> {
    let file = files().into_iter().find(|file| file.name().ends_with("error_reason.proto")).unwrap();
    let comments = comments(&file);
    let values = file.enum_type[0].value.iter().enumerate().skip(1);
    let read = |(v, value): (usize, &EnumValueDescriptorProto)| {
        let comment = one_line(&comments[&path(&[(5, 0), (2, v)])]);
        let (code, text) = comment.strip_prefix('[').and_then(|rest| rest.split_once("] ")).unwrap();
        let (text, action) =
            text.split_once(" What to do: ").unwrap_or_else(|| panic!("{} has no action", value.name()));
        let meaning = text.strip_prefix("Common. ");
        Reason {
            name: value.name().strip_prefix("ERROR_REASON_").unwrap().to_owned(),
            code: code.to_owned(),
            common: meaning.is_some(),
            meaning: meaning.unwrap_or(text).to_owned(),
            action: action[..1].to_uppercase() + &action[1..],
        }
    };
    values.map(read).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The reasons that the comment of an RPC adds to the common ones.
fn added_by(rpc: &MethodDescriptorProto, comment: &str) -> Vec<String> {
    let (_, list) = comment.split_once("Reasons:").unwrap_or_else(|| panic!("{} names no reasons", rpc.name()));
    let words = list.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
    words.filter(|word| word.contains('_')).map(str::to_owned).collect()
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
        let streams = ["WatchVerification", "StreamEvents"];
        assert!(!rpc.client_streaming() && rpc.server_streaming() == streams.contains(&rpc.name()));
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
        let names = added_by(&rpc, &comment);
        assert_eq!(names.is_empty(), comment.contains("none but the common ones"), "{}", rpc.name());
        for name in names {
            let reason = reasons.iter().find(|reason| reason.name == name);
            let reason = reason.unwrap_or_else(|| panic!("{} names the unknown {name}", rpc.name()));
            assert!(!reason.common, "{} names {name}, which is common", rpc.name());
            added.insert(name);
        }
    }
    let expected = reasons.into_iter().filter(|reason| !reason.common && reason.name != "RPC_UNKNOWN");
    assert_eq!(added, expected.map(|reason| reason.name).collect());
}

/// The page of all reasons, in the order of the contract.
fn errors_page() -> String {
    let mut rpcs_by_reason = BTreeMap::<String, Vec<String>>::new();
    for (rpc, comment) in rpcs() {
        for reason in added_by(&rpc, &comment) {
            rpcs_by_reason.entry(reason).or_default().push(format!("`{}`", rpc.name()));
        }
    }
    let mut page = ERRORS_HEAD.to_owned();
    for Reason { name, code, common, meaning, action } in reasons() {
        let returned_by = match rpcs_by_reason.get(&name) {
            Some(rpcs) => rpcs.join(", "),
            None if common => "every RPC".to_owned(),
            None => "calls of no known RPC".to_owned(),
        };
        writeln!(page, "| `{name}` | `{code}` | {meaning} | {action} | {returned_by} |").unwrap();
    }
    page
}

const ERRORS_HEAD: &str = "\
# Errors

Every error carries a `google.rpc.ErrorInfo` with the domain `verify-gateway`. Its `reason` is one of the names below.
Programs decide by the reason. Messages are for people and may change. The other details:

| detail | present |
|---|---|
| `RequestInfo` | always: the request ID of the call, as in the gateway's log |
| `BadRequest` | if fields of the request break rules: all violations, by field |
| `RetryInfo` | if waiting helps: how long to wait |
| `QuotaFailure` | with `RESOURCE_EXHAUSTED`: what is exhausted |
| `ResourceInfo` | with `NOT_FOUND`: what was not found |

For the retry policies of gRPC libraries, the trailer `grpc-retry-pushback-ms` says the same as `RetryInfo`. With
`UNKNOWN` it is `-1`: the library must not retry, because the operation may have taken effect.
[CLIENTS.md](CLIENTS.md) shows how a client handles errors.

This page is generated from the comments of [`error_reason.proto`](../proto/verify/v1/error_reason.proto):
`UPDATE_GOLDEN=1 cargo test --test proto_contract`.

| reason | gRPC code | meaning | what to do | returned by |
|---|---|---|---|---|
";

#[test]
fn the_page_of_errors_is_generated_from_the_contract() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ERRORS.md");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, errors_page()).unwrap();
    }
    assert!(
        fs::read_to_string(file).unwrap_or_default() == errors_page(),
        "docs/ERRORS.md is out of date: UPDATE_GOLDEN=1 cargo test --test proto_contract"
    );
}

/// Generators and linters read the option, people the comment.
#[test]
fn the_behavior_of_fields_is_in_their_options_too() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/verify/v1");
    let mut options = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut said = "";
        for line in text.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("// ") {
                let words = [("Required.", "REQUIRED"), ("Output only.", "OUTPUT_ONLY"), ("Input only.", "INPUT_ONLY")];
                said = words.iter().find(|(word, _)| comment.starts_with(word)).map_or(said, |(_, option)| option);
                continue;
            }
            // A oneof has no options of this kind.
            let option =
                line.split_once("(google.api.field_behavior) = ").map_or("", |(_, rest)| rest.trim_end_matches("];"));
            if !line.starts_with("oneof ") {
                assert_eq!(option, said, "{line}");
            }
            options += usize::from(!option.is_empty());
            said = "";
        }
    }
    assert!(options > 20, "{options}");
}
