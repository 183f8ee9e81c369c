//! The values that every room of the house speaks of, and the one error.

mod country;
mod error;
mod phone;
mod tenant_id;

pub use self::{
    country::Country,
    error::{Error, Resource, Rule, Violation},
    phone::PhoneNumber,
    tenant_id::TenantId,
};
