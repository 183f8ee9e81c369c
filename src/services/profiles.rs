//! Profiles.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Outcome, Profiles,
    idempotency::{AnswerInfo, Candidates, IdempotentOperation, OperationSpec},
    profile_lock::ProfileLock,
};
use crate::{
    domain::{Allowed, CallContext, Error, Tenant},
    pb::ErrorReason,
    policy,
    telemetry::audit,
    telnyx::{List, Profile, ProfilePatch},
    upstream::{self, Client, Page},
};

/// A profile to create.
pub struct NewProfile {
    /// The caller's name for this operation.
    pub request_id: Option<Uuid>,
    /// Its settings.
    pub profile: Profile,
}

impl Profiles {
    /// Whether the URLs of webhooks may have private hosts.
    #[must_use]
    pub fn private_webhooks(&self) -> bool {
        self.deps.private_webhooks
    }

    /// The URL to which the profiles of `tenant` send their webhooks, if the gateway takes them and knows its own address.
    #[must_use]
    pub fn webhook_url(&self, tenant: &Tenant) -> Option<String> {
        self.deps.webhooks.url(tenant.webhook_token.as_deref())
    }

    /// The same, if profiles get it.
    fn default_webhook_url(&self, tenant: &Tenant) -> Option<String> {
        self.webhook_url(tenant).filter(|_| self.deps.webhooks.set_profile_urls)
    }

    /// Creates a profile, once.
    pub async fn create(&self, context: &CallContext, mut new: NewProfile) -> Result<Outcome<Profile>, Error> {
        if new.profile.webhook_url.is_none() {
            new.profile.webhook_url = self.default_webhook_url(&context.tenant);
        }
        let end = self.creations.run(context, new).await;
        if let Ok(Outcome { answer, origin }) = &end {
            audit::annotate(|subject| {
                subject.profile_id.clone_from(&answer.id);
                subject.outcome = Some(origin.audit_outcome("created"));
            });
        }
        end
    }

    /// Reads a profile.
    pub async fn get(&self, context: &CallContext, id: &str) -> Result<Profile, Error> {
        allow(context, id)?;
        self.deps.upstream.profile(context, id).await
    }

    /// Lists profiles, those called `name` if it is given. A profile that the identity may not use is `None`, so that
    /// the list keeps its length for paging.
    ///
    /// For an identity that may not use all profiles, the gateway compares the names itself: the length of a list that
    /// Telnyx filters tells whether others have this name.
    pub async fn list(
        &self,
        context: &CallContext,
        name: Option<&str>,
        page: Page,
    ) -> Result<List<Option<Profile>>, Error> {
        let allowed = &context.identity.permissions.profiles;
        let (by_telnyx, by_us) = if matches!(allowed, Allowed::Any) { (name, None) } else { (None, name) };
        let list = self.deps.upstream.profiles(context, by_telnyx, page).await?;
        let is_seen = |one: &Profile| {
            one.id.as_deref().is_some_and(|id| allowed.has(id)) && (by_us.is_none() || one.name.as_deref() == by_us)
        };
        Ok(list.map(|one| Some(one).filter(is_seen)))
    }

    /// Changes a profile. Changes of its channel blocks run one after the other.
    pub async fn update(&self, context: &CallContext, id: &str, mut patch: ProfilePatch) -> Result<Profile, Error> {
        allow(context, id)?;
        if let Some(url) = patch.fields.get_mut("webhook_url").filter(|url| url.as_str() == Some(""))
            && let Some(ours) = self.default_webhook_url(&context.tenant)
        {
            *url = ours.into();
        }
        let _lock =
            if patch.blocks.is_empty() { None } else { Some(ProfileLock::acquire(&self.deps, context, id).await?) };
        self.deps.upstream.update_profile(context, id, patch).await
    }

    /// Deletes a profile.
    pub async fn delete(&self, context: &CallContext, id: &str) -> Result<(), Error> {
        allow(context, id)?;
        self.deps.upstream.delete_profile(context, id).await
    }
}

/// Records in the audit which profile the call is about, and refuses a profile that the identity may not use.
fn allow(context: &CallContext, id: &str) -> Result<(), Error> {
    audit::annotate(|subject| subject.profile_id = Some(id.to_owned()));
    policy::profile(&context.identity, id)
}

impl NewProfile {
    fn name(&self) -> &str {
        self.profile.name.as_deref().unwrap_or_default()
    }
}

impl IdempotentOperation for NewProfile {
    type Answer = Profile;

    const RPC: &'static str = "CreateProfile";
    const OUTCOME_UNKNOWN: ErrorReason = ErrorReason::CreateOutcomeUnknown;

    fn spec(&self, _: &Tenant) -> OperationSpec<'_> {
        OperationSpec {
            request_id: self.request_id,
            body: upstream::to_json(&self.profile),
            target: vec![self.name().as_bytes()],
            timeout_secs: None,
            custom_code: None,
            duplicate_window: None,
        }
    }

    async fn execute(&self, upstream: &Client, call: &CallContext, body: Bytes) -> Result<Profile, Error> {
        upstream.create_profile(call, body).await
    }

    async fn find(&self, upstream: &Client, call: &CallContext, _: Timestamp) -> Result<Candidates<Profile>, Error> {
        let list = upstream.profiles(call, Some(self.name()), Page::LARGEST).await?;
        // The filter of Telnyx may find names that only contain this one. A profile without fields could not be read: it
        // may be any profile.
        Ok(Candidates::new(list, |profile| {
            profile.name.as_ref().map_or(profile.id.is_none(), |name| name == self.name())
        }))
    }

    fn describe(profile: &Profile) -> AnswerInfo<'_> {
        AnswerInfo {
            id: profile.id.as_deref(),
            created: profile.created_at.map(|time| time.0),
            ..AnswerInfo::default()
        }
    }
}
