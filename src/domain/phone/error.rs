//! Why a text is not a phone number.

/// Why a text is not a phone number in E.164.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneNumberError {
    /// It is not a plus sign with 7 to 15 digits, or begins with a zero.
    #[error("must be E.164, such as +13035551234")]
    Format,
    /// No country or service has this calling code.
    #[error("must begin with an assigned calling code, such as +1 or +44")]
    CallingCode,
    /// The country has no numbers of this length. Numbers that can only be dialled inside an area have no area code.
    #[error("must be a complete number with its area code: the country has no numbers of this length")]
    Length,
    /// A prefix is in it that callers inside the country dial, such as the zero of `+49 (0)151…`.
    #[error("must not contain the prefix for calls inside the country, such as the 0 in +49 (0)151")]
    NationalPrefix,
}
