//! The declaration of every setting, in the order of the documentation.

use serde::{Deserialize, Serialize};

use crate::simulator::delay::Delay;

settings! {
    attempt_limit: u32 = 5, "a count, 0 for none", "wrong codes that a verification takes before it is `invalid`";
    after_attempt_limit: AfterAttemptLimit
        [Rejected "rejected", MaxAttemptsExceeded "max_attempts_exceeded", NotFound "not_found"],
        "the answer to a check after too many wrong codes";
    expired_answer: ExpiredAnswer [Rejected "rejected", Expired "expired", NotFound "not_found"],
        "the answer to a check of an expired verification";
    used_answer: UsedAnswer [NotFound "not_found", Rejected "rejected"],
        "the answer to a check of a verification that is already decided";
    code_and_status: CodeAndStatus [StatusWins "status_wins", CodeWins "code_wins", Refuse "refuse"],
        "a check with both `code` and `status`";
    by_phone_target: ByPhoneTarget [Newest "newest", Oldest "oldest"],
        "which of several pending verifications a check by phone number decides";
    code_length_default: u8 = 5, "4 to 10", "digits of a code whose profile sets no `code_length`";
    custom_code_min: u8 = 4, "1 to 32", "the fewest digits of a `custom_code`";
    custom_code_max: u8 = 10, "1 to 32", "the most digits of a `custom_code`";
    fixed_code: Option<String> = None, "4 to 10 digits, or none", "the code of every verification, for demonstrations";
    timeout_default_secs: u32 = 300, "seconds", "the lifetime of a code whose profile sets none";
    timeout_min_secs: u32 = 1, "seconds", "the shortest lifetime that a request may set";
    timeout_max_secs: u32 = 86_400, "seconds", "the longest lifetime that a request may set";
    short_timeout_name: ShortTimeoutName [Honour "honour", Ignore "ignore"],
        "`default_timeout_secs` in a block whose field is `default_verification_timeout_secs`";
    echo_short_timeout_name: bool = false, "true | false",
        "whether a block that was set with `default_timeout_secs` also answers with that name";
    filter_name: FilterName [Exact "exact", Partial "partial"], "how `filter[name]` compares";
    list_order: ListOrder [NewestFirst "newest_first", OldestFirst "oldest_first"], "the order of lists";
    max_page_size: u32 = 250, "a count", "the largest page; a larger `page[size]` is reduced to it";
    phone_list_paging: PhoneListPaging [Paged "paged", OnePage "one_page"],
        "whether verifications listed by phone number come in pages";
    empty_phone_list: EmptyPhoneList [Empty "empty", NotFound "not_found"],
        "a list of the verifications of a number without verifications: an empty list, or 404 and 10005";
    empty_profile_list: EmptyProfileList [Empty "empty", Unauthorized "unauthorized"],
        "a list of the profiles of an account without profiles: an empty list, or error 10009";
    unknown_profile: UnknownProfile [NotFound "not_found", BadRequest "bad_request", Create "create"],
        "a send with an unknown profile: 404 and 10005, 400 and `bad_request_code`, or a new profile with that ID";
    name_only_profile: NameOnlyProfile [Refuse "refuse", Accept "accept"], "a profile without any channel block";
    profile_record_type: ProfileRecordType
        [VerificationProfile "verification_profile", VerifyProfile "verify_profile"], "the `record_type` of a profile";
    delete_profile_with_pending: DeleteProfileWithPending [Keep "keep", Remove "remove", Refuse "refuse"],
        "pending verifications of a deleted profile: they stay, they go too, or the profile cannot be deleted";
    nested_patch: NestedPatch [Replace "replace", Merge "merge"],
        "whether a channel block in a PATCH replaces the stored block or changes the fields that it has";
    patch_null: PatchNull [Clear "clear", Refuse "refuse"], "`null` in a PATCH of a profile";
    patch_flashcall: PatchFlashcall [Accept "accept", Ignore "ignore", Refuse "refuse"],
        "a `flashcall` block in a PATCH, which Telnyx's document does not list";
    whitelist: Whitelist [Optional "optional", Required "required"],
        "whether a channel block needs `whitelisted_destinations`";
    languages: Languages [Any "any", Listed "listed"],
        "the languages that a profile may have: any text, or the fourteen of Call Control";
    prebuilt_templates: PrebuiltTemplates [Fixed "fixed", Changeable "changeable"],
        "whether an account can change a prebuilt template";
    template_without_code: TemplateWithoutCode [Accept "accept", Refuse "refuse"], "a template without `{{code}}`";
    send_price: f64 = 0.005, "US dollars", "what a send counts towards `daily_spend_limit`";
    acceptance_fee: f64 = 0.03, "US dollars", "what an accepted verification counts towards `daily_spend_limit`";
    at_spend_limit: AtSpendLimit [Refuse "refuse", Ignore "ignore"], "a send beyond an enabled `daily_spend_limit`";
    send_limit_per_phone: u32 = 0, "a count, 0 for none", "sends per account and phone number in ten minutes";
    requests_per_minute: u32 = 0, "a count, 0 for none", "requests per account in a minute";
    rate_limit_reset: RateLimitReset [Seconds "seconds", Epoch "epoch"],
        "what `x-ratelimit-reset` has: the seconds left, or the Unix time";
    retry_after: bool = true, "true | false", "whether the answer of a rate limit has `retry-after`";
    bad_number: BadNumber [Unprocessable "unprocessable", BadRequest "bad_request"],
        "a phone number that is not E.164: 422 and 10016, or 400 and 10002";
    bad_request_code: u32 = 10_015, "an error code", "the code of a 400 that no source gives a code for";
    unauthorized_status: u16 = 401, "401 | 403", "the status of error 10009";
    unknown_parameters: UnknownParameters [Ignore "ignore", Refuse "refuse"],
        "a field or query parameter that the operation does not have: it has no effect, or is an error";
    generic_send: GenericSend [NotFound "not_found", Accept "accept"],
        "`POST /v2/verifications` with the channel in `type`, which some samples call and Telnyx does not document";
    missing_key: MissingKey [Unauthorized "unauthorized", NotFound "not_found"],
        "a request without an API key: error 10009, or 404 and 10005";
    second_keypad_call: SecondKeypadCall [Allow "allow", Refuse "refuse"],
        "a keypad confirmation while the number has a pending one: a second call, or 409 and 10036";
    keypad_no_answer: KeypadNoAnswer [Error "error", Pending "pending"],
        "the status of a keypad confirmation whose call is not answered";
    delivered_after_secs: u32 = 1, "seconds",
        "how long a message takes to the phone; a [magic number](#magic-numbers) has a time of its own";
    unconfirmed_event: UnconfirmedEvent [Failed "verify.failed", Delivered "verify.delivered"],
        "the event of a message whose delivery nobody confirms";
    completion_events: CompletionEvents [Off "off", On "on"],
        "the events `verification.accepted`, `.rejected` and `.expired`, which an older guide of Telnyx has";
    dtmf_fields: DtmfFields [Sample "sample", Full "full"],
        "the fields of `verification.complete`: those of Telnyx's sample, or those of all events";
    webhook_attempts: u32 = 3, "1 to 10", "attempts for each URL of a webhook that fails";
    webhook_backoff_ms: u32 = 1_000, "milliseconds", "the time before the second attempt, which doubles each time";
    webhook_timeout_ms: u32 = 2_000, "milliseconds", "how long a receiver of webhooks may take, in real time";
    webhook_success: WebhookSuccess [Exact "200", Any "2xx"], "the statuses that acknowledge a webhook";
    webhook_resign: WebhookResign [PerAttempt "per_attempt", Once "once"],
        "whether each attempt has a timestamp and signature of its own, or repeats the first byte for byte";
    webhook_event_id: WebhookEventId [Own "own", PayloadId "payload_id"],
        "`data.id` of an event: its own, or that of the verification";
    webhook_order: WebhookOrder [InOrder "in_order", Shuffled "shuffled"],
        "webhooks of a verification one after the other, or each up to 5 s late, so that they overtake each other";
    webhook_duplicates: u32 = 0, "0 to 3", "how often a webhook that was acknowledged is sent again";
    webhook_clock: WebhookClock [Real "real", Simulator "simulator"],
        "the time that webhooks are signed with: that of the machine, or of the simulator's clock";
    webhook_key: Option<String> = None, "base64 of 32 bytes, or none",
        "the Ed25519 private key that signs webhooks, in place of one for each account";
    webhook_hosts: Option<String> = None, "names separated by commas, or none",
        "the only hosts that webhooks go to; none: every host";
    raw_plus: RawPlus [Accept "accept", NotFound "not_found"], "a `+` in a path that is not percent-encoded";
    request_id_header: Option<String> = None, "a header name, or none", "the header that carries an ID of the response";
    latency_ms: Delay = Delay::Fixed(0), "a [delay](#delays)", "the delay of every answer of the API";
    keep: usize = 10_000, "a count", "how many verifications, messages and webhooks are kept; the oldest are removed first";
    keep_requests: usize = 1_000, "a count", "how many requests the request log keeps";
    allowed_hosts: Option<String> = None, "names separated by commas, or none",
        "further names in `Host` that the [control endpoints](#control-endpoints) answer to";
    seed: Option<u64> = None, "a number, or none", "makes codes and IDs the same in every run";
}
