//! What the tests share: a gateway with a simulator as upstream, clients with tokens, and broken peers of many kinds.

pub mod authority;
mod clients;
mod collector;
mod errors;
mod faulty;
mod gateway;
pub mod issuer;
mod origin;
pub mod peer;
mod process;
pub mod raw;
pub mod redis;
pub mod relay;
mod requests;
mod served;
pub mod webhooks;

pub use self::{
    clients::Clients,
    collector::{Collector, hex},
    errors::Refused,
    faulty::{Fault, Faulty},
    gateway::{KEY, OTHER_KEY, OTHER_TOKEN, TOKEN, TestGateway, refusal, tenants_file},
    origin::Origin,
    process::{Ended, Process, addr},
    requests::{
        PHONE, check_by_id, check_by_phone, every_channel, full_profile, seconds, sms, sms_with_request_id, wrong_code,
    },
    served::{Served, Volume},
};
