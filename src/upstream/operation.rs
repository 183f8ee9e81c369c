//! What can be asked of Telnyx, and what asking twice would do.

use http::Method;

use crate::telnyx::Channel;

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

/// What an operation does to the world, and so what a repetition would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Read,
    /// Sets something to a value: twice is the same as once.
    Write,
    /// Makes something new: twice makes two.
    Create,
    /// Spends an attempt of the person.
    Check,
    /// Costs money and rings a phone.
    Send,
}

impl Effect {
    /// Every effect, in the order of their discriminants.
    pub(super) const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Create, Self::Check, Self::Send];

    /// Its name, for logs.
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
    /// Whenever the failure may pass.
    Always,
    /// Only where the request provably never left, or Telnyx refused it with 429.
    OnlyIfUnsent,
}

impl Operation {
    /// What it does to the world.
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

    /// Whether it reads all resources of a kind, so that there is nothing that could be missing.
    pub(super) const fn is_of_all(self) -> bool {
        matches!(self, Self::ListProfiles | Self::ListTemplates)
    }

    /// When it may be repeated.
    pub(super) const fn replay(self) -> Replay {
        match self.effect() {
            Effect::Read | Effect::Write => Replay::Always,
            Effect::Create | Effect::Check | Effect::Send => Replay::OnlyIfUnsent,
        }
    }

    /// Whether its end is worth waiting for when the caller no longer waits: somebody pays for it, or cleans it up.
    pub(super) const fn is_worth_following(self) -> bool {
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

    /// The path with its variable parts by name, for spans and metrics: it holds no id and no phone number.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Send(Channel::Sms) => "/verifications/sms",
            Self::Send(Channel::Call) => "/verifications/call",
            Self::Send(Channel::Flashcall) => "/verifications/flashcall",
            Self::Send(Channel::Whatsapp) => "/verifications/whatsapp",
            Self::Send(Channel::DtmfConfirm) => "/verifications/dtmf_confirm",
            Self::GetVerification => "/verifications/{id}",
            Self::ListVerifications => "/verifications/by_phone_number/{phone}",
            Self::Check => "/verifications/{id}/actions/verify",
            Self::CheckByPhone => "/verifications/by_phone_number/{phone}/actions/verify",
            Self::ListProfiles | Self::CreateProfile => "/verify_profiles",
            Self::GetProfile | Self::UpdateProfile | Self::DeleteProfile => "/verify_profiles/{id}",
            Self::ListTemplates | Self::CreateTemplate => "/verify_profiles/templates",
            Self::UpdateTemplate => "/verify_profiles/templates/{id}",
        }
    }

    /// What a 404 says is not there.
    pub(super) const fn resource(self) -> &'static str {
        match self {
            Self::GetVerification | Self::ListVerifications | Self::Check | Self::CheckByPhone => "verification",
            Self::ListTemplates | Self::CreateTemplate | Self::UpdateTemplate => "template",
            _ => "profile",
        }
    }
}
