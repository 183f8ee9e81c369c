//! What is known of a verification.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{event::VerificationEvent, progress::VerificationProgress};
use crate::{domain::Country, store::Digest, telnyx::Channel};

/// How many events of one verification are known. There are less than ten, and those of wrong codes.
const MAX_EVENTS: usize = 64;

/// What an event changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventEffect {
    /// The verification has come further.
    Progress,
    /// It is new, and the verification stays where it is.
    None,
    /// It is new, and the verification had come further already.
    Late,
    /// The same event was recorded before.
    Repeated,
}

/// What is known of a verification.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct KnownEvents {
    marks: BTreeSet<Digest>,
    pub(super) progress: Option<VerificationProgress>,
    /// Whether the tenant sent it through a gateway of the store.
    pub(super) is_own: bool,
    profile_id: Option<String>,
    channel: Option<Channel>,
    country: Option<Country>,
}

impl KnownEvents {
    pub(super) fn add(&mut self, mark: Digest, progress: Option<VerificationProgress>) -> EventEffect {
        if self.marks.len() >= MAX_EVENTS || !self.marks.insert(mark) {
            return EventEffect::Repeated;
        }
        self.is_own |= progress == Some(VerificationProgress::Created);
        match progress {
            None | Some(VerificationProgress::CheckRejected) => EventEffect::None,
            Some(progress) if progress.is_beyond(self.progress) => {
                self.progress = Some(progress);
                EventEffect::Progress
            }
            Some(_) => EventEffect::Late,
        }
    }

    /// Adds what earlier events showed of the verification to `event`, and the other way round.
    pub(super) fn complete(&mut self, event: &mut VerificationEvent) {
        self.profile_id = self.profile_id.take().or_else(|| event.profile_id.clone());
        self.channel = self.channel.or(event.channel);
        self.country = self.country.or(event.country);
        event.profile_id.clone_from(&self.profile_id);
        event.channel = self.channel;
        event.country = self.country;
    }
}
