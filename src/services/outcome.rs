//! How an operation ended.

/// An answer, and which call caused it.
#[derive(Clone)]
pub struct Outcome<A> {
    /// The answer.
    pub answer: A,
    /// Which call caused it.
    pub origin: Origin,
}

/// Which call caused an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This call.
    ThisCall,
    /// An earlier call with the same request ID.
    SameRequest,
    /// An earlier call without a request ID and with the same content, within the duplicate window.
    Duplicate,
    /// No call: the answer is for a test number, and nothing happened.
    TestNumber,
}

impl<A> Outcome<A> {
    /// An answer that this call caused.
    pub(super) const fn of_this_call(answer: A) -> Self {
        Self { answer, origin: Origin::ThisCall }
    }

    /// An answer for a test number.
    pub(super) const fn of_test_number(answer: A) -> Self {
        Self { answer, origin: Origin::TestNumber }
    }
}

impl Origin {
    /// The outcome for the audit, where `done` names what this call would have done.
    pub(super) const fn audit_outcome(self, done: &'static str) -> &'static str {
        match self {
            Self::ThisCall => done,
            Self::SameRequest => "replayed",
            Self::Duplicate => "duplicate",
            Self::TestNumber => "test_number",
        }
    }
}
