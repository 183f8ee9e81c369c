//! The client of the Telnyx Verify API.

use crate::{
    domain::{Error, PhoneNumber},
    telnyx::{Channel, CheckAnswer, CheckRequest, List, Profile, ProfilePatch, SendRequest, Template, Verification},
    tenant::Context,
};

/// The client of the Telnyx Verify API. Cloning is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Client;

/// A page of a list. Pages count from 1.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Which page.
    pub number: u32,
    /// How many resources a page holds.
    pub size: u32,
}

/// Which verification a code belongs to.
#[derive(Clone, Copy)]
pub enum CheckTarget<'a> {
    /// The one with this id.
    Id(&'a str),
    /// The pending one of this number.
    Phone(&'a PhoneNumber),
}

#[expect(clippy::unused_async, clippy::todo, missing_docs, clippy::missing_errors_doc, reason = "stub")]
impl Client {
    pub async fn send(&self, _: &Context, _: Channel, _: &SendRequest<'_>) -> Result<Verification, Error> {
        todo!()
    }
    pub async fn verification(&self, _: &Context, _id: &str) -> Result<Verification, Error> {
        todo!()
    }
    pub async fn verifications(&self, _: &Context, _: &PhoneNumber, _: Page) -> Result<List<Verification>, Error> {
        todo!()
    }
    pub async fn check(&self, _: &Context, _: CheckTarget<'_>, _: &CheckRequest<'_>) -> Result<CheckAnswer, Error> {
        todo!()
    }
    pub async fn profiles(&self, _: &Context, _name: Option<&str>, _: Page) -> Result<List<Profile>, Error> {
        todo!()
    }
    pub async fn create_profile(&self, _: &Context, _: &Profile) -> Result<Profile, Error> {
        todo!()
    }
    pub async fn profile(&self, _: &Context, _id: &str) -> Result<Profile, Error> {
        todo!()
    }
    pub async fn update_profile(&self, _: &Context, _id: &str, _: ProfilePatch) -> Result<Profile, Error> {
        todo!()
    }
    pub async fn delete_profile(&self, _: &Context, _id: &str) -> Result<(), Error> {
        todo!()
    }
    pub async fn templates(&self, _: &Context) -> Result<Vec<Template>, Error> {
        todo!()
    }
    pub async fn create_template(&self, _: &Context, _text: &str) -> Result<Template, Error> {
        todo!()
    }
    pub async fn update_template(&self, _: &Context, _id: &str, _text: &str) -> Result<Template, Error> {
        todo!()
    }
}
