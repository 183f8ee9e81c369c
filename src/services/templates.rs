//! Templates.

use uuid::Uuid;

use super::{
    Outcome, Templates,
    once::{Found, Intent, Seek},
};
use crate::{
    domain::{CallContext, Error},
    pb::ErrorReason,
    telemetry::audit,
    telnyx::Template,
    upstream::Client,
};

/// A template to create.
pub struct NewTemplate {
    /// The caller's name for this operation.
    pub request_id: Option<Uuid>,
    /// Its text.
    pub text: String,
}

impl Templates {
    /// Creates a template, once.
    ///
    /// # Errors
    /// As `CreateTemplate` documents them.
    pub async fn create(&self, context: &CallContext, new: NewTemplate) -> Result<Outcome<Template>, Error> {
        let end = self.creations.run(context, new).await;
        if let Ok(Outcome { answer, origin }) = &end {
            audit::annotate(|subject| {
                subject.template_id.clone_from(&answer.id);
                subject.outcome = Some(origin.outcome("created"));
            });
        }
        end
    }

    /// Lists all templates: Telnyx does not page them.
    ///
    /// # Errors
    /// As `ListTemplates` documents them.
    pub async fn list(&self, context: &CallContext) -> Result<Vec<Template>, Error> {
        self.upstream.templates(context).await
    }

    /// Changes the text of a template.
    ///
    /// # Errors
    /// As `UpdateTemplate` documents them.
    pub async fn update(&self, context: &CallContext, id: &str, text: &str) -> Result<Template, Error> {
        audit::annotate(|subject| subject.template_id = Some(id.to_owned()));
        self.upstream.update_template(context, id, text).await
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
