//! Generates a client from the contract.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = ["event", "profile", "verification"].map(|name| format!("verify/v1/{name}_service.proto"));
    let files = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(files)?;
    Ok(())
}
