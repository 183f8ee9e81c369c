//! Requests about profiles.

mod channel;
mod response;
mod update;

pub use self::{
    response::profile,
    update::{UpdateProfile, update_profile},
};
use super::{
    PageRequest, Violations,
    fields::{consists_of, is_printable},
};
use crate::{
    domain::{Error, TenantId},
    pb,
    services::NewProfile,
    telnyx::{self, Amount},
};

/// A page of profiles.
pub struct ListProfiles {
    /// Only profiles with this name.
    pub name: Option<String>,
    /// The page.
    pub page: PageRequest,
}

/// `CreateProfile`. Fields that only Telnyx sets are ignored (AIP-203). `private_webhooks` allows private hosts in URLs.
pub fn create_profile(request: pb::CreateProfileRequest, private_webhooks: bool) -> Result<NewProfile, Error> {
    let mut violations = Violations::default();
    let request_id = violations.request_id(&request.request_id);
    let Some(profile) = request.profile else {
        violations.add("profile", "must be set");
        return violations.into_result(None);
    };
    violations.require(!profile.name.is_empty(), "profile.name", "must be set");
    let profile = write(&profile, private_webhooks, &mut violations);
    let blocks = [&profile.sms, &profile.call, &profile.flashcall, &profile.whatsapp, &profile.dtmf_confirm];
    // Telnyx refuses a profile without a channel, although its document does not say so.
    let has_channel = blocks.iter().any(|block| block.is_some());
    violations.require(
        has_channel,
        "profile",
        "must have at least one of sms, call, flashcall, whatsapp, dtmf_confirm",
    );
    violations.into_result(Some(NewProfile { request_id, profile }))
}

/// `GetProfile`: the ID.
pub fn get_profile(request: &pb::GetProfileRequest) -> Result<String, Error> {
    profile_id(&request.profile_id)
}

/// `DeleteProfile`: the ID.
pub fn delete_profile(request: &pb::DeleteProfileRequest) -> Result<String, Error> {
    profile_id(&request.profile_id)
}

fn profile_id(id: &str) -> Result<String, Error> {
    let mut violations = Violations::default();
    let id = violations.id("profile_id", id);
    violations.into_result(id)
}

/// `ListProfiles`.
pub fn list_profiles(request: &pb::ListProfilesRequest, tenant: &TenantId) -> Result<ListProfiles, Error> {
    let mut violations = Violations::default();
    let name = violations.name("name", &request.name);
    let page = violations.page("profiles", tenant, &request.name, request.page_size, &request.page_token);
    violations.into_result(Some(ListProfiles { name, page }))
}

/// The body of `profile` for Telnyx. Fields that break a rule are left out.
fn write(profile: &pb::Profile, private_webhooks: bool, violations: &mut Violations) -> telnyx::Profile {
    let limit = profile.daily_spend_limit.as_ref();
    violations.message("profile", |violations| telnyx::Profile {
        name: violations.name("name", &profile.name),
        language: violations.language("language", &profile.language),
        webhook_url: violations.webhook("webhook_url", &profile.webhook_url, private_webhooks),
        webhook_failover_url: violations.webhook(
            "webhook_failover_url",
            &profile.webhook_failover_url,
            private_webhooks,
        ),
        daily_spend_limit: limit.and_then(|limit| violations.amount("daily_spend_limit.amount_usd", &limit.amount_usd)),
        daily_spend_limit_enabled: limit.map(|limit| limit.enabled),
        sms: profile.sms.as_ref().map(|sms| channel::sms(sms, violations)),
        call: profile.call.as_ref().map(|call| channel::call(call, violations)),
        flashcall: profile.flashcall.as_ref().map(|flashcall| channel::flashcall(flashcall, violations)),
        whatsapp: profile.whatsapp.as_ref().map(|whatsapp| channel::whatsapp(whatsapp, violations)),
        dtmf_confirm: profile.dtmf_confirm.as_ref().map(|block| channel::dtmf_confirm(block, violations)),
        ..telnyx::Profile::default()
    })
}

impl Violations {
    fn name(&mut self, field: &str, text: &str) -> Option<String> {
        let is_name = !text.trim().is_empty() && consists_of(text, 255, is_printable);
        let must =
            "must have at most 255 characters, not spaces alone, no control characters and no explicit directions";
        self.text(field, text, is_name, must)
    }

    /// A language tag (RFC 5646), as far as its form goes.
    fn language(&mut self, field: &str, text: &str) -> Option<String> {
        let mut subtags = text.split('-');
        let is_primary = |tag: &str| (2..=8).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphabetic());
        let is_further = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric());
        let is_tag = text.len() <= 35 && subtags.next().is_some_and(is_primary) && subtags.all(is_further);
        self.text(field, text, is_tag, "must be a language tag of at most 35 characters, such as en-US")
    }

    /// An amount of money: at most nine digits before the point, and at most four after it.
    fn amount(&mut self, field: &str, text: &str) -> Option<Amount> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number =
            |text: &str, max: usize| (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_amount = is_number(whole, 9) && is_number(fraction, 4);
        self.require(is_amount, field, "must be a decimal number such as 25.50");
        is_amount.then(|| Amount(text.to_owned()))
    }
}
