//! The public contract, generated from `proto/verify/v1` by `build.rs`.

#![expect(clippy::pedantic, reason = "generated")]

use prost::Message;
use prost_types::FileDescriptorSet;

tonic::include_proto!("verify.v1");

/// The descriptors of the contract and of what it imports, comments included, as `buf build` would encode them.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verify_v1.bin"));

/// An rpc of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// The full name of its service (`verify.v1.ProfileService`).
    pub service: String,
    /// Its bare name (`GetProfile`).
    pub method: String,
}

/// Every rpc of the contract.
pub fn rpcs() -> impl Iterator<Item = Rpc> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("it was encoded when this was built").file;
    let of_file = |file: prost_types::FileDescriptorProto| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let name = format!("{package}.{}", service.name());
            service
                .method
                .into_iter()
                .map(move |method| Rpc { service: name.clone(), method: method.name().to_owned() })
        })
    };
    files.into_iter().flat_map(of_file)
}
