//! Phone numbers: what is read has one spelling, which is read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use verify_gateway::domain::PhoneNumber;

fuzz_target!(|text: &str| {
    if let Ok(number) = PhoneNumber::parse(text) {
        assert_eq!(number.as_e164(), text);
        // A log shows the calling code, which has three digits at most, and two more.
        let shown = number.to_string().chars().filter(char::is_ascii_digit).count();
        assert!(shown <= 5, "{number}");
        _ = (number.country(), number.number_type());
    }
    if let Some(number) = PhoneNumber::from_telnyx(text) {
        assert!(PhoneNumber::parse(number.as_e164()).is_ok());
    }
});
