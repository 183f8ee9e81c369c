//! Errors on demand: faults, and phone numbers that always fail.

mod answer;
mod fault;
mod magic_numbers;
mod queue;

pub(super) use self::{fault::RequestSummary, magic_numbers::UNDELIVERED, queue::FaultQueue};
pub use self::{
    fault::{Act, Fault, FaultBody},
    magic_numbers::{MAGIC_NUMBERS, MagicNumber},
};
