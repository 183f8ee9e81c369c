//! Templates.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Outcome, Templates,
    idempotency::{AnswerInfo, Candidates, IdempotentOperation, OperationSpec},
};
use crate::{
    domain::{CallContext, Error, Tenant},
    pb::ErrorReason,
    telemetry::audit,
    telnyx::{Template, TemplateText},
    upstream::{self, Client},
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
    pub async fn create(&self, context: &CallContext, new: NewTemplate) -> Result<Outcome<Template>, Error> {
        let end = self.creations.run(context, new).await;
        if let Ok(Outcome { answer, origin }) = &end {
            audit::annotate(|subject| {
                subject.template_id.clone_from(&answer.id);
                subject.outcome = Some(origin.audit_outcome("created"));
            });
        }
        end
    }

    /// Lists all templates: Telnyx does not page them.
    pub async fn list(&self, context: &CallContext) -> Result<Vec<Template>, Error> {
        Ok(self.upstream.templates(context).await?.data.into_iter().filter(|one| one.id.is_some()).collect())
    }

    /// Changes the text of a template.
    pub async fn update(&self, context: &CallContext, id: &str, text: &str) -> Result<Template, Error> {
        audit::annotate(|subject| subject.template_id = Some(id.to_owned()));
        self.upstream.update_template(context, id, text).await
    }
}

impl IdempotentOperation for NewTemplate {
    type Answer = Template;

    const RPC: &'static str = "CreateTemplate";
    const OUTCOME_UNKNOWN: ErrorReason = ErrorReason::CreateOutcomeUnknown;
    const HAS_CREATION_TIME: bool = false;

    fn spec(&self, _: &Tenant) -> OperationSpec<'_> {
        OperationSpec {
            request_id: self.request_id,
            body: upstream::to_json(&TemplateText { text: &self.text }),
            target: vec![self.text.as_bytes()],
            timeout_secs: None,
            custom_code: None,
            duplicate_window: None,
        }
    }

    async fn execute(&self, upstream: &Client, call: &CallContext, body: Bytes) -> Result<Template, Error> {
        upstream.create_template(call, body).await
    }

    /// Templates with the same text. Telnyx lists all templates at once.
    async fn find(&self, upstream: &Client, call: &CallContext, _: Timestamp) -> Result<Candidates<Template>, Error> {
        let list = upstream.templates(call).await?;
        // One without fields could not be read: it may be any template.
        Ok(Candidates::new(list, |one| one.text.as_ref().map_or(one.id.is_none(), |text| *text == self.text)))
    }

    fn describe(template: &Template) -> AnswerInfo<'_> {
        AnswerInfo { id: template.id.as_deref(), ..AnswerInfo::default() }
    }
}
