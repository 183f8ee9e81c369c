//! The parts of a refused call.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The parts of a refused call.
#[derive(Debug)]
pub struct Refused {
    pub code: Code,
    pub reason: String,
    pub metadata: HashMap<String, String>,
    pub rule: Option<String>,
    /// The identity that the rule belongs to.
    pub identity: Option<String>,
    /// The fields that break a rule.
    pub fields: Vec<String>,
    pub retry_after: Option<Duration>,
    pub resource: Option<(String, String)>,
    pub message: String,
}

impl Refused {
    /// Reads the error in `result`, which must have the documented details.
    pub fn by<T>(result: Result<T, Status>) -> Self {
        let Err(status) = result else { panic!("the call was answered") };
        let details: ErrorDetails = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
        assert_eq!(info.domain, "verify-gateway");
        let fields =
            details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
        Self {
            code: status.code(),
            reason: info.reason.clone(),
            metadata: info.metadata.clone(),
            rule: info.metadata.get("rule").cloned(),
            identity: info.metadata.get("identity").cloned(),
            fields: fields.unwrap_or_default(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            resource: details.resource_info().map(|info| (info.resource_type.clone(), info.resource_name.clone())),
            message: status.message().to_owned(),
        }
    }

    /// Asserts code and reason.
    #[track_caller]
    pub fn is(self, code: Code, reason: &str) -> Self {
        assert_eq!((self.code, self.reason.as_str()), (code, reason), "{self:?}");
        self
    }

    /// Asserts that the request is invalid and that exactly `fields` break a rule. `fields` are in alphabetical order.
    #[track_caller]
    pub fn names_fields(self, fields: &[&str]) -> Self {
        let mut refused = self.is(Code::InvalidArgument, "INVALID_REQUEST");
        refused.fields.sort();
        assert_eq!(refused.fields, fields, "{refused:?}");
        refused
    }
}
