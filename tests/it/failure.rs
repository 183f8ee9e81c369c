//! An upstream that refuses, fails or loses answers.

mod broken_answers;
mod faults;
mod retries;
mod telnyx_errors;
