//! Changes to a profile, as a field mask names them.

use serde_json::{Map, Value};

use super::write;
use crate::{
    domain::Error,
    grpc::translate::{
        Violations,
        names::{PROFILE_FIELDS, ProfileField},
    },
    pb,
    telnyx::{BlockPatch, Channel, ProfilePatch},
};

/// The id of a profile, and the changes to it.
///
/// # Errors
/// All violations of the mask, and of the fields that it names.
pub fn update_profile(request: pb::UpdateProfileRequest) -> Result<(String, ProfilePatch), Error> {
    let mut violations = Violations::default();
    let paths = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let names = named(&paths, &mut violations);
    let Some(profile) = request.profile else {
        violations.add("profile", "must be given");
        return violations.into_result(None);
    };
    let id = violations.id("profile.id", &profile.id);

    let mut of_fields = Violations::default();
    // A profile is plain data, which always becomes a value.
    let values = serde_json::to_value(write(&profile, &mut of_fields)).unwrap_or_default();
    // What the mask does not name is not looked at.
    let is_named = |field: &str| {
        field.strip_prefix("profile.").is_some_and(|field| names.iter().any(|name| covers(name.ours, field)))
    };
    violations.append(of_fields, is_named);

    let patch = patch(&names, &values, &mut violations);
    violations.into_result(id.map(|id| (id, patch)))
}

/// The fields that `paths` name. `daily_spend_limit` stands for both of its parts.
fn named(paths: &[String], violations: &mut Violations) -> Vec<&'static ProfileField> {
    violations.require(!paths.is_empty(), "update_mask", "must name at least one field");
    let mut names = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let field = format!("update_mask.paths[{index}]");
        let matching = PROFILE_FIELDS.iter().filter(|name| {
            name.ours == path || (path == "daily_spend_limit" && name.ours.starts_with("daily_spend_limit."))
        });
        let found: Vec<_> = matching.collect();
        if found.is_empty() {
            violations.add(field, "must be the path of a field of the profile that can be changed");
        } else if path.starts_with("flashcall.") {
            violations.add(
                field,
                "must be `flashcall`: Telnyx does not give the whole block back, so it is taken whole only",
            );
        } else if paths.iter().enumerate().any(|(other, parent)| other != index && covers(parent, path)) {
            violations.add(field, "must not be named twice, nor within another path of the mask");
        } else {
            names.extend(found);
        }
    }
    names
}

/// Whether `field` is `path` or stands inside it.
fn covers(path: &str, field: &str) -> bool {
    field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn patch(names: &[&ProfileField], values: &Value, violations: &mut Violations) -> ProfilePatch {
    let mut patch = ProfilePatch::default();
    for name in names {
        let value = values.pointer(name.telnyxs).cloned();
        let mut keys = name.telnyxs.trim_start_matches('/').split('/');
        let first = keys.next().unwrap_or_default();
        match (Channel::from_name(first), keys.next()) {
            (None, _) => {
                patch.fields.insert(first.to_owned(), value.unwrap_or_else(|| cleared(name, violations)));
            }
            (Some(channel), None) => match value {
                Some(Value::Object(block)) => patch.blocks.push((channel, BlockPatch::Whole(block))),
                _ => violations.add(format!("profile.{}", name.ours), "must be given: a channel can't be taken away"),
            },
            (Some(channel), Some(key)) => {
                // A null takes the key out of the block.
                keys_of(&mut patch, channel).insert(key.to_owned(), value.unwrap_or(Value::Null));
            }
        }
    }
    patch
}

/// What stands for a field of the profile itself that was named and left empty. Telnyx's document has no null there.
fn cleared(name: &ProfileField, violations: &mut Violations) -> Value {
    let can_be_empty = matches!(name.ours, "language" | "webhook_url" | "webhook_failover_url");
    violations.require(can_be_empty, format!("profile.{}", name.ours), "must be given");
    Value::String(String::new())
}

/// The keys to change in the block of `channel`.
fn keys_of(patch: &mut ProfilePatch, channel: Channel) -> &mut Map<String, Value> {
    let known = patch.blocks.iter().position(|(other, _)| *other == channel);
    let index = known.unwrap_or_else(|| {
        patch.blocks.push((channel, BlockPatch::Keys(Map::new())));
        patch.blocks.len() - 1
    });
    match &mut patch.blocks[index].1 {
        // A mask that names a block and a field of it is refused.
        BlockPatch::Whole(keys) | BlockPatch::Keys(keys) => keys,
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;
    use crate::grpc::translate::contract_path;

    fn update(profile: pb::Profile, paths: &[&str]) -> Result<ProfilePatch, Vec<String>> {
        let profile = Some(pb::Profile { id: "p".into(), ..profile });
        let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
        let result = update_profile(pb::UpdateProfileRequest { profile, update_mask });
        result
            .map(|(_, patch)| patch)
            .map_err(|error| error.violations.iter().map(|one| contract_path(&one.field).into()).collect())
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
        assert_eq!(Value::Object(patch.fields), serde_json::json!({"name": "new"}));
        let [(Channel::Sms, BlockPatch::Keys(keys))] = &patch.blocks[..] else { panic!("one change to one block") };
        assert_eq!(Value::Object(keys.clone()), serde_json::json!({"app_name": "Acme"}));
        let refused = update(profile, &["webhook_url", "sms"]).unwrap_err();
        assert_eq!(refused, ["profile.webhook_url", "profile.sms.code_length"]);
    }

    #[test]
    fn what_is_named_and_empty_is_cleared_or_refused() {
        let patch = update(sms(Default::default()), &["webhook_url", "sms.app_name"]).unwrap();
        assert_eq!(patch.fields["webhook_url"], "");
        let [(_, BlockPatch::Keys(keys))] = &patch.blocks[..] else { panic!("one change to one block") };
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
