//! The form and the country of phone numbers.

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// Whether `text` is a number in E.164 of a length that its numbering plan has.
pub(super) fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    // The library also accepts letters, punctuation and the digits of other scripts.
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && PHONE_NUMBER_UTIL.parse(text, None).is_ok_and(|parsed| PHONE_NUMBER_UTIL.is_possible_number(&parsed))
}

/// The ISO 3166-1 country of a number. None for numbers without a country, such as satellite phones.
pub(super) fn country(e164: &str) -> Option<[u8; 2]> {
    let parsed = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
    // The number of a region in the library is its two letters, unless the region is no country.
    let letters = (PHONE_NUMBER_UTIL.get_region_for_number(&parsed)? as u16).to_be_bytes();
    letters.iter().all(u8::is_ascii_uppercase).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_possible_e164_passes() {
        for good in ["+13035551234", "+442071838750", "+13035550199"] {
            assert!(is_e164(good), "{good}");
        }
        for bad in
            ["", "+", "13035551234", "+1303555123", "+1 3035551234", "+03035551234", "+1303555CALL", "+999123456789"]
        {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn countries_within_one_calling_code_are_told_apart() {
        assert_eq!(country("+13035551234"), Some(*b"US"));
        assert_eq!(country("+14165551234"), Some(*b"CA"));
        assert_eq!(country("+870773123456"), None);
    }
}
