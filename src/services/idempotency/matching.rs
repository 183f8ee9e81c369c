//! Which resource at Telnyx comes from which dispatch. Pure: no clock, no I/O.
//!
//! A dispatch is matched by exclusion, never by age: a resource is its own only if it shows everything that the request
//! asked for, was created in its time, and can come from no other operation.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Digest;

/// What Telnyx echoes of an operation, and operations at one target can differ in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Echo {
    pub(super) timeout_secs: Option<u64>,
    /// A keyed hash of the custom code.
    pub(super) custom_code: Option<Digest>,
}

/// A resource that Telnyx lists.
pub(super) struct ListedResource<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) created: Option<Timestamp>,
    pub(super) echo: Echo,
    /// Whether it lacks a property that all resources of its target share.
    pub(super) is_partial: bool,
}

/// What the resource of a dispatch must show.
pub(super) struct Expectation<'a> {
    pub(super) echo: &'a Echo,
    /// Whether the timeout tells it from all other dispatches.
    pub(super) is_distinct: bool,
    /// Whether the operation has a request ID: its repetition dispatches again what it does not find.
    pub(super) is_repeatable: bool,
    /// When Telnyx can have created its resource.
    pub(super) window: RangeInclusive<Timestamp>,
    /// The IDs that existed before it, where resources have no creation time. Else none.
    pub(super) preexisting: Option<&'a [String]>,
}

/// What the resources say of a dispatch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It made the resource with this index.
    Found(usize),
    /// It made none.
    None,
    /// It may have made one.
    Unknown,
}

/// Whether a resource meets an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    /// The resource lacks a property that would decide it.
    Unclear,
    Yes,
}

impl Expectation<'_> {
    /// The worst of all comparisons counts.
    fn fit(&self, resource: &ListedResource<'_>) -> Fit {
        let is_in_time = match (self.preexisting, resource.created) {
            (Some(before), _) => Fit::of(!resource.id.is_some_and(|id| before.iter().any(|other| other == id))),
            (None, Some(created)) => Fit::of(self.window.contains(&created)),
            (None, None) => Fit::Unclear,
        };
        // Without a timeout in the request, the profile decides.
        let timeout = match (self.echo.timeout_secs, resource.echo.timeout_secs) {
            (None, _) => Fit::Yes,
            (Some(_), None) => Fit::Unclear,
            (Some(sent), Some(shown)) => Fit::of(sent == shown),
        };
        let custom_code = match (&self.echo.custom_code, &resource.echo.custom_code) {
            (Some(_), None) => Fit::Unclear,
            (sent, shown) => Fit::of(sent == shown),
        };
        let known = if resource.is_partial || resource.id.is_none() { Fit::Unclear } else { Fit::Yes };
        is_in_time.min(timeout).min(custom_code).min(known)
    }

    /// Whether the resource has the timeout that no other dispatch has, and nothing speaks against it.
    fn has_timeout_of(&self, resource: &ListedResource<'_>) -> bool {
        let is_same = self.is_distinct && self.echo.timeout_secs == resource.echo.timeout_secs;
        is_same && self.fit(resource) > Fit::No
    }
}

impl Fit {
    const fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// Decides which of the `resources`, that no other operation has claimed, comes from `dispatch`. `others` are the other
/// unresolved dispatches. Also returns how many resources only `dispatch` can have made.
///
/// `is_over` says that nothing of any dispatch can take effect any more and that all resources are listed: then a dispatch
/// without resource had no effect, and of equal dispatches any one may take an equal resource. Those that are repeatable
/// come first, so that no message is sent again.
pub(super) fn find(
    dispatch: &Expectation<'_>,
    others: &[Expectation<'_>],
    resources: &[ListedResource<'_>],
    is_over: bool,
) -> (Match, usize) {
    let (mut own, mut contested, mut is_unclear) = (Vec::new(), Vec::new(), false);
    for (index, resource) in resources.iter().enumerate() {
        if others.iter().any(|other| other.has_timeout_of(resource)) {
            continue;
        }
        match dispatch.fit(resource) {
            Fit::No => {}
            Fit::Unclear => is_unclear = true,
            Fit::Yes if dispatch.is_distinct => own.push(index),
            Fit::Yes => {
                let mut rivals = others.iter().filter(|other| other.fit(resource) > Fit::No).peekable();
                if rivals.peek().is_none() {
                    own.push(index);
                } else if dispatch.is_repeatable || !rivals.any(|other| other.is_repeatable) {
                    contested.push(index);
                } else {
                    is_unclear = true;
                }
            }
        }
    }
    let found = match (&*own, &*contested) {
        ([one], _) => Match::Found(*one),
        ([], [one, ..]) if is_over => Match::Found(*one),
        ([], []) if is_over && !is_unclear => Match::None,
        _ => Match::Unknown,
    };
    (found, own.len())
}

#[cfg(test)]
mod tests;
