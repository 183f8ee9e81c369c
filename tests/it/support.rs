//! What the tests stand on: a gateway on port 0 with a simulator behind it, and clients that carry a token.

use uuid::Uuid;
use verify_gateway::pb::{Channel, CreateVerificationRequest};

pub mod authority;
mod collector;
mod errors;
mod faulty;
mod gateway;
pub mod issuer;
mod origin;
pub mod peer;
mod process;
pub mod redis;
pub mod relay;
mod served;

pub use self::{
    collector::{Collector, hex},
    errors::Refused,
    faulty::{Fault, Faulty},
    gateway::{Clients, KEY, OTHER_KEY, OTHER_TOKEN, TOKEN, TestGateway, refusal, tenants_file},
    origin::Origin,
    process::{Ended, Process, addr},
    served::Served,
};

/// A number that the simulator treats like any other.
pub const PHONE: &str = "+13035551234";

/// A send to [`PHONE`] with a name of its own.
pub fn named(profile_id: &str) -> CreateVerificationRequest {
    CreateVerificationRequest {
        request_id: Uuid::new_v4().to_string(),
        phone_number: PHONE.into(),
        channel: Channel::Sms.into(),
        profile_id: profile_id.into(),
        ..CreateVerificationRequest::default()
    }
}
