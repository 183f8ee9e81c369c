//! The public contract, generated from `proto/verify/v1` by `build.rs`.

#![expect(clippy::pedantic, reason = "generated")]

tonic::include_proto!("verify.v1");

/// The descriptors of the contract and its imports, with comments, as `buf build` encodes them.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verify_v1.bin"));

/// The full names of all RPCs of the contract.
pub const RPCS: [&str; 15] = [
    "verify.v1.EventService/WatchVerification",
    "verify.v1.EventService/StreamEvents",
    "verify.v1.ProfileService/CreateProfile",
    "verify.v1.ProfileService/GetProfile",
    "verify.v1.ProfileService/ListProfiles",
    "verify.v1.ProfileService/UpdateProfile",
    "verify.v1.ProfileService/DeleteProfile",
    "verify.v1.TemplateService/ListTemplates",
    "verify.v1.TemplateService/CreateTemplate",
    "verify.v1.TemplateService/UpdateTemplate",
    "verify.v1.VerificationService/CreateVerification",
    "verify.v1.VerificationService/GetVerification",
    "verify.v1.VerificationService/ListVerifications",
    "verify.v1.VerificationService/CheckVerification",
    "verify.v1.VerificationService/ReportVerification",
];

impl ErrorReason {
    /// The name that programs compare: without the prefix that all names share.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        self.as_str_name().trim_start_matches("ERROR_REASON_")
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn the_list_of_rpcs_is_that_of_the_contract() {
        let mut of_contract = Vec::new();
        for file in FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file {
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                of_contract.extend(service.method.iter().map(|method| format!("{name}/{}", method.name())));
            }
        }
        // A file comes after those that it imports.
        of_contract.sort();
        let mut listed = RPCS;
        listed.sort_unstable();
        assert_eq!(of_contract, listed);
    }
}
