//! The contract of the Telnyx Verify REST API: routes, bodies and errors, as both the client and the simulator see them.
//!
//! What is written follows Telnyx's published OpenAPI document (2026-07-16). What is read is taken as it comes: unknown
//! keys are ignored, every field may be missing or null, scalars may come in another JSON type, and no enum is closed.
//! `docs/TELNYX.md` says where the sources disagree and which one is followed.

mod error;
pub mod lenient;
mod profile;
mod route;
mod template;
mod time;
mod verification;
mod words;

pub use self::{
    error::{ErrorBody, ErrorItem, ErrorMeta, ErrorSource, code},
    profile::{Amount, BlockPatch, ChannelBlock, Profile, ProfilePatch},
    route::{Route, pattern},
    template::{Template, TemplateText},
    time::Time,
    verification::{Channel, CheckRequest, CheckResponse, SendRequest, Verification},
    words::{ResponseCode, VerificationStatus},
};

use serde::{Deserialize, Serialize};

/// The envelope of a single resource.
#[derive(Deserialize, Serialize)]
pub struct Data<T> {
    /// The resource.
    pub data: T,
}

/// The envelope of a list. Lists that are not paged (the templates) come without `meta`.
#[derive(Deserialize, Serialize)]
pub struct List<T> {
    /// The resources of this page.
    pub data: Vec<T>,
    /// Where this page stands among the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<PageMeta>,
}

impl<T> List<T> {
    /// The same list with each resource replaced.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> List<U> {
        List { data: self.data.into_iter().map(change).collect(), meta: self.meta }
    }
}

/// Where a page stands among the others. Pages count from 1.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct PageMeta {
    /// The number of this page.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub page_number: Option<u64>,
    /// How many resources a page holds.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub page_size: Option<u64>,
    /// How many pages there are.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub total_pages: Option<u64>,
    /// How many resources there are on all pages.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub total_results: Option<u64>,
}
