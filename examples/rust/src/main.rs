//! An example of a service that sends a code to a phone and checks it. `phone.rs` makes the calls, `watch.rs` shows what
//! happens to them, `errors.rs` handles the errors, and this file connects.

mod errors;
mod phone;
mod watch;

/// The contract, which `build.rs` compiles.
mod pb {
    tonic::include_proto!("verify.v1");
}

use std::{env, error::Error, fs, process::ExitCode, time::Duration};

use pb::{
    CreateProfileRequest, Profile, SmsSettings, VerificationEvent, event_service_client::EventServiceClient,
    profile_service_client::ProfileServiceClient, verification_service_client::VerificationServiceClient,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use uuid::Uuid;

type Gateway = VerificationServiceClient<InterceptedService<Channel, Token>>;
type Events = EventServiceClient<InterceptedService<Channel, Token>>;

/// Sends the token with every call.
#[derive(Clone)]
struct Token(MetadataValue<Ascii>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let gateway = setting("GATEWAY", "127.0.0.1:50051");
    let endpoint = match env::var("CA_FILE") {
        Ok(file) => {
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(fs::read(file)?));
            Endpoint::from_shared(format!("https://{gateway}"))?.tls_config(tls)?
        }
        // `verify-gateway dev` uses plaintext.
        Err(_) => Endpoint::from_shared(format!("http://{gateway}"))?,
    };
    // One connection serves the whole program. It connects on the first call and reconnects if it breaks.
    // While calls run, a gateway that is gone is noticed after 40 seconds at most.
    let channel = endpoint
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .connect_lazy();
    let token = Token(format!("Bearer {}", setting("TOKEN", "demo")).parse()?);
    tokio::select! {
        verified = run(channel, token) => Ok(ExitCode::from(u8::from(!verified))),
        // Ctrl-C drops, and so cancels, the running call.
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
    }
}

async fn run(channel: Channel, token: Token) -> bool {
    if env::args().nth(1).as_deref() == Some("watch") {
        let mut events = EventServiceClient::with_interceptor(channel, token);
        let show = |event: VerificationEvent| println!("{} {}", event.verification_id, event.r#type().as_str_name());
        println!("{}", errors::explain(&watch::watch(&mut events, show).await));
        return false;
    }
    let request = CreateProfileRequest {
        request_id: Uuid::new_v4().into(),
        profile: Some(Profile {
            name: "example".into(),
            sms: Some(SmsSettings { app_name: "Acme".into(), ..Default::default() }),
            ..Default::default()
        }),
    };
    let mut profiles = ProfileServiceClient::with_interceptor(channel.clone(), token.clone());
    let profile = match profiles.create_profile(request).await {
        Ok(answer) => answer.into_inner().profile.unwrap_or_default().id,
        Err(error) => {
            println!("{}", errors::explain(&error));
            return false;
        }
    };
    println!("profile: {profile}");
    let mut gateway = VerificationServiceClient::with_interceptor(channel, token);
    let mut verified = false;
    // First a mistyped number, then the right one.
    for phone in ["+1303555".into(), setting("PHONE", "+13035551234")] {
        verified = phone::verify(&mut gateway, &phone, &profile).await.unwrap_or_else(|error| {
            println!("{}", errors::explain(&error));
            false
        });
    }
    verified
}

/// Stands for the person, who types a wrong code first. `verify-gateway dev` has no phones, so it reads the code from
/// the simulator.
async fn typed_code(phone: &str, attempt: u32) -> String {
    if attempt == 1 {
        return "0000".into();
    }
    let latest = setting("SIMULATOR", "http://127.0.0.1:4010") + "/_simulator/messages/latest/code";
    let request = ureq::get(latest).query("phone", phone);
    let code = tokio::task::spawn_blocking(|| request.call()?.into_body().read_to_string()).await;
    code.map(Result::unwrap_or_default).unwrap_or_default().trim().to_owned()
}
