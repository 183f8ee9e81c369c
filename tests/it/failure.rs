//! An upstream that refuses, fails or loses answers.

mod aborted;
mod broken_answers;
mod clocks;
mod explained;
mod faults;
mod lost_checks;
mod lost_sends;
mod odd_answers;
mod retries;
mod telnyx_errors;
