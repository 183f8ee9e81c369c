//! Is the person at this phone? The service's part of it. Dropping a future, say because the page was closed, cancels the
//! call that is under way.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{
    Gateway,
    errors::{reason, try_again},
    pb::{
        Channel, CheckOutcome, CheckVerificationRequest, CreateVerificationRequest, Verification,
        check_verification_request::Target,
    },
    typed_code,
};

/// The deadline of one call: the gateway is told, and gives up then too.
const DEADLINE: Duration = Duration::from_secs(12);

/// Whether the person at `phone` has the code.
pub async fn verify(gateway: &mut Gateway, phone: &str, profile: &str) -> Result<bool, Status> {
    let sent = send(gateway, phone, profile).await?;
    println!("sent: {} {}", sent.id, sent.state().as_str_name());
    for attempt in 1.. {
        let outcome = check(gateway, &sent.id, &typed_code(phone, attempt).await).await?;
        println!("checked: {}", outcome.as_str_name());
        // Only Accepted lets the person in, whatever other outcomes there may be one day.
        if outcome != CheckOutcome::Rejected {
            return Ok(outcome == CheckOutcome::Accepted);
        }
    }
    Ok(false)
}

/// Sends a code once, however often it has to ask. The person waits for half a minute at most.
async fn send(gateway: &mut Gateway, phone: &str, profile: &str) -> Result<Verification, Status> {
    let end = Instant::now() + Duration::from_secs(30);
    let request = CreateVerificationRequest {
        // Names this intent: with the same name, every further try is the same message.
        request_id: Uuid::new_v4().into(),
        phone_number: phone.into(),
        channel: Channel::Sms.into(),
        profile_id: profile.into(),
        ..Default::default()
    };
    loop {
        let mut call = Request::new(request.clone());
        call.set_timeout(DEADLINE.min(end - Instant::now()));
        let answer = timeout_at(end, gateway.create_verification(call)).await;
        let error = match answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time"))) {
            Ok(answer) => return Ok(answer.into_inner().verification.unwrap_or_default()),
            Err(error) => error,
        };
        match try_again(&error) {
            Some(wait) if Instant::now() + wait < end => {
                println!("once more in {wait:?}: {}", reason(&error));
                sleep(wait).await;
            }
            _ => return Err(error),
        }
    }
}

/// Never asks twice: a check that may have been made has spent one of the person's few tries.
async fn check(gateway: &mut Gateway, verification: &str, code: &str) -> Result<CheckOutcome, Status> {
    let mut call = Request::new(CheckVerificationRequest {
        target: Some(Target::VerificationId(verification.into())),
        code: code.into(),
        ..Default::default()
    });
    call.set_timeout(DEADLINE);
    Ok(gateway.check_verification(call).await?.into_inner().outcome())
}
