//! What names a verification.

use super::PhoneNumber;

/// What a check names its verification by.
#[derive(Clone, Debug)]
pub enum VerificationRef {
    /// The ID of the verification.
    Id(String),
    /// The newest pending verification of a phone number and profile.
    PhoneNumber {
        /// The phone number.
        phone_number: PhoneNumber,
        /// The ID of the profile.
        profile_id: String,
    },
}
