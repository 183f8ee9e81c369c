//! The tenants file: tenants, their identities, and what proves an identity.

mod directory;
mod file;
mod issuer;
mod jwks;
mod key_source;
mod role;

pub use self::{
    directory::{Credential, Directory, DirectoryWatch, Identities, IdentityEntry, TenantEntry},
    issuer::{Issuer, JwksUrl, JwtRule, KeysFrom},
    jwks::{Jwks, NotJwks},
    key_source::KeySource,
};
