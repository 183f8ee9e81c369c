//! What the tests stand on: a gateway on port 0 with a simulator behind it, and clients that carry a token.

mod errors;
mod faulty;
mod gateway;
mod origin;
mod process;

pub use self::{
    errors::Refused,
    faulty::{Fault, Faulty},
    gateway::{Clients, KEY, OTHER_KEY, OTHER_TOKEN, TOKEN, TestGateway, refusal},
    origin::Origin,
    process::{Ended, Process, addr},
};

/// A number that the simulator treats like any other.
pub const PHONE: &str = "+13035551234";
