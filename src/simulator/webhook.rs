//! Webhooks: what the simulator sends to the URLs of a profile, and how it signs that.
//!
//! - `key` signs, `outcome` is the outcome of a message, `event` makes the body of a webhook.
//! - `delivery` is one webhook with its attempts, `queue` holds all of them and what falls due.
//! - `schedule` decides what is sent when, `sender` makes the requests.

mod delivery;
mod event;
mod key;
mod outcome;
mod queue;
mod schedule;
mod sender;

pub(super) use self::{
    delivery::{DeliveryProgress, WebhookDelivery},
    key::{SigningKey, read_seed},
    outcome::{MessageDelivery, MessageOutcome},
    queue::WebhookQueue,
    sender::run,
};
