//! `verify-gateway dev`: the gateway and a simulated Telnyx on this machine, ready for calls.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
};

use clap::{Args, ValueEnum};
use http::HeaderValue;
use tokio_util::sync::CancellationToken;

use super::{LogArguments, observe, stop_signal};
use crate::{
    app::{Gateway, descriptors},
    clock::Clock,
    config::{self, Config},
    domain::{ApiKey, Identity, Limits, Permissions, TelnyxAccount, Tenant, TenantId, TokenHash, WebhookKey},
    simulator::{self, Fixtures},
    tenant::{Credential, Directory},
};

/// The token of the demo tenant, and its API key, of which the simulator accepts any.
const TOKEN: &str = "demo";
const KEY: &str = "KEYdemo";

/// The end of the path of its webhooks.
const WEBHOOK_TOKEN: &str = "demo-webhooks-of-the-simulator";

/// Runs the gateway and a simulated Telnyx on this machine. Needs no configuration.
#[derive(Args)]
pub(super) struct DevArguments {
    /// The address of the gateway. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// The address of the simulator. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:4010")]
    simulator_listen: SocketAddr,
    /// The address of the admin port. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:9090")]
    admin_listen: SocketAddr,
    /// Shows traces: `console` writes each as a tree to standard output.
    #[arg(long)]
    traces: Option<Traces>,
    /// Allows gRPC-Web calls from pages of this origin, such as `http://localhost:8000`. Can be repeated.
    #[arg(long, value_parser = origin)]
    web_origin: Vec<HeaderValue>,
    #[command(flatten)]
    log: LogArguments,
}

fn origin(text: &str) -> Result<HeaderValue, &'static str> {
    config::WebConfig::origin(text)
        .ok_or("must be a scheme, a host and a port as browsers write them, such as http://localhost:8000")
}

/// The destination of traces.
#[derive(Clone, Copy, ValueEnum)]
enum Traces {
    Console,
}

/// Runs both until Ctrl-C or SIGTERM. The gateway drains before the simulator stops.
pub(super) async fn run(arguments: DevArguments) -> anyhow::Result<()> {
    let stopped = stop_signal()?;
    let fixtures = Fixtures { quickstart_profile: true, ..Fixtures::default() };
    let simulator = simulator::Server::bind(arguments.simulator_listen, false, Default::default(), fixtures).await?;
    let default_profile = simulator.handle().seed_profile(KEY, "demo");

    let mut config = Config::default();
    config.grpc.listen = arguments.listen;
    config.grpc.plaintext = true;
    config.grpc.web.enabled = !arguments.web_origin.is_empty();
    config.grpc.web.allowed_origins = arguments.web_origin;
    config.upstream.base_url = format!("http://{}/v2", simulator.addr());
    config.upstream.allow_private_webhooks = true;
    config.admin.listen = Some(arguments.admin_listen);
    config.webhooks.listen = Some((Ipv4Addr::LOCALHOST, 0).into());
    config.events.enabled = true;
    config.telemetry.console_traces = matches!(arguments.traces, Some(Traces::Console));
    // A person at a terminal wants to see a line for each call.
    config.telemetry.log.level = "info,verify_gateway=debug".into();
    arguments.log.apply(&mut config.telemetry.log);
    let (telemetry, _flush) = observe(&config.telemetry)?;
    descriptors::fit(&mut config.grpc);
    let public_key = WebhookKey::parse(&simulator.handle().public_key(KEY)).expect("the simulator has a key");
    let directory = demo_tenant(default_profile.clone(), public_key);
    let gateway = Gateway::bind(&config, directory, Clock::default(), &telemetry).await?;
    if let Some(addr) = gateway.webhooks_addr() {
        let url = format!("http://{addr}/webhooks/{WEBHOOK_TOKEN}");
        simulator.handle().set_webhook_url(KEY, &default_profile, &url);
    }

    // Nobody may read it: the log has the addresses too.
    let _ = writeln!(io::stdout(), "{}", guide(gateway.addr(), simulator.addr(), gateway.admin_addr()));
    let stop = CancellationToken::new();
    let simulator = tokio::spawn(simulator.serve(stop.clone().cancelled_owned()));
    gateway.run(stopped).await;
    stop.cancel();
    simulator.await?;
    telemetry.shutdown().await;
    Ok(())
}

fn demo_tenant(default_profile: String, public_key: WebhookKey) -> Directory {
    let id = TenantId::new("demo").expect("it is a name");
    let key = ApiKey::new(KEY).expect("it is a header value");
    // People who try the gateway send to one number many times. They see the limits, and are not refused.
    let limits = Limits::default().observed();
    let telnyx_account = Some("demo".to_owned());
    let tenant = Tenant { default_profile: Some(default_profile), telnyx_account, limits, ..Tenant::new(id, key) };
    let webhook_token = WEBHOOK_TOKEN.to_owned();
    let account = TelnyxAccount { name: "demo".to_owned(), webhook_token, public_keys: vec![public_key] };
    let identity = Identity { name: "demo".into(), permissions: Permissions::all() };
    let identities = vec![(identity, vec![Credential::Token(TokenHash::of(TOKEN))])];
    Directory::new(vec![(tenant, identities)]).with_accounts(vec![account])
}

/// The addresses, and commands to paste. Lines fit a terminal of 80 columns, so that copying does not break them.
fn guide(grpc: SocketAddr, simulator: SocketAddr, admin: Option<SocketAddr>) -> String {
    let admin =
        admin.map(|addr| format!("\n  admin      http://{addr} (metrics, probes, log level)")).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let grpcurl = format!("grpcurl -plaintext -H 'authorization: Bearer {TOKEN}' \\\n ");
    let messages = format!("http://{simulator}/_simulator/messages");
    format!(
        r#"verify-gateway {version}: a gateway and a simulated Telnyx, on this machine only

  gRPC       {grpc}, token {TOKEN}
  simulator  http://{simulator} (open it in a browser){admin}

Paste these into another terminal, one after the other
(grpcurl is at https://github.com/fullstorydev/grpcurl).

# List the message templates
{grpcurl} {grpc} verify.v1.TemplateService/ListTemplates

# Create a profile
{grpcurl} -d '{{"profile": {{"name": "login", "sms": {{"app_name": "Acme"}},
                   "call": {{"app_name": "Acme"}}}}}}' \
  {grpc} verify.v1.ProfileService/CreateProfile

# Send a code by SMS, with the demo tenant's default profile
{grpcurl} -d '{{"phone_number": "+13035551234", "channel": "CHANNEL_SMS"}}' \
  {grpc} verify.v1.VerificationService/CreateVerification

# Read what the phone would have received
curl -s '{messages}?phone=%2B13035551234'

# Check the code
code=$(curl -s \
  '{messages}/latest/code?phone=%2B13035551234')
{grpcurl} -d '{{"phone_number": "+13035551234", "code": "'$code'"}}' \
  {grpc} verify.v1.VerificationService/CheckVerification

Ctrl-C stops both."#
    )
}
