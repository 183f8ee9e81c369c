//! Pages, by AIP-158, over an upstream that counts pages.
//!
//! A token holds how many elements were seen, so that the page size may change on the way: Telnyx is asked for the
//! largest page that is no larger than wanted and begins right there. A page may be smaller than asked for.

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Violations;
use crate::{
    domain::TenantId,
    telnyx::{self, PageMeta},
    upstream::Page,
};

/// The size of pages whose size is not given, which is Telnyx's own.
const DEFAULT_SIZE: u32 = 25;
/// The size of the largest page. Telnyx publishes none; its platform names one near this.
const MAX_SIZE: u32 = 250;
/// The first byte of a token, for a change of its form.
const VERSION: u8 = 1;

/// The lists that have pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Of profiles.
    Profiles,
    /// Of templates.
    Templates,
    /// Of verifications.
    Verifications,
}

/// A page that a caller asks for.
#[derive(Clone, Copy)]
pub struct PageRequest<'a> {
    list: ListKind,
    tenant: &'a TenantId,
    parameter: &'a str,
    offset: u32,
    size: u32,
}

/// A page that a caller gets.
#[derive(Debug)]
pub struct ListPage<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Asks for the next page; empty on the last one.
    pub next_page_token: String,
    /// How many elements there are on all pages.
    pub total_size: i32,
}

impl<'a> PageRequest<'a> {
    /// Reads `page_size` and `page_token` of a list that is narrowed down by `parameter`. What breaks a rule is noted.
    pub fn read(
        (list, tenant, parameter): (ListKind, &'a TenantId, &'a str),
        page_size: i32,
        page_token: &str,
        violations: &mut Violations,
    ) -> Self {
        violations.require(page_size >= 0, "page_size", "must not be negative");
        let size = match u32::try_from(page_size) {
            Ok(0) | Err(_) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
        };
        let first = Self { list, tenant, parameter, offset: 0, size };
        if page_token.is_empty() {
            return first;
        }
        first.resume(page_token).unwrap_or_else(|| {
            violations.add("page_token", "must be the next_page_token of the same list, unchanged");
            first
        })
    }

    /// The page to ask Telnyx for.
    #[must_use]
    pub fn page(self) -> Page {
        let size = (1..=self.size).rev().find(|size| self.offset.is_multiple_of(*size)).unwrap_or(1);
        Page { number: self.offset / size + 1, size }
    }

    /// The window of what Telnyx gave for [`PageRequest::page`].
    #[must_use]
    pub fn window<T>(self, list: telnyx::List<T>) -> ListPage<T> {
        let (asked, meta) = (self.page(), list.meta.unwrap_or_default());
        if kept_to(asked, meta, list.data.len()) {
            let seen = u64::from(self.offset) + list.data.len() as u64;
            self.answer(list.data, meta.total_results.unwrap_or(seen))
        } else {
            self.window_of_all(list.data)
        }
    }

    /// The window of a list that came whole.
    #[must_use]
    pub fn window_of_all<T>(self, all: Vec<T>) -> ListPage<T> {
        let total = all.len() as u64;
        let items = all.into_iter().skip(self.offset as usize).take(self.size as usize).collect();
        self.answer(items, total)
    }

