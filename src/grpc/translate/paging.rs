//! Pages (AIP-158) over an upstream that counts pages.
//!
//! A token holds the offset of its page, so that the page size may change in between. Telnyx is asked for the largest page
//! that begins at the offset and is not larger than the requested one, so a page may be smaller than requested.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Violations;
use crate::{
    domain::TenantId,
    telnyx::{self, PageMeta},
    upstream::Page,
};

/// The default page size, as Telnyx's.
const DEFAULT_SIZE: u32 = 25;
/// The largest page size. Telnyx publishes none for these lists. Its platform names one near this.
const MAX_SIZE: u32 = 250;
/// The first byte of a token, for changes of its format.
const VERSION: u8 = 1;

/// A page that a caller requests.
#[derive(Clone, Copy)]
pub struct PageRequest {
    /// The hash of the list that the token belongs to.
    scope: [u8; 32],
    offset: u32,
    size: u32,
}

/// A page of a list.
#[derive(Debug)]
pub struct ListPage<T> {
    /// The elements.
    pub items: Vec<T>,
    /// The token of the next page; empty on the last one.
    pub next_page_token: String,
    /// The number of elements on all pages.
    pub total_size: i32,
}

impl Violations {
    /// Reads `page_size` and `page_token` of the `list` of a tenant, with the filter of the request.
    pub(super) fn page(
        &mut self,
        list: &str,
        tenant: &TenantId,
        filter: &str,
        page_size: i32,
        page_token: &str,
    ) -> PageRequest {
        self.require(page_size >= 0, "page_size", "must be 0 or more");
        let size = match u32::try_from(page_size) {
            Ok(0) | Err(_) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
        };
        let scope = hash(&[list.as_bytes(), &[0], tenant.as_str().as_bytes(), &[0], filter.as_bytes()]);
        let first = PageRequest { scope, offset: 0, size };
        if page_token.is_empty() {
            return first;
        }
        first.resume(page_token).unwrap_or_else(|| {
            self.add("page_token", "must be the next_page_token of the same list, unchanged");
            first
        })
    }
}

impl PageRequest {
    /// The page to request from Telnyx.
    #[must_use]
    pub fn upstream_page(self) -> Page {
        let size = (1..=self.size).rev().find(|size| self.offset.is_multiple_of(*size)).unwrap_or(1);
        Page { number: self.offset / size + 1, size }
    }

    /// The page in Telnyx's response to [`Self::upstream_page`].
    #[must_use]
    pub fn page_of<T>(self, list: telnyx::List<T>) -> ListPage<T> {
        let meta = list.meta.unwrap_or_default();
        if is_page(self.upstream_page(), meta, list.data.len()) {
            let seen = u64::from(self.offset) + list.data.len() as u64;
            self.respond(list.data, meta.total_results.unwrap_or(seen))
        } else {
            self.page_of_all(list.data)
        }
    }

    /// The page of a list that is complete.
    #[must_use]
    pub fn page_of_all<T>(self, all: Vec<T>) -> ListPage<T> {
        let total = all.len() as u64;
        let items = all.into_iter().skip(self.offset as usize).take(self.size as usize).collect();
        self.respond(items, total)
    }

