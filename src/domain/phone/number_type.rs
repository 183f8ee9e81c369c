//! What kind of line a phone number belongs to.

use std::fmt;

/// What kind of line a phone number belongs to, by libphonenumber's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    /// A fixed line.
    FixedLine,
    /// A mobile phone.
    Mobile,
    /// A fixed line or a mobile phone: the country's plan does not tell them apart.
    FixedLineOrMobile,
    /// A number that is free for whoever calls it.
    TollFree,
    /// A number reached over the Internet.
    Voip,
    /// A number whose owner earns from every call or message.
    PremiumRate,
    /// A number whose costs caller and owner share.
    SharedCost,
    /// A number that follows a person.
    PersonalNumber,
    /// A pager.
    Pager,
    /// The one number of a company with many sites.
    Uan,
    /// A voicemail box.
    Voicemail,
    /// A satellite phone or an international network: +870, +881, +882 and +883.
    Satellite,
    /// No assigned range holds the number.
    Unknown,
}

impl NumberType {
    /// All types.
    pub const ALL: [Self; 13] = [
        Self::FixedLine,
        Self::Mobile,
        Self::FixedLineOrMobile,
        Self::TollFree,
        Self::Voip,
        Self::PremiumRate,
        Self::SharedCost,
        Self::PersonalNumber,
        Self::Pager,
        Self::Uan,
        Self::Voicemail,
        Self::Satellite,
        Self::Unknown,
    ];

    /// The types that are refused unless a tenant allows them: they cost much, or reach nobody who could read a code.
    pub const SPECIAL: [Self; 7] = [
        Self::PremiumRate,
        Self::SharedCost,
        Self::PersonalNumber,
        Self::Pager,
        Self::Uan,
        Self::Voicemail,
        Self::Satellite,
    ];

    /// Whether numbers of this type are refused unless a tenant allows them.
    #[must_use]
    pub fn is_special(self) -> bool {
        Self::SPECIAL.contains(&self)
    }

    /// Its name in the tenants file, audit events and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FixedLine => "fixed_line",
            Self::Mobile => "mobile",
            Self::FixedLineOrMobile => "fixed_line_or_mobile",
            Self::TollFree => "toll_free",
            Self::Voip => "voip",
            Self::PremiumRate => "premium_rate",
            Self::SharedCost => "shared_cost",
            Self::PersonalNumber => "personal_number",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Satellite => "satellite",
            Self::Unknown => "unknown",
        }
    }

    /// This type, or what it is together with `other`, which the metadata gives the same number. The first type has
    /// precedence, as in the library.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, other) => other,
            (Self::FixedLine, Self::Mobile) => Self::FixedLineOrMobile,
            (first, _) => first,
        }
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
