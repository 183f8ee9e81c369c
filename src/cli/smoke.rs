//! `smoke`: one verification through a running gateway, sent and checked, for those that install one.

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

use super::{Failure, connection::Connection};
use crate::pb::{
    Channel as Via, CheckOutcome, CheckVerificationRequest, CreateProfileRequest, CreateVerificationRequest,
    DeleteProfileRequest, Profile, SmsSettings, check_verification_request::Target,
    profile_service_client::ProfileServiceClient, verification_service_client::VerificationServiceClient,
};

/// Sends and checks one verification through a running gateway that has a simulator behind it. Exits 0 only if the right
/// code is accepted, and a wrong one is not.
///
/// It makes a profile and removes it again. The number is one that the North American plan keeps for fiction, so that
/// nobody's phone rings where Telnyx is no simulator.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The tenant's token.
    #[arg(long, env = "TOKEN", hide_env_values = true)]
    token: String,
}

/// Prints each step that went well.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let bearer = format!("Bearer {}", arguments.token)
        .parse()
        .map_err(|_| Failure::Usage(anyhow!("--token has characters that a header can't carry")))?;
    arguments.connection.ask(async |channel| steps(channel, Bearer(bearer)).await).await
}

async fn steps(channel: Channel, bearer: Bearer) -> anyhow::Result<()> {
    let mut profiles = ProfileServiceClient::with_interceptor(channel.clone(), bearer.clone());
    let sms = SmsSettings { app_name: "Smoke test".into(), ..Default::default() };
    let profile = Profile { name: "smoke test".into(), sms: Some(sms), ..Default::default() };
    let request = CreateProfileRequest { profile: Some(profile), ..Default::default() };
    let made = profiles.create_profile(request).await.map_err(refused("CreateProfile"))?.into_inner();
    let profile_id = made.profile.unwrap_or_default().id;
    done("profile made")?;

    let verified = verify(channel, bearer, profile_id.clone()).await;
    // Whatever became of the verification, the profile must not stay.
    let removed = profiles.delete_profile(DeleteProfileRequest { profile_id }).await.map_err(refused("DeleteProfile"));
    verified?;
    removed?;
    done("profile removed")
}

async fn verify(channel: Channel, bearer: Bearer, profile_id: String) -> anyhow::Result<()> {
    let mut verifications = VerificationServiceClient::with_interceptor(channel, bearer);
    let random = Uuid::new_v4().as_u128();
    let code = format!("{:05}", random % 100_000);
    let request = CreateVerificationRequest {
        request_id: Uuid::new_v4().to_string(),
        // Past those at which the simulator goes wrong.
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

/// What a refusal of `rpc` says.
fn refused(rpc: &'static str) -> impl Fn(Status) -> anyhow::Error {
    move |status| anyhow!("{rpc}: {:?}: {}", status.code(), status.message())
}

/// Puts the token on each call.
#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}
