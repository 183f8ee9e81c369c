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
mod rules;
mod test_numbers;
mod texts;
mod update_profile;
mod update_template;

use verify_gateway::pb::Profile;

/// Without the fields that Telnyx sets.
pub fn without_output_fields(mut profile: Profile) -> Profile {
    profile.id.clear();
    (profile.create_time, profile.update_time) = (None, None);
    if let Some(whatsapp) = &mut profile.whatsapp {
        (whatsapp.app_name, whatsapp.template_id, whatsapp.code_length) = Default::default();
    }
    profile
}
