//! Changes of a profile by a field mask.

use serde_json::{Map, Value};

use super::write;
use crate::{
    domain::Error,
    grpc::translate::{
        Violations,
        profile_fields::{PROFILE_FIELDS, ProfileField},
    },
    pb,
    telnyx::{BlockPatch, Channel, ProfilePatch},
};

/// A change of a profile.
pub struct UpdateProfile {
    /// The profile.
    pub id: String,
    /// The fields to change.
    pub patch: ProfilePatch,
}

/// `UpdateProfile`. The violations are those of the mask, and of the fields that it names. `private_webhooks` allows
/// private hosts in URLs.
pub fn update_profile(request: pb::UpdateProfileRequest, private_webhooks: bool) -> Result<UpdateProfile, Error> {
    let mut violations = Violations::default();
    let paths = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let fields = violations.masked_fields(&paths);
    let Some(profile) = request.profile else {
        violations.add("profile", "must be set");
        return violations.into_result(None);
    };
    // A profile is plain data, which always becomes a value.
    let values = serde_json::to_value(write(&profile, private_webhooks, &mut violations)).unwrap_or_default();
    // Fields outside of the mask are ignored.
    let is_named = |field: &str| paths.iter().any(|path| covers(path, field));
    violations.retain(|field| field.strip_prefix("profile.").is_none_or(is_named));
    let id = violations.id("profile.id", &profile.id);
    let patch = patch(&fields, &values, &mut violations);
    violations.into_result(id.map(|id| UpdateProfile { id, patch }))
}

impl Violations {
    /// The fields in the mask. `daily_spend_limit` stands for both of its parts.
    fn masked_fields(&mut self, paths: &[String]) -> Vec<&'static ProfileField> {
        self.require(!paths.is_empty(), "update_mask", "must have at least one path");
        let mut fields = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let field = format!("update_mask.paths[{index}]");
            let found: Vec<_> = PROFILE_FIELDS
                .iter()
                .filter(|one| {
                    one.path == path || (path == "daily_spend_limit" && one.path.starts_with("daily_spend_limit."))
                })
                .collect();
            if found.is_empty() {
                self.add(
                    &field,
                    "must be the path of a field of the profile that can be changed, such as sms.app_name",
                );
            } else if path.starts_with("flashcall.") {
                self.add(
                    &field,
                    "must be `flashcall`: Telnyx does not return the whole block, so it is replaced whole",
                );
            } else if paths.iter().enumerate().any(|(other, parent)| other != index && covers(parent, path)) {
                self.add(&field, "must not be equal to another path of the mask, nor inside of one");
            } else {
                fields.extend(found);
            }
        }
        fields
    }
}

