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

/// The ISO 3166-1 country of a number. A number in a range that no table lists, such as a fictional one, has the main
/// country of its calling code. None for numbers without a country, such as satellite phones.
pub(super) fn country(e164: &str) -> Option<[u8; 2]> {
    let parsed = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
    let main = || PHONE_NUMBER_UTIL.get_region_for_country_code(parsed.country_code);
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&parsed).or_else(main)?;
    // The number of a region in the library is its two letters, unless the region is no country.
    let letters = (region as u16).to_be_bytes();
    letters.iter().all(u8::is_ascii_uppercase).then_some(letters)
}

/// How many numbers [`fictional`] numbers, of which it skips some.
pub(super) const FICTIONAL: u32 = 800 * 100;

/// The fictional US number with this index. None where the index has no such number, or a magic one.
pub(super) fn fictional(index: u32) -> Option<String> {
    let number = format!("+1{}55501{:02}", 200 + index / 100, index % 100);
    let is_magic = number.starts_with("+1303");
    let listed = PHONE_NUMBER_UTIL
        .parse(&number, None)
        .is_ok_and(|parsed| PHONE_NUMBER_UTIL.get_region_for_number(&parsed).is_some());
    (!is_magic && listed && country(&number) == Some(*b"US")).then_some(number)
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
    fn countries_with_one_calling_code_are_distinguished() {
        assert_eq!(country("+13035551234"), Some(*b"US"));
        assert_eq!(country("+14165551234"), Some(*b"CA"));
        assert_eq!(country("+870773123456"), None);
    }

    #[test]
    fn a_number_in_an_unlisted_range_has_the_main_country_of_its_calling_code() {
        assert_eq!(country("+15555550123"), Some(*b"US"));
        assert_eq!(country("+13035550199"), Some(*b"US"));
        assert_eq!(country("+447700900123"), Some(*b"GB"));
        assert_eq!(country("+491999999999"), Some(*b"DE"));
    }
}
