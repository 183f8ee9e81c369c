//! An upstream that refuses, fails or loses answers, and callers that send bad input.

mod errors;
mod faults;
mod hostile;
mod replay;
