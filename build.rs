//! Compiles `proto/` with protox, so that no system `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use protox::Compiler;

const FILES: [&str; 5] = [
    "verify/v1/error_reason.proto",
    "verify/v1/event_service.proto",
    "verify/v1/profile_service.proto",
    "verify/v1/template_service.proto",
    "verify/v1/verification_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    // tonic-prost-build keeps its own rerun setting to itself: without these lines any change would generate again.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto");

    let mut compiler = Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(FILES)?;

    // Reflection serves these bytes, and the contract's test reads the comments in them.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("verify_v1.bin"), compiler.encode_file_descriptor_set())?;

    // Codes and phone numbers must not reach a log through a derived `Debug`: messages have none, enums keep theirs.
    let files = compiler.file_descriptor_set();
    let ours = files.file.iter().filter(|file| file.package() == "verify.v1");
    let messages: Vec<String> =
        ours.flat_map(|file| &file.message_type).map(|message| format!(".verify.v1.{}", message.name())).collect();

    tonic_prost_build::configure().emit_rerun_if_changed(false).skip_debug(messages).compile_fds(files)?;
    Ok(())
}
