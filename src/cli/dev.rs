//! `verify-gateway dev`: the gateway and a simulated Telnyx on this machine, ready to be called.

use std::net::SocketAddr;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Failure, observe, stop_signal};
use crate::{
    app::Gateway,
    clock::Clock,
    config::Config,
    domain::TenantId,
    simulator,
    tenant::{Allow, ApiKey, Directory, Tenant, TokenHash},
};

/// The demo tenant's token and its key to the simulator, which takes any.
const TOKEN: &str = "demo";
const KEY: &str = "KEYdemo";

/// Runs the gateway and a simulated Telnyx on this machine; needs no configuration.
#[derive(Args)]
pub(super) struct Arguments {
    /// Where the gateway listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// Where the simulator listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4010")]
    simulator_listen: SocketAddr,
}

/// Runs both until Ctrl-C or SIGTERM; the gateway drains before its upstream goes.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let stopped = stop_signal()?;
    let simulator = simulator::Server::bind(arguments.simulator_listen, false, simulator::Settings::default())
        .await
        .map_err(Failure::runtime)?;
    let default_profile = simulator.handle().seed_profile(KEY, "demo");

    let mut config = Config::default();
    config.grpc.listen = arguments.listen;
    config.upstream.base_url = format!("http://{}/v2", simulator.addr());
    // A line for each call, which is what a person at a terminal wants to see.
    config.telemetry.log.level = "info,verify_gateway=debug".into();
    let telemetry = observe(&config.telemetry)?;
    let gateway =
        Gateway::bind(&config, demo_tenant(default_profile), Clock::default()).await.map_err(Failure::runtime)?;

    println!("{}", guide(gateway.addr(), simulator.addr()));
    let stop = CancellationToken::new();
    let simulator = tokio::spawn(simulator.serve(stop.clone().cancelled_owned()));
    gateway.run(stopped).await;
    stop.cancel();
    simulator.await.map_err(Failure::runtime)?;
    telemetry.shutdown(config.shutdown.grace_period).await;
    Ok(())
}

fn demo_tenant(default_profile: String) -> Directory {
    let tenant = Tenant {
        id: TenantId::new("demo").expect("it is a name"),
        key: ApiKey::new(KEY).expect("it is a header value"),
        default_profile: Some(default_profile),
        allow: Allow::default(),
        duplicate_window: None,
    };
    Directory::new(vec![(tenant, vec![TokenHash::of(TOKEN)])])
}

/// What is there, and what to paste.
fn guide(grpc: SocketAddr, simulator: SocketAddr) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let call = |data: &str, rpc: &str| {
        let data = if data.is_empty() { String::new() } else { format!("-d '{data}' ") };
        format!("grpcurl -plaintext -H 'authorization: Bearer {TOKEN}' {data}{grpc} verify.v1.{rpc}")
    };
    let templates = call("", "TemplateService/ListTemplates");
    let profile = call(
        r#"{"profile": {"name": "login", "sms": {"app_name": "Acme"}, "call": {"app_name": "Acme"}}}"#,
        "ProfileService/CreateProfile",
    );
    let send =
        call(r#"{"phone_number": "+13035551234", "channel": "CHANNEL_SMS"}"#, "VerificationService/CreateVerification");
    let messages = format!("http://{simulator}/_simulator/messages");
    let check = call(
        &format!(
            r#"{{"phone_number": "+13035551234", "code": "'"$(curl -s '{messages}/latest/code?phone=%2B13035551234')"'"}}"#
        ),
        "VerificationService/CheckVerification",
    );
    format!(
        "verify-gateway {version}: a gateway and a simulated Telnyx, on this machine only

  gRPC       {grpc}          token: {TOKEN}
  simulator  http://{simulator}   its own guide: curl http://{simulator}/

Paste these into another terminal, one after the other (grpcurl: https://github.com/fullstorydev/grpcurl).

# List the message templates
{templates}

# Create a profile
{profile}

# Send a code by SMS, with the demo tenant's default profile
{send}

# Read what the phone would have received
curl -s '{messages}?phone=%2B13035551234'

# Check the code
{check}

Ctrl-C stops both."
    )
}