    fn respond<T>(self, items: Vec<T>, total: u64) -> ListPage<T> {
        let next = u32::try_from(items.len()).ok().and_then(|count| self.offset.checked_add(count));
        // The token of an empty page would lead to itself.
        let next = next.filter(|next| !items.is_empty() && u64::from(*next) < total);
        ListPage {
            items,
            next_page_token: next.map(|offset| Self { offset, ..self }.token()).unwrap_or_default(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }

    fn token(self) -> String {
        URL_SAFE_NO_PAD.encode([&[VERSION][..], &self.offset.to_be_bytes(), &self.seal()].concat())
    }

    fn resume(self, token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (offset, seal) = rest.split_first_chunk()?;
        let resumed = Self { offset: u32::from_be_bytes(*offset), ..self };
        (*version == VERSION && seal == resumed.seal()).then_some(resumed)
    }

    /// Binds a token to its list. It detects errors, not attacks: a forged token gives nothing that the page size does
    /// not.
    fn seal(self) -> [u8; 8] {
        let hash = hash(&[&self.scope, &self.offset.to_be_bytes()]);
        hash[..8].try_into().expect("SHA-256 has 32 bytes")
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    digest(&SHA256, &parts.concat()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Whether Telnyx sent the page that was requested. Where it documents no paging, it may send the whole list.
fn is_page(requested: Page, meta: PageMeta, length: usize) -> bool {
    let fits = length <= requested.size as usize;
    match (meta.page_number, meta.page_size) {
        (None, _) => fits && requested.number == 1,
        (Some(number), size) => {
            fits && number == u64::from(requested.number) && size.is_none_or(|size| size == u64::from(requested.size))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).unwrap()
    }

    fn read((list, tenant, filter): (&str, &TenantId, &str), size: i32, token: &str) -> Option<PageRequest> {
        let mut violations = Violations::default();
        let page = violations.page(list, tenant, filter, size, token);
        violations.into_result(Some(page)).ok()
    }

    /// Telnyx, with or without paging.
    fn telnyx(all: &[u32], page: Page, pages: bool) -> telnyx::List<u32> {
        let size = page.size as usize;
        let data = if pages { all.chunks(size).nth(page.number as usize - 1).unwrap_or(&[]) } else { all };
        let meta = PageMeta {
            page_number: Some(if pages { page.number.into() } else { 1 }),
            page_size: Some(if pages { page.size.into() } else { 1000 }),
            total_pages: Some(all.len().div_ceil(size) as u64),
            total_results: Some(all.len() as u64),
        };
        telnyx::List { data: data.to_vec(), meta: Some(meta) }
    }

    proptest! {
        #[test]
        fn every_element_is_returned_once_and_in_order(
            length in 0_u8..120,
            sizes in prop::collection::vec(0_u8..40, 1..5),
            pages in any::<bool>(),
        ) {
            let (all, tenant): (Vec<u32>, _) = ((0..length.into()).collect(), tenant("t"));
            let (mut seen, mut token, mut sizes) = (Vec::new(), String::new(), sizes.into_iter().cycle());
            loop {
                let size = sizes.next().unwrap();
                let request = read(("profiles", &tenant, "name"), size.into(), &token).unwrap();
                let page = request.page_of(telnyx(&all, request.upstream_page(), pages));
                prop_assert!(size == 0 || page.items.len() <= size.into());
                prop_assert_eq!(page.total_size, i32::from(length));
                seen.extend(page.items);
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn a_token_is_valid_for_its_own_list_only(offset in 1_u32.., parameter in ".{0,8}", other in ".{0,8}") {
            let (ours, theirs) = (tenant("a"), tenant("b"));
            let scope = ("profiles", &ours, parameter.as_str());
            let token = PageRequest { offset, ..read(scope, 0, "").unwrap() }.token();
            prop_assert_eq!(read(scope, 7, &token).unwrap().offset, offset);
            prop_assert!(read(("templates", &ours, &parameter), 0, &token).is_none());
            prop_assert!(read(("profiles", &theirs, &parameter), 0, &token).is_none());
            prop_assert!(other == parameter || read(("profiles", &ours, &other), 0, &token).is_none());
        }

        #[test]
        fn a_changed_token_is_refused(offset in any::<u32>(), index in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let tenant = tenant("t");
            let scope = ("verifications", &tenant, "+13035551234");
            let token = PageRequest { offset, ..read(scope, 0, "").unwrap() }.token();
            let mut changed = token.clone();
            let index = index.index(token.len());
            changed.replace_range(index..=index, &to);
            prop_assert!(changed == token || read(scope, 0, &changed).is_none());
        }

        #[test]
        fn no_token_panics(token in "\\PC{1,40}|[A-Za-z0-9_-]{1,40}") {
            let tenant = tenant("t");
            prop_assert!(read(("templates", &tenant, ""), 0, &token).is_none());
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let tenant = tenant("t");
        let size = |size| read(("templates", &tenant, ""), size, "").map(|request| request.upstream_page().size);
        assert_eq!(
            (size(0), size(7), size(250), size(100_000), size(-1)),
            (Some(25), Some(7), Some(250), Some(250), None)
        );
    }

    #[test]
    fn a_list_without_meta_is_complete() {
        let tenant = tenant("t");
        let request = read(("verifications", &tenant, ""), 2, "").unwrap();
        let page = request.page_of(telnyx::List { data: vec![1, 2, 3], meta: None });
        assert_eq!((page.items.len(), page.total_size), (2, 3));
        let request = read(("verifications", &tenant, ""), 2, &page.next_page_token).unwrap();
        let page = request.page_of(telnyx::List { data: vec![1, 2, 3], meta: None });
        assert_eq!((page.items, page.next_page_token.as_str()), (vec![3], ""));
    }
}
