//! Callers, their credentials and their permissions.

mod identities;
mod mutations;
mod tenants;
