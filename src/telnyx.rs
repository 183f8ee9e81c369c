//! The contract of the Telnyx Verify REST API: routes, bodies and errors. The client and the simulator share it.
//!
//! Written bodies follow Telnyx's published OpenAPI document (2026-07-16). Reading is lenient: unknown keys are ignored,
//! every field may be missing or null, a scalar may have another JSON type, and no enum is closed. `docs/TELNYX.md` lists
//! where the sources disagree, and which one the gateway follows.

mod error;
pub mod lenient;
mod profile;
mod route;
mod template;
mod time;
mod verification;
mod webhook;
mod words;

pub use self::{
    error::{ErrorBody, ErrorItem, ErrorMeta, ErrorSource, code},
    profile::{Amount, Block, BlockPatch, ChannelBlock, Profile, ProfilePatch},
    route::{Route, pattern},
    template::{Template, TemplateText},
    time::Time,
    verification::{Channel, CheckRequest, CheckResponse, SendRequest, Verification},
    webhook::{DeliveryStatus, WebhookEvent, WebhookPayload},
    words::{ResponseCode, VerificationStatus},
};

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// The envelope of a single resource.
#[derive(Serialize)]
pub struct Data<T> {
    /// The resource.
    pub data: T,
}

/// The envelope of a list. A list without pages (the templates) has no `meta`.
#[derive(Serialize)]
pub struct List<T> {
    /// The resources of this page.
    pub data: Vec<T>,
    /// The position of this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<PageMeta>,
}

/// Both envelopes, as they are read.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default, deserialize_with = "lenient::object")]
    meta: Option<PageMeta>,
}

/// The text of a body, which may begin with a byte order mark.
fn text(body: &[u8]) -> Cow<'_, str> {
    lenient::body_text(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
}

impl<T: DeserializeOwned> Data<T> {
    /// Reads the resource in `body`; none if there is no object.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<T> {
        lenient::read_object(lenient::read_object::<Envelope<'_>>(&text(body))?.data.get())
    }

    /// The same, and whether the resource has a text that is not empty in its `member`.
    #[must_use]
    pub fn read_with(body: &[u8], member: &str) -> Option<(T, bool)> {
        lenient::read_object_with(lenient::read_object::<Envelope<'_>>(&text(body))?.data.get(), member)
    }
}

impl<T: DeserializeOwned + Default> List<T> {
    /// Reads the list in `body`, and the number of its elements that can't be read. Each of those reads as a resource
    /// without fields, so that the list keeps its length. None if there is no list.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<(Self, usize)> {
        let text = text(body);
        let Envelope { data, meta } = lenient::read_object(&text)?;
        let elements = lenient::read_list(data.get())?;
        let unreadable = elements.iter().filter(|element| element.is_none()).count();
        let data = elements.into_iter().map(Option::unwrap_or_default).collect();
        Some((Self { data, meta }, unreadable))
    }
}

impl<T> List<T> {
    /// The same list with each resource replaced.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> List<U> {
        List { data: self.data.into_iter().map(change).collect(), meta: self.meta }
    }
}

/// The position of a page. Pages count from 1.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct PageMeta {
    /// The number of this page.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub page_number: Option<u64>,
    /// The number of resources per page.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub page_size: Option<u64>,
    /// The number of pages.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub total_pages: Option<u64>,
    /// The number of resources on all pages.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub total_results: Option<u64>,
}
