//! `pb` ⇄ `telnyx`, one file for each resource.
//!
//! Each RPC has a function of its name. It turns the request into a typed one, or returns all violations at once. A
//! response always becomes a message: an unknown enum value is UNSPECIFIED, and a missing field has its default.

#![expect(clippy::missing_errors_doc, reason = "each function returns all violations")]

mod event;
mod fields;
mod paging;
mod pointer;
mod profile;
mod profile_fields;
mod template;
mod time;
mod url;
mod verification;
mod violations;

use self::violations::{Violations, optional};
pub use self::{
    event::{event, event_type, moment, stream_events, watch_verification},
    paging::{ListPage, PageRequest},
    pointer::contract_path,
    profile::{
        ListProfiles, UpdateProfile, create_profile, delete_profile, get_profile, list_profiles, profile,
        update_profile,
    },
    template::{UpdateTemplate, create_template, list_templates, template, update_template},
    verification::{
        ListVerifications, check_outcome, check_verification, create_verification, e164, get_verification,
        list_verifications, report_verification, verification,
    },
};
