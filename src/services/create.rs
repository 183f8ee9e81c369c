//! Creating profiles and templates.

use uuid::Uuid;

use super::{
    Answered, Profiles, Templates,
    once::{Found, Intent, Seek},
};
use crate::{
    domain::{CallContext, Error},
    pb::ErrorReason,
    telemetry::audit,
    telnyx::{Profile, Template},
    upstream::{Client, Page},
};

/// A profile to create.
pub struct NewProfile {
    /// The caller's name for this intent.
    pub request_id: Option<Uuid>,
    /// What it consists of.
    pub profile: Profile,
}

/// A template to create.
pub struct NewTemplate {
    /// The caller's name for this intent.
    pub request_id: Option<Uuid>,
    /// What it consists of.
    pub text: String,
}

/// As many profiles as Telnyx gives at once.
const FIRST: Page = Page { number: 1, size: 250 };

impl Profiles {
    /// Creates a profile, once.
    ///
    /// # Errors
    /// As `CreateProfile` documents them.
    pub async fn create(&self, context: &CallContext, new: NewProfile) -> Result<Answered<Profile>, Error> {
        let end = self.0.run(context, new).await;
        if let Ok(Answered { answer, origin }) = &end {
            audit::about(|subject| {
                subject.profile_id.clone_from(&answer.id);
                subject.outcome = Some(origin.outcome("created"));
            });
        }
        end
    }
}

impl Templates {
    /// Creates a template, once.
    ///
    /// # Errors
    /// As `CreateTemplate` documents them.
    pub async fn create(&self, context: &CallContext, new: NewTemplate) -> Result<Answered<Template>, Error> {
        let end = self.0.run(context, new).await;
        if let Ok(Answered { answer, origin }) = &end {
            audit::about(|subject| {
                subject.template_id.clone_from(&answer.id);
                subject.outcome = Some(origin.outcome("created"));
            });
        }
        end
    }
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

impl NewTemplate {
    /// All templates with this text. Telnyx does not page them.
    async fn alike(&self, upstream: &Client, context: &CallContext) -> Result<impl Iterator<Item = Template>, Error> {
        let templates = upstream.templates(context).await?;
        Ok(templates.into_iter().filter(|template| template.text.as_deref() == Some(&self.text)))
    }
}

impl Intent for NewTemplate {
    type Answer = Template;

    const RPC: &'static str = "CreateTemplate";
    const IN_DOUBT: ErrorReason = ErrorReason::CreateOutcomeUnknown;

    fn request_id(&self) -> Option<Uuid> {
        self.request_id
    }

    fn content(&self) -> Vec<u8> {
        self.text.clone().into_bytes()
    }

    fn target(&self) -> Vec<&[u8]> {
        vec![self.text.as_bytes()]
    }

    /// Templates don't tell when they were created.
    async fn before(&self, upstream: &Client, context: &CallContext) -> Result<Vec<String>, Error> {
        Ok(self.alike(upstream, context).await?.filter_map(|template| template.id).collect())
    }

    async fn perform(&self, upstream: &Client, context: &CallContext) -> Result<Template, Error> {
        upstream.create_template(context, &self.text).await
    }

    async fn look(&self, upstream: &Client, context: &CallContext, seek: &Seek<'_>) -> Result<Found<Template>, Error> {
        let mut new = self.alike(upstream, context).await?;
        let found = new.find(|template| template.id.as_deref().is_some_and(|id| !seek.is_known(id)));
        Ok(found.map_or(Found::Nothing, Found::This))
    }

    fn id(template: &Template) -> Option<&str> {
        template.id.as_deref()
    }

    fn stored(template: &Template) -> Template {
        template.clone()
    }

    fn restored(&self, template: Template) -> Template {
        template
    }
}
