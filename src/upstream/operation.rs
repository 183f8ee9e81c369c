//! The endpoints of Telnyx, and the effect of a repetition.

use http::Method;

use crate::telnyx::{Channel, pattern};

/// One of the 17 endpoints of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Starts a verification; an endpoint for each channel.
    Send(Channel),
    /// Reads a verification.
    GetVerification,
    /// Lists the verifications of a phone number.
    ListVerifications,
    /// Checks a code, or reports a check, by the verification's id.
    Check,
    /// Checks a code by phone number.
    CheckByPhone,
    /// Lists profiles.
    ListProfiles,
    /// Creates a profile.
    CreateProfile,
    /// Reads a profile.
    GetProfile,
    /// Changes a profile.
    UpdateProfile,
    /// Deletes a profile.
    DeleteProfile,
    /// Lists templates.
    ListTemplates,
    /// Creates a template.
    CreateTemplate,
    /// Changes a template.
    UpdateTemplate,
}

/// What a request does. It decides whether the request may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads.
    Read,
    /// Sets a value: twice is the same as once.
    Write,
    /// Creates a resource: twice creates two.
    Create,
    /// Spends an attempt of the person.
    Check,
    /// Costs money and rings a phone.
    Send,
}

impl Effect {
    /// Every effect, in the order of their discriminants.
    pub(super) const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Create, Self::Check, Self::Send];

    /// The name, for logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Check => "check",
            Self::Send => "send",
        }
    }
}

/// When an operation may be repeated after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// Whenever the failure may be transient.
    Always,
    /// Only if the request provably never left, or Telnyx refused it with 429.
    OnlyIfUnsent,
}

impl Operation {
    /// What the operation does.
    pub(super) const fn effect(self) -> Effect {
        match self {
            Self::Send(_) => Effect::Send,
            Self::Check | Self::CheckByPhone => Effect::Check,
            Self::CreateProfile | Self::CreateTemplate => Effect::Create,
            Self::UpdateProfile | Self::DeleteProfile | Self::UpdateTemplate => Effect::Write,
            Self::GetVerification
            | Self::ListVerifications
            | Self::ListProfiles
            | Self::GetProfile
            | Self::ListTemplates => Effect::Read,
        }
    }

    /// Whether the operation lists all resources of a kind. No resource can be missing then.
    pub(super) const fn lists_all(self) -> bool {
        matches!(self, Self::ListProfiles | Self::ListTemplates)
    }

    /// When the operation may be repeated.
    pub(super) const fn replay(self) -> Replay {
        match self.effect() {
            Effect::Read | Effect::Write => Replay::Always,
            Effect::Create | Effect::Check | Effect::Send => Replay::OnlyIfUnsent,
        }
    }

    /// Whether an attempt keeps its full timeout when the caller no longer waits: somebody pays for the message, or
    /// cleans up the new resource.
    pub(super) const fn runs_to_completion(self) -> bool {
        matches!(self.effect(), Effect::Create | Effect::Send)
    }

    /// The HTTP method.
    pub(super) const fn method(self) -> Method {
        match self {
            Self::DeleteProfile => Method::DELETE,
            Self::UpdateProfile | Self::UpdateTemplate => Method::PATCH,
            _ => match self.effect() {
                Effect::Read => Method::GET,
                _ => Method::POST,
            },
        }
    }

    /// The path with placeholders, for spans and metrics. It holds no id and no phone number.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Send(Channel::Sms) => "/verifications/sms",
            Self::Send(Channel::Call) => "/verifications/call",
            Self::Send(Channel::Flashcall) => "/verifications/flashcall",
            Self::Send(Channel::Whatsapp) => "/verifications/whatsapp",
            Self::Send(Channel::DtmfConfirm) => "/verifications/dtmf_confirm",
            Self::GetVerification => pattern::VERIFICATION,
            Self::ListVerifications => pattern::BY_PHONE,
            Self::Check => pattern::CHECK,
            Self::CheckByPhone => pattern::CHECK_BY_PHONE,
            Self::ListProfiles | Self::CreateProfile => pattern::PROFILES,
            Self::GetProfile | Self::UpdateProfile | Self::DeleteProfile => pattern::PROFILE,
            Self::ListTemplates | Self::CreateTemplate => pattern::TEMPLATES,
            Self::UpdateTemplate => pattern::TEMPLATE,
        }
    }

    /// The kind of resource that is missing on a 404.
    pub(super) const fn resource(self) -> &'static str {
        match self {
            Self::GetVerification | Self::ListVerifications | Self::Check | Self::CheckByPhone => "verification",
            Self::ListTemplates | Self::CreateTemplate | Self::UpdateTemplate => "template",
            _ => "profile",
        }
    }
}
