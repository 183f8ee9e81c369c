//! What a client certificate says.

/// The names of a client certificate whose chain was verified. The connection puts it, in an `Arc`, into the extensions
/// of each of its requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its DNS names, of the subject alternative names.
    pub dns_names: Vec<String>,
    /// Its URIs, of the same.
    pub uris: Vec<String>,
}
