//! Templates.

use super::Violations;
use crate::{pb, telnyx};

/// The longest text, in characters: ten text messages. Telnyx publishes no bound.
const MAX_TEXT: usize = 1600;

/// A template as callers see it.
#[must_use]
pub fn template(template: telnyx::Template) -> pb::Template {
    pb::Template { id: template.id.unwrap_or_default(), text: template.text.unwrap_or_default() }
}

/// Notes what is wrong with the text of a template.
pub fn template_text(text: &str, violations: &mut Violations) {
    violations.require(text.chars().count() <= MAX_TEXT, "text", "must have at most 1600 characters");
    match placeholders(text) {
        None => violations.add("text", "must have its placeholders in whole pairs of double braces"),
        Some(names) => {
            let known = |name: &&str| telnyx::Template::PLACEHOLDERS.contains(name);
            violations.require(names.iter().all(known), "text", "must have no placeholders but those of the contract");
            violations.require(names.contains(&"code"), "text", "must have the placeholder {{code}}");
        }
    }
}

/// The names in double braces; none where braces do not match.
fn placeholders(text: &str) -> Option<Vec<&str>> {
    let mut parts = text.split("{{");
    if parts.next()?.contains("}}") {
        return None;
    }
    parts
        .map(|part| part.split_once("}}").filter(|(_, after)| !after.contains("}}")).map(|(name, _)| name.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> usize {
        let mut violations = Violations::default();
        template_text(text, &mut violations);
        violations.into_result(Some(())).err().map_or(0, |error| error.violations.len())
    }

    #[test]
    fn texts_with_a_code_are_taken() {
        for text in ["{{code}}", "Your {{app_name}} code: {{ code }}.", "{{code}} {x} }{"] {
            assert_eq!(wrong(text), 0, "{text}");
        }
        assert_eq!(wrong(&format!("{{{{code}}}}{}", "ä".repeat(1592))), 0);
    }

    #[test]
    fn all_else_is_refused() {
        let long = format!("{{{{code}}}}{}", "x".repeat(1593));
        for text in
            ["", "code", "{{code", "code}}", "{{code}} }}", "{{code}}{{name}}", "{{{{code}}", "{{app_name}}", &long]
        {
            assert!(wrong(text) > 0, "{text}");
        }
    }
}
