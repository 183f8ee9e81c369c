//! Query parameters of lists.

use axum::extract::{FromRequestParts, MatchedPath};
use http::{Method, request::Parts};

use crate::{
    simulator::{
        error::ApiError,
        handle::Handle,
        settings::{ListOrder, Settings, UnknownParameters},
    },
    telnyx::{List, PageMeta, pattern},
};

/// The default page size in Telnyx's schema.
const DEFAULT_SIZE: u64 = 25;

/// The query parameters of `GET /webhook_deliveries`.
const DELIVERY_PARAMETERS: [&str; 10] = [
    "page[number]",
    "page[size]",
    "filter[status][eq]",
    "filter[event_type]",
    "filter[webhook][contains]",
    "filter[attempts][contains]",
    "filter[started_at][gte]",
    "filter[started_at][lte]",
    "filter[finished_at][gte]",
    "filter[finished_at][lte]",
];

/// The query of a list. The first page is 1.
pub(super) struct ListQuery {
    number: u64,
    size: Option<u64>,
    /// `filter[name]`.
    pub(super) name: Option<String>,
}

impl FromRequestParts<Handle> for ListQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, simulator: &Handle) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let bad = |name: &str| ApiError::parameter(&simulator.state().settings, name, "It must be 1 or more.");
        let mut query = Self { number: 1, size: None, name: None };
        for (name, value) in pairs.map(|pairs| pairs.0).unwrap_or_default() {
            let number = || value.parse::<u64>().ok().filter(|&number| number > 0).ok_or_else(|| bad(&name));
            match name.as_str() {
                "page[number]" => query.number = number()?,
                "page[size]" => query.size = Some(number()?),
                "filter[name]" => query.name = Some(value),
                _ => {}
            }
        }
        Ok(query)
    }
}

/// Refuses a query parameter that the operation does not have, if the settings say so.
pub(super) fn check_names(parts: &Parts, settings: &Settings) -> Result<(), ApiError> {
    if settings.unknown_parameters == UnknownParameters::Ignore {
        return Ok(());
    }
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let known: &[&str] = match path.strip_prefix("/v2") {
        Some(pattern::PROFILES) if parts.method == Method::GET => &["page[number]", "page[size]", "filter[name]"],
        Some(pattern::BY_PHONE) => &["page[number]", "page[size]"],
        Some("/webhook_deliveries") => &DELIVERY_PARAMETERS,
        _ => &[],
    };
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let unknown = pairs.map(|pairs| pairs.0).unwrap_or_default();
    match unknown.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(ApiError::parameter(settings, name, "The operation does not have it.")),
        None => Ok(()),
    }
}

impl ListQuery {
    /// The query of one page with all items.
    pub(super) fn one_page(len: usize) -> Self {
        Self { number: 1, size: Some(len.max(1) as u64), name: None }
    }

    /// The page of `items`, which are in the order of creation.
    pub(super) fn page<T>(&self, mut items: Vec<T>, settings: &Settings, limit: u64) -> List<T> {
        if settings.list_order == ListOrder::NewestFirst {
            items.reverse();
        }
        let size = self.size.unwrap_or(DEFAULT_SIZE).min(limit);
        let total = items.len() as u64;
        let skip = usize::try_from((self.number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
        let take = usize::try_from(size).unwrap_or(usize::MAX);
        List {
            data: items.into_iter().skip(skip).take(take).collect(),
            meta: Some(PageMeta {
                page_number: Some(self.number),
                page_size: Some(size),
                total_pages: Some(total.div_ceil(size)),
                total_results: Some(total),
            }),
        }
    }
}
