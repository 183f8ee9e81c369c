//! The tenants file: tenants, their identities, and what proves an identity.

mod credential;
mod directory;
mod file;
mod jwks;
mod role;

pub use self::{
    credential::{Credential, Issuer, JwksUrl, JwtRule, KeysFrom},
    directory::{Directory, Identities, IdentityEntry, KeySource, TenantEntry},
    file::DirectoryWatch,
    jwks::{Jwks, NotJwks},
};
