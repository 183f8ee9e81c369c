//! Templates.

use super::{PageRequest, Violations, fields::is_printable};
use crate::{
    domain::{Error, TenantId},
    pb,
    services::NewTemplate,
    telnyx,
};

/// The longest text, in characters: ten text messages. Telnyx publishes no bound.
const MAX_TEXT: usize = 1600;

/// A change of a template.
pub struct UpdateTemplate {
    /// The template.
    pub id: String,
    /// Its new text.
    pub text: String,
}

/// `ListTemplates`.
pub fn list_templates(request: &pb::ListTemplatesRequest, tenant: &TenantId) -> Result<PageRequest, Error> {
    let mut violations = Violations::default();
    let page = violations.page("templates", tenant, "", request.page_size, &request.page_token);
    violations.into_result(Some(page))
}

/// `CreateTemplate`.
pub fn create_template(request: pb::CreateTemplateRequest) -> Result<NewTemplate, Error> {
    let mut violations = Violations::default();
    let request_id = violations.request_id(&request.request_id);
    violations.template_text(&request.text);
    violations.into_result(Some(NewTemplate { request_id, text: request.text }))
}

/// `UpdateTemplate`.
pub fn update_template(request: pb::UpdateTemplateRequest) -> Result<UpdateTemplate, Error> {
    let mut violations = Violations::default();
    let id = violations.id("template_id", &request.template_id);
    violations.template_text(&request.text);
    violations.into_result(id.map(|id| UpdateTemplate { id, text: request.text }))
}

/// A template of the contract.
#[must_use]
pub fn template(template: telnyx::Template) -> pb::Template {
    pb::Template { id: template.id.unwrap_or_default(), text: template.text.unwrap_or_default() }
}

impl Violations {
    fn template_text(&mut self, text: &str) {
        self.require(text.chars().count() <= MAX_TEXT, "text", "must have at most 1600 characters");
        // Line breaks are part of messages that browsers read (WebOTP).
        let is_printable = text.chars().all(|c| c == '\n' || is_printable(c));
        self.require(is_printable, "text", "must have no control characters but \\n, and no explicit directions");
        let Some(names) = placeholders(text) else {
            return self.add("text", "must have its placeholders in pairs of double braces, such as {{code}}");
        };
        let known = |name: &&str| telnyx::Template::PLACEHOLDERS.contains(name);
        if !names.iter().all(known) {
            // Telnyx documents no blanks in placeholders. With blanks they could reach the phone as they stand.
            let allowed = telnyx::Template::PLACEHOLDERS.map(|name| format!("{{{{{name}}}}}")).join(", ");
            self.add("text", format!("must have no placeholders but {allowed}, without blanks"));
        }
        self.require(names.contains(&"code"), "text", "must have the placeholder {{code}}");
    }
}

/// The names in double braces; `None` if the braces do not match.
fn placeholders(text: &str) -> Option<Vec<&str>> {
    let mut parts = text.split("{{");
    if parts.next()?.contains("}}") {
        return None;
    }
    parts.map(|part| part.split_once("}}").filter(|(_, after)| !after.contains("}}")).map(|(name, _)| name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations_of(text: &str) -> usize {
        let request = pb::CreateTemplateRequest { text: text.into(), ..Default::default() };
        create_template(request).err().map_or(0, |error| error.violations.len())
    }

    #[test]
    fn texts_with_a_code_are_accepted() {
        for text in
            ["{{code}}", "Your {{app_name}} code: {{code}}.", "{{code}} {x} }{", "{{code}}\n\n@example.com #{{code}}"]
        {
            assert_eq!(violations_of(text), 0, "{text}");
        }
        assert_eq!(violations_of(&format!("{{{{code}}}}{}", "ä".repeat(1592))), 0);
    }

    #[test]
    fn all_other_texts_are_refused() {
        let long = format!("{{{{code}}}}{}", "x".repeat(1593));
        for text in [
            "",
            "code",
            "{{code",
            "code}}",
            "{{code}} }}",
            "{{code}}{{name}}",
            "{{{{code}}",
            "{{app_name}}",
            "{{ code }}",
            "{{code}} {{ app_name}}",
            "{{code}}\r\n",
            "{{code}}\0",
            "{{code}}\u{202e}",
            &long,
        ] {
            assert!(violations_of(text) > 0, "{text}");
        }
    }
}
