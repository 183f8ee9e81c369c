//! The calls of the Verify API. The errors of each are those that the RPC of the same name documents.

#![expect(clippy::missing_errors_doc, reason = "the contract documents them")]

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{Client, Page, classify, operation::Operation};
use crate::{
    domain::{CallContext, Error, PhoneNumber, VerificationRef},
    secret::Secret,
    telnyx::{
        Block, Channel, CheckRequest, CheckResponse, List, Profile, ProfilePatch, ResponseCode, Route, Template,
        TemplateText, Verification,
    },
};

impl Client {
    /// Starts a verification with a `SendRequest`. It is not repeated once it may have left.
    pub async fn send(
        &self,
        context: &CallContext,
        channel: Channel,
        profile_id: &str,
        body: Bytes,
    ) -> Result<Verification, Error> {
        let operation = Operation::Send(channel);
        let uri = self.0.send_uris[channel as usize].clone();
        self.one(context, operation, profile_id, uri, body).await
    }

    /// Reads a verification.
    pub async fn verification(&self, context: &CallContext, id: &str) -> Result<Verification, Error> {
        let uri = self.uri(Route::Verification(id));
        let read: Verification = self.one(context, Operation::GetVerification, id, uri, Bytes::new()).await?;
        Ok(Verification { id: read.id.or_else(|| Some(id.to_owned())), ..read })
    }

    /// Lists the verifications of a phone number. Telnyx documents no paging here and may ignore `page`.
    pub async fn verifications(
        &self,
        context: &CallContext,
        phone: &PhoneNumber,
        page: Page,
    ) -> Result<List<Verification>, Error> {
        let uri = self.uri(format_args!("{}{}", Route::ByPhone(phone.as_e164()), page.query(None)));
        self.list(context, Operation::ListVerifications, uri).await
    }

    /// Checks a code. It is not repeated once it may have left.
    pub async fn check(
        &self,
        context: &CallContext,
        target: &VerificationRef,
        code: &Secret,
    ) -> Result<CheckResponse, Error> {
        let mut body = CheckRequest { code: Some(code.expose()), ..CheckRequest::default() };
        let (operation, id, route) = match target {
            VerificationRef::Id(id) => (Operation::Check, id.as_str(), Route::Check(id)),
            VerificationRef::PhoneNumber { phone_number, profile_id } => {
                body.verify_profile_id = Some(profile_id);
                (Operation::CheckByPhone, "", Route::CheckByPhone(phone_number.as_e164()))
            }
        };
        self.one(context, operation, id, self.uri(route), to_json(&body)).await
    }

    /// Reports a check that the caller made. It is not repeated once it may have left.
    pub async fn report(&self, context: &CallContext, id: &str, status: ResponseCode) -> Result<CheckResponse, Error> {
        let body = CheckRequest { status: Some(status), ..CheckRequest::default() };
        self.one(context, Operation::Check, id, self.uri(Route::Check(id)), to_json(&body)).await
    }

    /// Lists profiles, or only those with this `name`.
    pub async fn profiles(
        &self,
        context: &CallContext,
        name: Option<&str>,
        page: Page,
    ) -> Result<List<Profile>, Error> {
        let uri = self.uri(format_args!("{}{}", Route::Profiles, page.query(name)));
        self.list(context, Operation::ListProfiles, uri).await
    }

    /// Creates a profile from a `Profile`. It is not repeated once it may have left.
    pub async fn create_profile(&self, context: &CallContext, body: Bytes) -> Result<Profile, Error> {
        self.one(context, Operation::CreateProfile, "", self.uri(Route::Profiles), body).await
    }

    /// Reads a profile.
    pub async fn profile(&self, context: &CallContext, id: &str) -> Result<Profile, Error> {
        let uri = self.uri(Route::Profile(id));
        let read: Profile = self.one(context, Operation::GetProfile, id, uri, Bytes::new()).await?;
        Ok(Profile { id: read.id.or_else(|| Some(id.to_owned())), ..read })
    }

    /// A profile as it was within the last minute. The gateway reads it for itself: a read spends from the retry budget.
    pub async fn known_profile(&self, context: &CallContext, id: &str) -> Result<Arc<Profile>, Error> {
        let internal = context.internal();
        self.0.known_profiles.get(context, id, self.profile(&internal, id)).await
    }

    /// Changes a profile. A change inside a channel block reads the profile first and writes the whole block.
    pub async fn update_profile(&self, context: &CallContext, id: &str, patch: ProfilePatch) -> Result<Profile, Error> {
        let uri = self.uri(Route::Profile(id));
        let current = if patch.needs_current() {
            self.one(context, Operation::GetProfile, id, uri.clone(), Bytes::new()).await?
        } else {
            Block::default()
        };
        let body = to_json(&patch.merge(&current));
        let changed = self.one(context, Operation::UpdateProfile, id, uri, body).await;
        // It may have changed even if the answer is lost.
        self.0.known_profiles.forget(context, id);
        let changed: Profile = changed?;
        Ok(Profile { id: changed.id.or_else(|| Some(id.to_owned())), ..changed })
    }

    /// Deletes a profile.
    pub async fn delete_profile(&self, context: &CallContext, id: &str) -> Result<(), Error> {
        let uri = self.uri(Route::Profile(id));
        let deleted = self.call(context, Operation::DeleteProfile, id, uri, Bytes::new(), classify::nothing).await;
        self.0.known_profiles.forget(context, id);
        deleted.map(drop)
    }

    /// Lists all templates. Telnyx does not page them.
    pub async fn templates(&self, context: &CallContext) -> Result<List<Template>, Error> {
        self.list(context, Operation::ListTemplates, self.uri(Route::Templates)).await
    }

    /// Creates a template from a `TemplateText`. It is not repeated once it may have left.
    pub async fn create_template(&self, context: &CallContext, body: Bytes) -> Result<Template, Error> {
        let uri = self.uri(Route::Templates);
        self.one(context, Operation::CreateTemplate, "", uri, body).await
    }

    /// Changes a template's text.
    pub async fn update_template(&self, context: &CallContext, id: &str, text: &str) -> Result<Template, Error> {
        let uri = self.uri(Route::Template(id));
        let body = to_json(&TemplateText { text });
        let changed: Template = self.one(context, Operation::UpdateTemplate, id, uri, body).await?;
        Ok(Template { id: changed.id.or_else(|| Some(id.to_owned())), ..changed })
    }
}

/// A request's body as JSON.
///
/// # Panics
/// If `body` has a map whose keys are not strings.
#[must_use]
pub fn to_json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("bodies are plain data with string keys").into()
}
