//! The webhook port: which webhooks it takes, whose they are, and what they change.

mod port;
mod profiles;
mod receive;
mod store;
