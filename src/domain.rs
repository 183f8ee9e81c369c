//! The values that all modules share, and the one error.

mod api_key;
mod call_context;
mod country;
mod error;
mod identity;
mod limits;
mod peer_certificate;
mod phone;
mod resource_id;
mod running_permit;
mod telnyx_account;
mod tenant;
mod tenant_id;
mod test_number;
mod token_hash;
mod verification_ref;
mod webhook_key;

pub use self::{
    api_key::{ApiKey, KeyIdentity},
    call_context::CallContext,
    country::Country,
    error::{Error, FieldPath, Resource, Rule, Violation},
    identity::{Allowed, Caller, Identity, Permissions},
    limits::{CountryLimits, DAY, Limit, LimitMode, LimitRate, LimitWindow, Limits},
    peer_certificate::PeerCertificate,
    phone::{NumberType, PhoneNumber, PhoneNumberError, has_phone_numbers, phone_identity},
    resource_id::is_resource_id,
    running_permit::{RunningPermit, RunningPermitRef},
    telnyx_account::TelnyxAccount,
    tenant::Tenant,
    tenant_id::TenantId,
    test_number::{TestNumber, TestNumbers},
    token_hash::TokenHash,
    verification_ref::VerificationRef,
    webhook_key::WebhookKey,
};
