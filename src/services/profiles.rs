//! Profiles.

use uuid::Uuid;

use super::{
    Outcome, Profiles,
    once::{Found, Intent, Seek},
};
use crate::{
    domain::{CallContext, Error},
    pb::ErrorReason,
    policy,
    telemetry::audit,
    telnyx::{List, Profile, ProfilePatch},
    upstream::{Client, Page},
};

/// A profile to create.
pub struct NewProfile {
    /// The caller's name for this operation.
    pub request_id: Option<Uuid>,
    /// Its settings.
    pub profile: Profile,
}

/// As many profiles as Telnyx gives at once.
const FIRST: Page = Page { number: 1, size: 250 };

impl Profiles {
    /// Creates a profile, once.
    ///
    /// # Errors
    /// As `CreateProfile` documents them.
    pub async fn create(&self, context: &CallContext, new: NewProfile) -> Result<Outcome<Profile>, Error> {
        let end = self.creations.run(context, new).await;
        if let Ok(Outcome { answer, origin }) = &end {
            audit::annotate(|subject| {
                subject.profile_id.clone_from(&answer.id);
                subject.outcome = Some(origin.outcome("created"));
            });
        }
        end
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// As `GetProfile` documents them.
    pub async fn get(&self, context: &CallContext, id: &str) -> Result<Profile, Error> {
        allow(context, id)?;
        self.upstream.profile(context, id).await
    }

    /// Lists profiles, those called `name` if it is given. A profile that the identity may not use is `None`, so that
    /// the list keeps its length for paging.
    ///
    /// # Errors
    /// As `ListProfiles` documents them.
    pub async fn list(
        &self,
        context: &CallContext,
        name: Option<&str>,
        page: Page,
    ) -> Result<List<Option<Profile>>, Error> {
        let list = self.upstream.profiles(context, name, page).await?;
        let allowed = &context.identity.permissions.profiles;
        Ok(list.map(|one| Some(one).filter(|one| allowed.has(one.id.as_deref().unwrap_or_default()))))
    }

    /// Changes a profile.
    ///
    /// # Errors
    /// As `UpdateProfile` documents them.
    pub async fn update(&self, context: &CallContext, id: &str, patch: ProfilePatch) -> Result<Profile, Error> {
        allow(context, id)?;
        self.upstream.update_profile(context, id, patch).await
    }

    /// Deletes a profile.
    ///
    /// # Errors
    /// As `DeleteProfile` documents them.
    pub async fn delete(&self, context: &CallContext, id: &str) -> Result<(), Error> {
        allow(context, id)?;
        self.upstream.delete_profile(context, id).await
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

impl Intent for NewProfile {
    type Answer = Profile;

    const RPC: &'static str = "CreateProfile";
    const IN_DOUBT: ErrorReason = ErrorReason::CreateOutcomeUnknown;

    fn request_id(&self) -> Option<Uuid> {
        self.request_id
    }

    fn content(&self) -> Vec<u8> {
        serde_json::to_vec(&self.profile).expect("bodies are plain data with string keys")
    }

    fn target(&self) -> Vec<&[u8]> {
        vec![self.name().as_bytes()]
    }

    async fn perform(&self, upstream: &Client, context: &CallContext) -> Result<Profile, Error> {
        upstream.create_profile(context, &self.profile).await
    }

    async fn look(&self, upstream: &Client, context: &CallContext, seek: &Seek<'_>) -> Result<Found<Profile>, Error> {
        let list = upstream.profiles(context, Some(self.name()), FIRST).await?;
        let is_whole = list.meta.and_then(|meta| meta.total_results).is_none_or(|all| all <= list.data.len() as u64);
        // The filter may find names that only contain this one.
        let candidates = list.data.into_iter().filter(|profile| profile.name.as_deref() == Some(self.name()));
        Ok(seek.pick::<Self>(candidates, is_whole, |one| one.created_at.map(|time| time.0)))
    }

    fn id(profile: &Profile) -> Option<&str> {
        profile.id.as_deref()
    }

    fn stored(profile: &Profile) -> Profile {
        profile.clone()
    }

    fn restored(&self, profile: Profile) -> Profile {
        profile
    }
}
