//! Clients of the gateway that send a token with every call.

use std::net::SocketAddr;

use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use verify_gateway::pb::{
    CheckOutcome, CreateProfileRequest, CreateVerificationRequest, GetProfileRequest, Profile, SmsSettings,
    Verification, event_service_client::EventServiceClient, profile_service_client::ProfileServiceClient,
    template_service_client::TemplateServiceClient, verification_service_client::VerificationServiceClient,
};

use super::{check_by_id, sms};

/// Clients of all services.
#[derive(Clone)]
pub struct Clients {
    pub profiles: ProfileServiceClient<Authorized>,
    pub templates: TemplateServiceClient<Authorized>,
    pub verifications: VerificationServiceClient<Authorized>,
    pub events: EventServiceClient<Authorized>,
}

type Authorized = InterceptedService<Channel, Bearer>;

/// Adds the token to each call.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

impl Clients {
    /// Clients of the gateway at `addr` with `token`.
    pub async fn of(addr: SocketAddr, token: Option<&str>) -> Self {
        Self::over(Endpoint::new(format!("http://{addr}")).unwrap().connect().await.unwrap(), token)
    }

    /// Clients over `channel` with `token`.
    pub fn over(channel: Channel, token: Option<&str>) -> Self {
        let bearer = Bearer(token.map(|token| format!("Bearer {token}").parse().unwrap()));
        Self {
            profiles: ProfileServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            templates: TemplateServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            verifications: VerificationServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            events: EventServiceClient::with_interceptor(channel, bearer),
        }
    }

    /// Creates a profile with the SMS channel, and returns its ID.
    pub async fn sms_profile(&mut self) -> String {
        let sms = SmsSettings {
            app_name: "Acme".into(),
            code_length: 6,
            allowed_destinations: vec!["US".into()],
            ..SmsSettings::default()
        };
        self.profile(Profile { name: "sms".into(), sms: Some(sms), ..Profile::default() }).await.id
    }

    /// Creates `profile`.
    pub async fn profile(&mut self, profile: Profile) -> Profile {
        let request = CreateProfileRequest { profile: Some(profile), ..CreateProfileRequest::default() };
        self.profiles.create_profile(request).await.unwrap().into_inner().profile.unwrap()
    }

    /// Reads a profile.
    pub async fn get_profile(&mut self, profile_id: &str) -> Profile {
        let request = GetProfileRequest { profile_id: profile_id.into() };
        self.profiles.get_profile(request).await.unwrap().into_inner().profile.unwrap()
    }

    /// Tries to send a code to `phone` by SMS.
    pub async fn try_send(&mut self, phone: &str, profile_id: &str) -> Result<Verification, Status> {
        let request = CreateVerificationRequest { phone_number: phone.into(), ..sms(profile_id) };
        let answer = self.verifications.create_verification(request).await;
        answer.map(Response::into_inner).map(|answer| answer.verification.unwrap())
    }

    /// Tries to check `code`.
    pub async fn try_check(&mut self, verification_id: &str, code: &str) -> Result<CheckOutcome, Status> {
        let answer = self.verifications.check_verification(check_by_id(verification_id, code)).await;
        answer.map(|answer| answer.into_inner().outcome())
    }

    /// Checks `code`.
    pub async fn check(&mut self, verification_id: &str, code: &str) -> CheckOutcome {
        self.try_check(verification_id, code).await.unwrap()
    }

    /// Sends a code to `phone` by SMS.
    pub async fn send(&mut self, phone: &str, profile_id: &str) -> Verification {
        self.try_send(phone, profile_id).await.unwrap()
    }
}
