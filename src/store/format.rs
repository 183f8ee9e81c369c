//! How records are written: as JSON at a server, where people and other versions read them, and compactly in memory.

use std::error::Error as StdError;

use serde::{Serialize, de::DeserializeOwned};

use super::Error;

/// The form of the records of a backend.
#[derive(Clone, Copy)]
pub(super) enum RecordFormat {
    /// JSON.
    Json,
    /// Postcard: the fields in their order, without names.
    Compact,
}

impl RecordFormat {
    pub(super) fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, Error> {
        fn unreadable(error: impl StdError + Send + Sync + 'static) -> Error {
            Error::Unreadable(Box::new(error))
        }
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(unreadable),
            Self::Compact => match postcard::take_from_bytes(bytes).map_err(unreadable)? {
                (record, []) => Ok(record),
                // It has another type.
                _ => Err(unreadable(postcard::Error::SerdeDeCustom)),
            },
        }
    }

    /// # Panics
    /// If `record` has a map whose keys are not strings.
    pub(super) fn write(self, record: &impl Serialize) -> Box<[u8]> {
        let bytes = match self {
            Self::Json => serde_json::to_vec(record).expect("records are plain data with string keys"),
            Self::Compact => {
                postcard::to_extend(record, Vec::with_capacity(256)).expect("records have fields of known types")
            }
        };
        bytes.into_boxed_slice()
    }
}

/// For `#[serde(with)]`: a point in time, as text in JSON.
pub mod time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes it.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return time.serialize(serializer);
        }
        (time.as_second(), time.subsec_nanosecond()).serialize(serializer)
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is no point in time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        if deserializer.is_human_readable() {
            return Timestamp::deserialize(deserializer);
        }
        let (second, nanosecond) = Deserialize::deserialize(deserializer)?;
        Timestamp::new(second, nanosecond).map_err(D::Error::custom)
    }
}

/// For `#[serde(with)]`: a point in time that may be missing, as text in JSON.
pub mod time_or_none {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize, Serialize)]
    struct Time(#[serde(with = "super::time")] Timestamp);

    /// Writes it.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(Time).serialize(serializer)
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is no point in time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(|Time(time)| time))
    }
}

/// For `#[serde(with)]`: what Telnyx sent, whose readers understand only JSON.
pub mod telnyx {
    use serde::{
        Deserialize, Deserializer, Serialize, Serializer,
        de::{DeserializeOwned, Error},
        ser::Error as _,
    };

    /// Writes it.
    ///
    /// # Errors
    /// Those of `serializer`.
    pub fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return value.serialize(serializer);
        }
        serde_json::to_string(value).map_err(S::Error::custom)?.serialize(serializer)
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is something else.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        if deserializer.is_human_readable() {
            return T::deserialize(deserializer);
        }
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde::Deserialize;

    use super::*;
    use crate::{
        store::Digest,
        telnyx::{Verification, VerificationStatus},
    };

    #[derive(Deserialize, Serialize)]
    struct Everything {
        #[serde(with = "time")]
        began: Timestamp,
        #[serde(with = "time_or_none")]
        ended: Option<Timestamp>,
        #[serde(with = "time_or_none")]
        later: Option<Timestamp>,
        digest: Digest,
        #[serde(with = "telnyx")]
        answer: Verification,
    }

    #[test]
    fn a_record_is_read_as_it_was_written_in_either_form() {
        let (digest, began) = ("AAECAwQFBgcICQoLDA0ODw", "1969-12-31T23:59:58.000000001Z");
        let json = format!(
            r#"{{"began":"{began}","ended":null,"later":"2026-01-01T00:00:00.5Z","digest":"{digest}","answer":{{"id":"v1","status":"odd"}}}}"#
        );
        for format in [RecordFormat::Json, RecordFormat::Compact] {
            let record: Everything = RecordFormat::Json.read(json.as_bytes()).unwrap();
            let read: Everything = format.read(&format.write(&record)).unwrap();
            assert_eq!((read.began.to_string(), read.ended, read.later), (began.to_owned(), None, record.later));
            assert_eq!((read.digest, read.digest.to_string()), (record.digest, digest.to_owned()));
            let status = Some(VerificationStatus::Unknown("odd".into()));
            assert_eq!((read.answer.id.as_deref(), read.answer.status), (Some("v1"), status));
        }
    }

    #[test]
    fn what_has_more_than_the_type_is_unreadable() {
        let text = RecordFormat::Compact.write(&"second");
        assert!(matches!(RecordFormat::Compact.read::<u32>(&text), Err(Error::Unreadable(_))));
    }
}
