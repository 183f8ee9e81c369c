//! Reads and changes the level and format of the log.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{AppState, error};
use crate::{
    config::{LogConfig, LogFormat},
    telemetry::LogHandle,
};

/// The body of `PUT /loglevel`. A field that is left out keeps its value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogChange {
    level: Option<String>,
    format: Option<LogFormat>,
}

/// `GET /loglevel`.
pub(super) async fn show(State(state): State<AppState>) -> Response {
    describe(&state.log)
}

/// `PUT /loglevel`. The change lasts until the next one or the end of the process.
pub(super) async fn set(State(AppState { log, .. }): State<AppState>, body: Bytes) -> Response {
    let LogChange { level, format } = match serde_json::from_slice(&body) {
        Ok(change) => change,
        // The error of serde names positions and keys of the sender's own body.
        Err(cause) => {
            return error(StatusCode::BAD_REQUEST, format!("the body must be like {{\"level\": \"info\"}}: {cause}"));
        }
    };
    let is_wrong = |level: String| LogConfig::level(&level).is_none_or(|level| log.set_level(&level).is_err());
    if level.is_some_and(is_wrong) {
        let allowed = LogConfig::LEVELS;
        return error(StatusCode::BAD_REQUEST, format!("level must be {allowed}"));
    }
    if let Some(format) = format {
        log.set_format(format);
    }
    tracing::warn!(level = log.level(), human = log.is_human(), "the log was changed on the admin port");
    describe(&log)
}

fn describe(log: &LogHandle) -> Response {
    let format = if log.is_human() { "human" } else { "json" };
    Json(json!({ "level": log.level(), "format": format })).into_response()
}
