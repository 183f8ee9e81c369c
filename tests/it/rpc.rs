//! The RPCs, a file each: what succeeds, what is refused, and what is replayed.

mod check_verification;
mod create_profile;
mod create_template;
mod create_verification;
mod delete_profile;
mod get_profile;
mod get_verification;
mod list_profiles;
mod list_templates;
mod list_verifications;
mod quickstart;
mod report_verification;
mod test_numbers;
mod update_profile;
mod update_template;

use verify_gateway::{domain::PhoneNumber, pb::Profile};

use crate::support::Refused;

/// Texts that are not phone numbers in E.164.
const MALFORMED_PHONE_NUMBERS: [&str; 6] =
    ["3035551234", "+1303555", "+1 303 555 1234", "+1303555CALL", "+٣٠٣٥٥٥١٢٣٤", "\0"];

/// Asserts that `refused` names the phone number as the only wrong field, and does not repeat it.
#[track_caller]
fn is_malformed_phone_number(refused: Refused, phone: &str) {
    let refused = refused.names_fields(&["phone_number"]);
    let cause = PhoneNumber::parse(phone).unwrap_err();
    assert_eq!(refused.message, format!("phone_number: {cause}"), "{phone}");
}

/// Without the fields that Telnyx sets.
pub fn without_output_fields(mut profile: Profile) -> Profile {
    profile.id.clear();
    (profile.create_time, profile.update_time) = (None, None);
    if let Some(whatsapp) = &mut profile.whatsapp {
        (whatsapp.app_name, whatsapp.template_id, whatsapp.code_length) = Default::default();
    }
    profile
}
