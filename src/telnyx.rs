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

/// The envelope of a list. A list without pages (the templates) has no `meta`.
#[derive(Deserialize, Serialize)]
pub struct List<T> {
    /// The resources of this page.
    pub data: Vec<T>,
    /// The position of this page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<PageMeta>,
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