/// Whether `field` is `path` or inside of it.
fn covers(path: &str, field: &str) -> bool {
    field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn patch(fields: &[&ProfileField], values: &Value, violations: &mut Violations) -> ProfilePatch {
    let mut patch = ProfilePatch::default();
    for field in fields {
        let value = values.pointer(field.pointer).cloned();
        let mut keys = field.pointer.trim_start_matches('/').split('/');
        let first = keys.next().unwrap_or_default();
        match (Channel::from_name(first), keys.next()) {
            (None, _) => {
                patch.fields.insert(first.to_owned(), value.unwrap_or_else(|| cleared(field, violations)));
            }
            (Some(channel), None) => match value {
                Some(Value::Object(block)) => drop(patch.blocks.insert(channel, BlockPatch::Whole(block))),
                _ => violations.add(&format!("profile.{}", field.path), "must be set: a channel can't be removed"),
            },
            (Some(channel), Some(key)) => {
                let block = patch.blocks.entry(channel).or_insert_with(|| BlockPatch::Keys(Map::new()));
                // A mask with a block and a field of it is refused, so only one of the two kinds gets here.
                let (BlockPatch::Whole(keys) | BlockPatch::Keys(keys)) = block;
                // A null removes the key from the block.
                keys.insert(key.to_owned(), value.unwrap_or(Value::Null));
            }
        }
    }
    patch
}

/// The value of an empty field of the profile itself. Telnyx's document has no null there.
fn cleared(field: &ProfileField, violations: &mut Violations) -> Value {
    let can_be_empty = matches!(field.path, "language" | "webhook_url" | "webhook_failover_url");
    violations.require(can_be_empty, &format!("profile.{}", field.path), "must be set");
    Value::String(String::new())
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;
    use crate::grpc::translate::contract_path;

    fn update(profile: pb::Profile, paths: &[&str]) -> Result<ProfilePatch, Vec<String>> {
        let profile = Some(pb::Profile { id: "p1".into(), ..profile });
        let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
        let result = update_profile(pb::UpdateProfileRequest { profile, update_mask }, false);
        result
            .map(|update| update.patch)
            .map_err(|error| error.violations.iter().map(|one| contract_path(&one.field).into()).collect())
    }

    /// The keys that `patch` changes in the SMS block, which is the only block that it changes.
    fn sms_keys(patch: &ProfilePatch) -> &Map<String, Value> {
        assert!(patch.blocks.keys().eq([&Channel::Sms]), "{patch:?}");
        let BlockPatch::Keys(keys) = &patch.blocks[&Channel::Sms] else { panic!("the whole block: {patch:?}") };
        keys
    }

    fn sms(sms: pb::SmsSettings) -> pb::Profile {
        pb::Profile { sms: Some(sms), ..pb::Profile::default() }
    }

    #[test]
    fn only_what_the_mask_names_is_checked_and_changed() {
        let profile = pb::Profile {
            name: "new".into(),
            webhook_url: "not a url".into(),
            ..sms(pb::SmsSettings { code_length: 99, app_name: "Acme".into(), ..Default::default() })
        };
        let patch = update(profile.clone(), &["name", "sms.app_name"]).unwrap();
        assert_eq!(Value::Object(patch.fields.clone()), serde_json::json!({"name": "new"}));
        let keys = sms_keys(&patch);
        assert_eq!(Value::Object(keys.clone()), serde_json::json!({"app_name": "Acme"}));
        let refused = update(profile, &["webhook_url", "sms"]).unwrap_err();
        assert_eq!(refused, ["profile.webhook_url", "profile.sms.code_length"]);
    }

    #[test]
    fn what_is_named_and_empty_is_cleared_or_refused() {
        let patch = update(sms(Default::default()), &["webhook_url", "sms.app_name"]).unwrap();
        assert_eq!(patch.fields["webhook_url"], "");
        let keys = sms_keys(&patch);
        assert_eq!(keys["app_name"], Value::Null);
        let refused = update(Default::default(), &["name", "call", "daily_spend_limit.enabled"]).unwrap_err();
        assert_eq!(refused, ["profile.name", "profile.call", "profile.daily_spend_limit.enabled"]);
    }

    #[test]
    fn a_spend_limit_goes_as_two_fields() {
        let limit = pb::SpendLimit { amount_usd: "12.5".into(), enabled: false };
        let profile = pb::Profile { daily_spend_limit: Some(limit), ..Default::default() };
        let patch = update(profile, &["daily_spend_limit"]).unwrap();
        let expected = serde_json::json!({"daily_spend_limit": 12.5, "daily_spend_limit_enabled": false});
        assert_eq!(Value::Object(patch.fields), expected);
    }

    #[test]
    fn masks_that_name_nothing_or_too_much_are_refused() {
        let whole = || sms(Default::default());
        for paths in [
            &[][..],
            &[""],
            &["*"],
            &["id"],
            &["create_time"],
            &["sms.colour"],
            &["smsx"],
            &["sms", "sms.app_name"],
            &["name", "name"],
            &["flashcall.app_name"],
            &["daily_spend_limit", "daily_spend_limit.enabled"],
            &["whatsapp.code_length"],
        ] {
            let refused = update(whole(), paths).unwrap_err();
            assert!(refused.iter().any(|field| field.starts_with("update_mask")), "{paths:?}: {refused:?}");
        }
    }
}
