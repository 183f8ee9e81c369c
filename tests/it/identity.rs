//! Callers, their credentials and their permissions.

mod authenticator;
mod certificates;
mod jwt;
mod key_sets;
mod mutations;
mod tenants;
