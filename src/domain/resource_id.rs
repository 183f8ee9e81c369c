//! The IDs of Telnyx's resources.

/// Whether `text` may be the ID of a resource at Telnyx.
///
/// IDs are opaque, but an ID becomes a segment of a path. It must not leave its folder or be a word of Telnyx's paths, such
/// as `templates` or `sms`, which would address another resource. Telnyx's IDs are shaped like UUIDs, and no word of its
/// paths has a digit or a hyphen.
#[must_use]
pub fn is_resource_id(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-_:.".contains(&c);
    let tells_from_words = |c: u8| c.is_ascii_digit() || c == b'-';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed) && text.bytes().any(tells_from_words)
}

#[cfg(test)]
mod tests {
    use super::is_resource_id;
    use crate::telnyx::{Channel, pattern};

    #[test]
    fn ids_are_opaque_and_never_words_of_paths() {
        for id in ["4900017a-e7c8-e79e-0a7c-0d98f49b09cc", "12ade33a", "some-id", "1", "a:b_c.4"] {
            assert!(is_resource_id(id), "{id}");
        }
        for bad in ["", ".", "..", "a/1", "a?1", "1%2F", "ä1", " 1", "1\n", &"1".repeat(129)] {
            assert!(!is_resource_id(bad), "{bad:?}");
        }
        let patterns = [pattern::CHECK, pattern::CHECK_BY_PHONE, pattern::TEMPLATE, pattern::PROFILE];
        let words = patterns.iter().flat_map(|pattern| pattern.split('/')).chain(Channel::ALL.map(Channel::as_str));
        for word in words {
            assert!(!is_resource_id(word), "{word}");
        }
    }
}
