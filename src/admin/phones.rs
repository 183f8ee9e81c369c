//! What the gateway knows of a phone number, and how to free it: `/phones`. Both are audited.

use std::{
    net::IpAddr,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, ORIGIN},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AppState, OwnAddress, error};
use crate::{
    authn::{Authenticator, Authorization},
    domain::{PhoneNumber, Tenant},
    files,
    secret::Secret,
    services::{PhoneReport, Phones},
    store,
    telemetry::audit,
};

/// The largest token file, in bytes, and the shortest token, in characters.
const MAX_TOKEN_FILE: u64 = 4 << 10;
const MIN_TOKEN: usize = 16;

/// What the paths need.
#[derive(Clone)]
pub(super) struct PhonePort {
    pub(super) phones: Phones,
    pub(super) authenticator: Authenticator,
    pub(super) token_file: Option<PathBuf>,
}

/// What an operator does.
#[derive(Clone, Copy)]
enum PhoneAction {
    Read,
    Unlock,
}

/// What narrows a question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Narrowed {
    tenant: Option<String>,
    profile_id: Option<String>,
}

/// Reads the token of `/phones`. A line break at its end does not count.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn token(file: &FilePath) -> Result<Secret, String> {
    let bytes = files::read(file, MAX_TOKEN_FILE).map_err(|error| files::describe(error.kind()))?;
    let token = str::from_utf8(&bytes).unwrap_or_default().trim_end();
    let is_token = token.len() >= MIN_TOKEN && token.bytes().all(|c| c.is_ascii_graphic());
    let message = format!("must hold a token of at least {MIN_TOKEN} ASCII letters, digits and punctuation");
    is_token.then(|| Secret::new(token.to_owned())).ok_or(message)
}

pub(super) fn router(state: AppState) -> Router<AppState> {
    Router::new()
        .route(
            "/phones/{number}",
            get(async |port, number, narrowed| answer(PhoneAction::Read, port, number, narrowed).await),
        )
        .route(
            "/phones/{number}/unlock",
            post(async |port, number, narrowed| answer(PhoneAction::Unlock, port, number, narrowed).await),
        )
        .route_layer(middleware::from_fn_with_state(state, authorize))
}

/// Lets only those pass whom [`refusal`] does not refuse.
async fn authorize(
    State(AppState { phones, .. }): State<AppState>,
    Extension(OwnAddress(own)): Extension<OwnAddress>,
    request: Request,
    next: Next,
) -> Response {
    match refusal(phones.token_file.as_deref(), own, request.headers()) {
        Some((status, message)) => {
            tracing::warn!(status = status.as_u16(), "a request to /phones was refused");
            error(status, message)
        }
        None => next.run(request).await,
    }
}

/// Refuses pages of browsers, and requests without the token, or from elsewhere if there is none.
fn refusal(token_file: Option<&FilePath>, own: IpAddr, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    if headers.contains_key(ORIGIN) {
        return Some((StatusCode::FORBIDDEN, "pages of browsers may not use this path"));
    }
    let Some(file) = token_file else {
        let message = "without admin.token_file, requests must come from this machine";
        return (!own.is_loopback()).then_some((StatusCode::FORBIDDEN, message));
    };
    let given: Vec<_> = headers.get_all(AUTHORIZATION).iter().cloned().collect();
    // The file is read for each request, so that it can be renewed.
    let is_right = match Authorization::read(&given) {
        Authorization::Bearer(given) => token(file).is_ok_and(|token| token == Secret::new(given.to_owned())),
        Authorization::Missing | Authorization::Malformed => false,
    };
    (!is_right).then_some((StatusCode::UNAUTHORIZED, "the path needs the token of admin.token_file"))
}

/// Does `action` for each tenant in question, audits it, and answers with what is known.
async fn answer(
    action: PhoneAction,
    State(AppState { phones: port, .. }): State<AppState>,
    Path(number): Path<String>,
    Query(narrowed): Query<Narrowed>,
) -> Response {
    let phone_number = match PhoneNumber::parse(&number) {
        Ok(phone_number) => phone_number,
        Err(cause) => return error(StatusCode::BAD_REQUEST, format!("the number {cause}")),
    };
    let tenants = port.tenants(narrowed.tenant.as_deref());
    if tenants.is_empty() {
        return error(StatusCode::NOT_FOUND, "there is no such tenant");
    }
    let hash = port.phones.hash(&phone_number);
    let mut answers = Vec::new();
    for tenant in tenants {
        match port.act(action, &tenant, &phone_number, &hash, narrowed.profile_id.as_deref()).await {
            Ok(answer) => answers.push(answer),
            Err(cause) => return error(StatusCode::SERVICE_UNAVAILABLE, cause.to_string()),
        }
    }
    let country = phone_number.country().map(|country| country.to_string());
    Json(json!({
        "phone_number": phone_number.to_string(),
        "phone_hash": hash,
        "country": country,
        "number_type": phone_number.number_type().as_str(),
        "tenants": answers,
    }))
    .into_response()
}

impl PhonePort {
    /// All tenants, or the one that is asked for.
    fn tenants(&self, asked: Option<&str>) -> Vec<Arc<Tenant>> {
        self.authenticator.in_directory(|directory| {
            let tenants = directory.entries().iter().map(|entry| entry.tenant.clone());
            tenants.filter(|tenant| asked.is_none_or(|asked| asked == tenant.id.as_str())).collect()
        })
    }

    /// Does `action` for one tenant, and audits it.
    async fn act(
        &self,
        action: PhoneAction,
        tenant: &Tenant,
        phone_number: &PhoneNumber,
        hash: &str,
        profile_id: Option<&str>,
    ) -> Result<Value, store::Error> {
        let id = tenant.id.as_str();
        let (event, answer) = match action {
            PhoneAction::Read => {
                let report = self.phones.report(tenant, phone_number, profile_id).await;
                let shown = |report: PhoneReport| json!({ "tenant": id, "limits": report.limits, "unresolved": report.unresolved });
                ("phone_read", report.map(shown))
            }
            PhoneAction::Unlock => {
                let unlocked = self.phones.unlock(tenant, phone_number).await;
                ("phone_unlocked", unlocked.map(|()| json!({ "tenant": id })))
            }
        };
        audit::phone(event, id, phone_number, hash, if answer.is_ok() { "ok" } else { "failed" });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn others_than_operators_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "a-token-of-operators\n").unwrap();
        let (here, elsewhere) = ("127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap());
        let status = |file: Option<&PathBuf>, own: IpAddr, headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            refusal(file.map(PathBuf::as_path), own, &headers.collect()).map(|(status, _)| status.as_u16())
        };
        let right = ("authorization", "Bearer a-token-of-operators");
        assert_eq!(status(None, here, &[]), None);
        assert_eq!(status(None, elsewhere, &[right]), Some(403));
        assert_eq!(status(Some(&file), elsewhere, &[right]), None);
        for wrong in ["Bearer a-token-of-operator", "Bearer", "Basic a-token-of-operators"] {
            assert_eq!(status(Some(&file), here, &[("authorization", wrong)]), Some(401), "{wrong}");
        }
        assert_eq!(status(Some(&file), here, &[]), Some(401));
        assert_eq!(status(None, here, &[("origin", "http://127.0.0.1:9090")]), Some(403));
        fs::write(&file, "short").unwrap();
        assert_eq!(status(Some(&file), here, &[("authorization", "Bearer short")]), Some(401));
    }
}