    fn answer<T>(self, items: Vec<T>, total: u64) -> ListPage<T> {
        let next = u32::try_from(items.len()).ok().and_then(|count| self.offset.checked_add(count));
        // An empty page would lead to itself.
        let next = next.filter(|next| !items.is_empty() && u64::from(*next) < total);
        ListPage {
            items,
            next_page_token: next.map(|offset| Self { offset, ..self }.token()).unwrap_or_default(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }

    fn token(self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.offset.to_be_bytes());
        bytes.extend(self.seal());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn resume(self, token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (offset, seal) = rest.split_first_chunk()?;
        let resumed = Self { offset: u32::from_be_bytes(*offset), ..self };
        (*version == VERSION && seal == resumed.seal()).then_some(resumed)
    }

    /// Ties a token to its list. It keeps mistakes out, not attackers: to them the token gives nothing that the page
    /// size does not.
    fn seal(self) -> [u8; 8] {
        let mut digest = Context::new(&SHA256);
        digest.update(&[self.list as u8]);
        digest.update(&self.offset.to_be_bytes());
        digest.update(self.tenant.as_str().as_bytes());
        digest.update(&[0]);
        digest.update(self.parameter.as_bytes());
        digest.finish().as_ref()[..8].try_into().expect("SHA-256 has 32 bytes")
    }
}

/// Whether Telnyx kept to the page it was asked for. Where it documents no paging it may give the whole list.
fn kept_to(asked: Page, meta: PageMeta, length: usize) -> bool {
    let fits = length <= asked.size as usize;
    match (meta.page_number, meta.page_size) {
        (None, _) => fits && asked.number == 1,
        (Some(number), size) => {
            fits && number == u64::from(asked.number) && size.is_none_or(|size| size == u64::from(asked.size))
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

    fn read<'a>(scope: (ListKind, &'a TenantId, &'a str), size: i32, token: &str) -> Option<PageRequest<'a>> {
        let mut violations = Violations::default();
        let paging = PageRequest::read(scope, size, token, &mut violations);
        violations.into_result(Some(paging)).ok()
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
        fn every_element_comes_once_and_in_order(
            length in 0_u8..120,
            sizes in prop::collection::vec(0_u8..40, 1..5),
            pages in any::<bool>(),
        ) {
            let (all, tenant): (Vec<u32>, _) = ((0..length.into()).collect(), tenant("t"));
            let (mut seen, mut token, mut sizes) = (Vec::new(), String::new(), sizes.into_iter().cycle());
            loop {
                let size = sizes.next().unwrap();
                let paging = read((ListKind::Profiles, &tenant, "name"), size.into(), &token).unwrap();
                let window = paging.window(telnyx(&all, paging.page(), pages));
                prop_assert!(size == 0 || window.items.len() <= size.into());
                prop_assert_eq!(window.total_size, i32::from(length));
                seen.extend(window.items);
                token = window.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn a_token_is_good_for_its_own_list_only(offset in 1_u32.., parameter in ".{0,8}", other in ".{0,8}") {
            let (ours, theirs) = (tenant("a"), tenant("b"));
            let scope = (ListKind::Profiles, &ours, parameter.as_str());
            let token = PageRequest { offset, ..read(scope, 0, "").unwrap() }.token();
            prop_assert_eq!(read(scope, 7, &token).unwrap().offset, offset);
            prop_assert!(read((ListKind::Templates, &ours, &parameter), 0, &token).is_none());
            prop_assert!(read((ListKind::Profiles, &theirs, &parameter), 0, &token).is_none());
            prop_assert!(other == parameter || read((ListKind::Profiles, &ours, &other), 0, &token).is_none());
        }

        #[test]
        fn a_changed_token_is_no_token(offset in any::<u32>(), index in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let tenant = tenant("t");
            let scope = (ListKind::Verifications, &tenant, "+13035551234");
            let token = PageRequest { offset, ..read(scope, 0, "").unwrap() }.token();
            let mut changed = token.clone();
            let index = index.index(token.len());
            changed.replace_range(index..=index, &to);
            prop_assert!(changed == token || read(scope, 0, &changed).is_none());
        }

        #[test]
        fn no_text_panics(token in "\\PC{1,40}|[A-Za-z0-9_-]{1,40}") {
            let tenant = tenant("t");
            prop_assert!(read((ListKind::Templates, &tenant, ""), 0, &token).is_none());
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let tenant = tenant("t");
        let size = |size| read((ListKind::Templates, &tenant, ""), size, "").map(|paging| paging.page().size);
        assert_eq!(
            (size(0), size(7), size(250), size(100_000), size(-1)),
            (Some(25), Some(7), Some(250), Some(250), None)
        );
    }

    #[test]
    fn a_list_without_a_word_on_paging_is_taken_as_it_is() {
        let tenant = tenant("t");
        let paging = read((ListKind::Verifications, &tenant, ""), 2, "").unwrap();
        let window = paging.window(telnyx::List { data: vec![1, 2, 3], meta: None });
        assert_eq!((window.items.len(), window.total_size), (2, 3));
        let paging = read((ListKind::Verifications, &tenant, ""), 2, &window.next_page_token).unwrap();
        let window = paging.window(telnyx::List { data: vec![1, 2, 3], meta: None });
        assert_eq!((window.items, window.next_page_token.as_str()), (vec![3], ""));
    }
}
