//! The variable part of a path.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use super::{error::Error, handle::Handle};

/// An id, a channel's name or a phone number in a path, percent-decoded.
pub(super) struct Segment(pub(super) String);

impl FromRequestParts<Handle> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, simulator: &Handle) -> Result<Self, Error> {
        let path = Path::<String>::from_request_parts(parts, simulator).await;
        // It is not text once decoded, and so names nothing.
        path.map(|Path(segment)| Self(segment)).map_err(|_| Error::not_found("resource"))
    }
}
