//! `smoke`: sends and checks one verification through a running gateway, to test an installation.

use std::io::{self, Write};

use anyhow::{anyhow, ensure};
use clap::Args;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
    transport::Channel,
};
use uuid::Uuid;

use super::{connection::Connection, usage};
use crate::pb::{
    Channel as Via, CheckOutcome, CheckVerificationRequest, CreateProfileRequest, CreateVerificationRequest,
    DeleteProfileRequest, Profile, SmsSettings, check_verification_request::Target,
    profile_service_client::ProfileServiceClient, verification_service_client::VerificationServiceClient,
};

/// Sends and checks one verification through a running gateway that uses the simulator. Exits 0 only if the gateway
/// accepts the right code and rejects a wrong one.
///
/// It creates a profile and deletes it. The phone number is reserved for fiction, so that no phone rings if the
/// upstream is Telnyx itself.
#[derive(Args)]
pub(super) struct SmokeArguments {
    #[command(flatten)]
    connection: Connection,
    /// The token of the tenant.
    #[arg(long, env = "TOKEN", hide_env_values = true)]
    token: String,
}

/// Prints each step that succeeds.
pub(super) async fn run(arguments: SmokeArguments) -> anyhow::Result<()> {
    let bearer = format!("Bearer {}", arguments.token)
        .parse()
        .map_err(|_| usage("--token must have only visible ASCII characters"))?;
    arguments.connection.run(async |channel| steps(channel, BearerInterceptor(bearer)).await).await
}

async fn steps(channel: Channel, bearer: BearerInterceptor) -> anyhow::Result<()> {
    let mut profiles = ProfileServiceClient::with_interceptor(channel.clone(), bearer.clone());
    let sms = SmsSettings { app_name: "Smoke test".into(), ..Default::default() };
    let profile = Profile { name: "smoke test".into(), sms: Some(sms), ..Default::default() };
    let request = CreateProfileRequest { profile: Some(profile), ..Default::default() };
    let made = profiles.create_profile(request).await.map_err(refused("CreateProfile"))?.into_inner();
    let profile_id = made.profile.unwrap_or_default().id;
    done("profile created")?;

    let verified = verify(channel, bearer, profile_id.clone()).await;
    // Also after a failed verification, so that no profile stays.
    let removed = profiles.delete_profile(DeleteProfileRequest { profile_id }).await.map_err(refused("DeleteProfile"));
    verified?;
    removed?;
    done("profile deleted")
}

async fn verify(channel: Channel, bearer: BearerInterceptor, profile_id: String) -> anyhow::Result<()> {
    let mut verifications = VerificationServiceClient::with_interceptor(channel, bearer);
    let random = Uuid::new_v4().as_u128();
    let code = format!("{:05}", random % 100_000);
    let request = CreateVerificationRequest {
        request_id: Uuid::new_v4().to_string(),
        // Above the magic numbers of the simulator.
        phone_number: format!("+13035550{}", 125 + random % 75),
        channel: Via::Sms.into(),
        profile_id,
        custom_code: code.clone(),
        ..Default::default()
    };
    let sent = verifications.create_verification(request).await.map_err(refused("CreateVerification"))?.into_inner();
    let id = sent.verification.unwrap_or_default().id;
    done("code sent")?;

    let wrong = format!("{:05}", (random + 1) % 100_000);
    for (code, expected, what) in
        [(wrong, CheckOutcome::Rejected, "wrong code rejected"), (code, CheckOutcome::Accepted, "right code accepted")]
    {
        let request =
            CheckVerificationRequest { target: Some(Target::VerificationId(id.clone())), code, ..Default::default() };
        let answer = verifications.check_verification(request).await.map_err(refused("CheckVerification"))?;
        let outcome = answer.into_inner().outcome();
        ensure!(outcome == expected, "{what}: the outcome is {}", outcome.as_str_name());
        done(what)?;
    }
    Ok(())
}

fn done(what: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{what}")?)
}

/// The error of a failed `rpc`.
fn refused(rpc: &'static str) -> impl Fn(Status) -> anyhow::Error {
    move |status| anyhow!("{rpc}: {:?}: {}", status.code(), status.message())
}

/// Adds the token to each call.
#[derive(Clone)]
struct BearerInterceptor(MetadataValue<Ascii>);

impl Interceptor for BearerInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}
