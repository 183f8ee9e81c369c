//! The webhook port: which webhooks it takes, whose they are, and what they change.

mod receive;
mod store;
