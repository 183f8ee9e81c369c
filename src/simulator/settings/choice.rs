//! The answers that a setting with named values can take. The first value of each is the default.

use serde::{Deserialize, Serialize};

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$value_doc])* $value),+ }
    )+};
}

choices! {
    /// The answer to a check after too many wrong codes.
    AfterAttemptLimit {
        /// 200 with `rejected`.
        #[default]
        Rejected,
        /// 200 with `max_attempts_exceeded`, as some guides have it.
        MaxAttemptsExceeded,
        /// 404.
        NotFound,
    }
    /// The answer to a check of an expired verification.
    ExpiredAnswer {
        /// 200 with `rejected`.
        #[default]
        Rejected,
        /// 200 with `expired`, as some guides have it.
        Expired,
        /// 404.
        NotFound,
    }
    /// The answer to a check of a verification that is already decided.
    UsedAnswer {
        /// 404.
        #[default]
        NotFound,
        /// 200 with `rejected`.
        Rejected,
    }
    /// What counts when a check holds both a code and a status.
    CodeAndStatus {
        /// The status.
        #[default]
        StatusWins,
        /// The code.
        CodeWins,
        /// Neither: 422.
        Refuse,
    }
    /// Which of several pending verifications a check by phone number is about.
    ByPhoneTarget {
        /// The one created last.
        #[default]
        Newest,
        /// The one created first.
        Oldest,
    }
    /// How `filter[name]` compares.
    FilterName {
        /// The whole name.
        #[default]
        Exact,
        /// Any part of the name, in any case.
        Partial,
    }
    /// The order of lists.
    ListOrder {
        /// The newest first.
        #[default]
        NewestFirst,
        /// The oldest first.
        OldestFirst,
    }
    /// Whether verifications listed by phone number come in pages.
    PhoneListPaging {
        /// `page[number]` and `page[size]` count.
        #[default]
        Paged,
        /// All of them are on one page.
        OnePage,
    }
    /// What happens to pending verifications when their profile is deleted.
    DeleteProfileWithPending {
        /// They can still be checked by id.
        #[default]
        Keep,
        /// They are gone.
        Remove,
        /// The profile is not deleted: 422.
        Refuse,
    }
    /// What a channel block in a PATCH does to the stored one.
    NestedPatch {
        /// Takes its place.
        #[default]
        Replace,
        /// Changes the keys that it holds.
        Merge,
    }
    /// What `null` in a PATCH of a profile does.
    PatchNull {
        /// Takes the field away.
        #[default]
        Clear,
        /// 422.
        Refuse,
    }
    /// What a number that is not E.164 is answered with.
    BadNumber {
        /// 422 and 10016.
        #[default]
        Unprocessable,
        /// 400 and 10002.
        BadRequest,
    }
    /// What a request without a usable key is answered with.
    MissingKey {
        /// As a refused key.
        #[default]
        Unauthorized,
        /// 404 and 10005.
        NotFound,
    }
    /// Whether a channel block needs `whitelisted_destinations`.
    Whitelist {
        /// Without one every country is allowed.
        #[default]
        Optional,
        /// Without one the profile is refused: 400 and 40331.
        Required,
    }
    /// What happens to a send beyond `daily_spend_limit`.
    AtSpendLimit {
        /// 429 and 40333.
        #[default]
        Refuse,
        /// It is sent.
        Ignore,
    }
    /// What `default_timeout_secs` means in a block that spells it `default_verification_timeout_secs`.
    ShortTimeoutName {
        /// The same.
        #[default]
        Honour,
        /// Nothing.
        Ignore,
    }
    /// Which languages a profile may have.
    Languages {
        /// Any text.
        #[default]
        Any,
        /// The fourteen of the Call Control product; else 422.
        Listed,
    }
    /// Whether a prebuilt template can be changed.
    PrebuiltTemplates {
        /// 403.
        #[default]
        Fixed,
        /// Yes, for the account that changes it.
        Changeable,
    }
    /// Whether a template needs `{{code}}`.
    TemplateWithoutCode {
        /// No.
        #[default]
        Accept,
        /// Yes: 422.
        Refuse,
    }
    /// What listing the profiles of an account without any answers.
    EmptyProfileList {
        /// An empty list.
        #[default]
        Empty,
        /// As a refused key.
        Unauthorized,
    }
    /// Whether a `+` that is not percent-encoded is understood in a path.
    RawPlus {
        /// Yes.
        #[default]
        Accept,
        /// 404.
        NotFound,
    }
    /// What `x-ratelimit-reset` holds.
    RateLimitReset {
        /// The seconds left.
        #[default]
        Seconds,
        /// The moment, in Unix seconds.
        Epoch,
    }
}
