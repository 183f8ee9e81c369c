//! The RPCs: what succeeds, what is refused, and what is replayed.

mod channels;
mod flow;
mod once;
mod profiles;
mod templates;
mod test_numbers;
