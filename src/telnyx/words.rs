//! The words that Telnyx writes in enum-like fields. No set is closed: an unknown word keeps its text.

/// The word of a right code: as the `response_code` of a check, as the `status` of a report and of a verification.
const ACCEPTED: &str = "accepted";

/// Declares an enum of words, with `Unknown` for all other texts.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:tt,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
            /// A word that this list lacks, as Telnyx wrote it.
            Unknown(String),
        }

        impl $name {
            /// The word; none where it is unknown.
            #[must_use]
            pub const fn known(&self) -> Option<&'static str> {
                match self {
                    $(Self::$word => Some($text),)*
                    Self::Unknown(_) => None,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$word,)*
                    _ => Self::Unknown(text),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self {
                    $(Self::$word => $text,)*
                    Self::Unknown(text) => text,
                })
            }
        }
    };
}

pub(super) use words;

words! {
    /// The state of a verification.
    VerificationStatus {
        /// The person has not answered yet.
        Pending = "pending",
        /// The code was right.
        Accepted = ACCEPTED,
        /// The caller rejected the code, or there were too many wrong ones.
        Invalid = "invalid",
        /// The code is too old.
        Expired = "expired",
        /// The message could not be delivered.
        Error = "error",
    }
}

words! {
    /// The result of a check or a report. Only [`Accepted`](Self::Accepted) means that the code was right.
    ResponseCode {
        /// The code was right.
        Accepted = ACCEPTED,
        /// The code was wrong.
        Rejected = "rejected",
        /// The code is too old; known from some guides only.
        Expired = "expired",
        /// There were too many wrong codes; known from some guides only.
        MaxAttemptsExceeded = "max_attempts_exceeded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_keeps_its_text() {
        for text in ["pending", "accepted", "delivered", "Accepted", ""] {
            let word = VerificationStatus::from(text.to_owned());
            assert_eq!(serde_json::to_value(&word).unwrap(), text);
        }
        assert_eq!(ResponseCode::from("accepted".to_owned()), ResponseCode::Accepted);
        assert_eq!(ResponseCode::from("accepted ".to_owned()).known(), None);
    }
}
