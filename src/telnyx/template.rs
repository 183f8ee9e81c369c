//! Message templates.

use serde::{Deserialize, Serialize};

use super::lenient;

/// The text of a message.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Template {
    /// Opaque identifier.
    #[serde(default, deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// The text, with placeholders in double braces.
    #[serde(default, deserialize_with = "lenient::text")]
    pub text: Option<String>,
}

impl Template {
    /// The templates of every account, from Telnyx's quickstart.
    pub const PREBUILT: [&'static str; 6] = [
        "0abb5b4f-459f-445a-bfcd-488998b7572d",
        "2ca3f1da-5621-4aa6-ae56-df21caff79e0",
        "33dfb056-6c1b-40bd-920e-4243e01248a5",
        "46acd63c-be57-4993-ae8d-0e4067ad1d57",
        "723ead5e-ada6-4c29-a962-349170866187",
        "88d0781f-f4c7-4b78-8d0a-1f3e4de78b5e",
    ];

    /// The placeholders that Telnyx fills in.
    pub const PLACEHOLDERS: [&'static str; 3] = ["app_name", "code", "default_verification_timeout_secs"];
}

/// The body that creates or changes a template.
#[derive(Serialize)]
pub struct TemplateText<'a> {
    /// The text.
    pub text: &'a str,
}
