//! The public contract, generated from `proto/verify/v1` by `build.rs`.

#![expect(clippy::pedantic, reason = "generated")]

tonic::include_proto!("verify.v1");

/// The descriptors of the contract and of what it imports, comments included, as `buf build` would encode them.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verify_v1.bin"));
