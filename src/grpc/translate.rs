//! `pb` ⇄ `telnyx`, one file a resource.
//!
//! A request becomes a value that breaks no rule, or all its violations at once. An answer becomes a message whatever
//! it lacks: what no enum knows is UNSPECIFIED, what is missing is the default.

mod fields;
mod names;
mod paging;
mod pointer;
mod profile;
mod template;
mod time;
mod verification;
mod violations;

pub use self::{
    paging::{ListKind, ListPage, PageRequest},
    pointer::contract_path,
    profile::{create_profile, profile, update_profile},
    template::{template, template_text},
    verification::{check, check_outcome, report, send, verification},
    violations::Violations,
};
