//! The verifications of a phone number, as far as a dispatch needs to know them.

use std::collections::HashSet;

use jiff::Timestamp;

use super::super::idempotency::Candidates;
use crate::{
    domain::{CallContext, Error, PhoneNumber},
    pb::ErrorReason,
    telnyx::{List, Verification},
    upstream::{Client, Page},
};

/// How many pages are read at most: 5,000 verifications of one number.
const MAX_PAGES: u32 = 20;

/// What the pages so far hold.
#[derive(Default)]
struct Listing {
    verifications: Vec<Verification>,
    ids: HashSet<String>,
}

/// What a page means for the next one.
enum Progress {
    /// Nothing that matters is missing.
    Complete,
    /// The next page may have more.
    More,
    /// The page repeats earlier ones, so the rest can't be read.
    Stuck,
}

/// Lists the verifications of `phone_number` that were created `since` then, and maybe older ones.
pub(in crate::services) async fn read(
    upstream: &Client,
    call: &CallContext,
    phone_number: &PhoneNumber,
    since: Timestamp,
) -> Result<Candidates<Verification>, Error> {
    let mut listing = Listing::default();
    for number in 1..=MAX_PAGES {
        let page = match upstream.verifications(call, phone_number, Page { number, ..Page::LARGEST }).await {
            // A number without verifications, or a page after the last one (reference: §17).
            Err(error) if error.reason == ErrorReason::VerificationNotFound => List { data: Vec::new(), meta: None },
            page => page?,
        };
        match listing.add(page, since) {
            Progress::Complete => return Ok(Candidates { answers: listing.verifications, is_complete: true }),
            Progress::More => {}
            Progress::Stuck => break,
        }
    }
    Ok(Candidates { answers: listing.verifications, is_complete: false })
}

impl Listing {
    fn add(&mut self, page: List<Verification>, since: Timestamp) -> Progress {
        let (count, before) = (page.data.len(), self.ids.len());
        let total = page.meta.and_then(|meta| meta.total_results);
        for verification in page.data {
            // A verification without ID is kept: it makes the result unclear.
            if verification.id.as_ref().is_none_or(|id| self.ids.insert(id.clone())) {
                self.verifications.push(verification);
            }
        }
        let is_last = match total {
            Some(total) => self.verifications.len() as u64 >= total,
            None => count < Page::LARGEST.size as usize,
        };
        if is_last || self.is_past(since) {
            return Progress::Complete;
        }
        if self.ids.len() > before { Progress::More } else { Progress::Stuck }
    }

    /// Whether the list is ordered newest first, which Telnyx does not promise, and has come to older verifications.
    fn is_past(&self, since: Timestamp) -> bool {
        let created: Option<Vec<_>> = self.verifications.iter().map(|one| Some(one.created_at?.0)).collect();
        created.is_some_and(|created| {
            let is_ordered = created.is_sorted_by(|newer, older| newer >= older) && created.first() > created.last();
            is_ordered && created.last().is_some_and(|oldest| *oldest < since)
        })
    }
}
