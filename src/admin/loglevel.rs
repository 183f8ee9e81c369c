//! The log's level and format, to be read and changed.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Told, refusal};
use crate::{config::LogFormat, telemetry::Log};

/// What may be changed; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    level: Option<String>,
    format: Option<Format>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Auto,
    Human,
    Json,
}

/// `GET /loglevel`.
pub(super) async fn show(State(told): State<Told>) -> Response {
    state(&told.log)
}

/// `PUT /loglevel`. It lasts until the process ends or it is changed again.
pub(super) async fn set(State(told): State<Told>, body: Bytes) -> Response {
    let change: Change = match serde_json::from_slice(&body) {
        Ok(change) => change,
        // The error of serde names places and keys, which are the sender's own.
        Err(error) => {
            return refusal(StatusCode::BAD_REQUEST, format!("the body must be like {{\"level\": \"info\"}}: {error}"));
        }
    };
    if let Some(level) = &change.level
        && (level.trim().is_empty() || told.log.set_level(level).is_err())
    {
        let takes = "level must be off, error, warn, info, debug or trace, or a list of target=level";
        return refusal(StatusCode::BAD_REQUEST, takes);
    }
    if let Some(format) = change.format {
        told.log.set_format(match format {
            Format::Auto => LogFormat::Auto,
            Format::Human => LogFormat::Human,
            Format::Json => LogFormat::Json,
        });
    }
    tracing::warn!(level = told.log.level(), human = told.log.is_human(), "the log was changed on the admin port");
    state(&told.log)
}

fn state(log: &Log) -> Response {
    let format = if log.is_human() { "human" } else { "json" };
    Json(json!({ "level": log.level(), "format": format })).into_response()
}
