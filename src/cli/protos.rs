//! `protos`: writes the contract as files.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;

/// The files of `proto/`, as they are in the repository.
const FILES: [(&str, &str); 6] = [
    ("google/api/field_behavior.proto", include_str!("../../proto/google/api/field_behavior.proto")),
    ("verify/v1/error_reason.proto", include_str!("../../proto/verify/v1/error_reason.proto")),
    ("verify/v1/event_service.proto", include_str!("../../proto/verify/v1/event_service.proto")),
    ("verify/v1/profile_service.proto", include_str!("../../proto/verify/v1/profile_service.proto")),
    ("verify/v1/template_service.proto", include_str!("../../proto/verify/v1/template_service.proto")),
    ("verify/v1/verification_service.proto", include_str!("../../proto/verify/v1/verification_service.proto")),
];

/// Writes the contract as .proto files, with the one that it imports beyond protobuf's own.
#[derive(Args)]
pub(super) struct ProtosArguments {
    /// The folder to write to. It is made if it does not exist. Files of the same names are replaced.
    folder: PathBuf,
}

/// Writes all files, and prints their paths.
pub(super) fn run(arguments: &ProtosArguments) -> anyhow::Result<()> {
    for (name, text) in FILES {
        let path = arguments.folder.join(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| fs::write(&path, text));
        written.with_context(|| format!("can't write {}", path.display()))?;
        writeln!(io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
