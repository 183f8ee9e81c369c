//! Sends a code to a phone and checks it. Dropping the future, for example because the page was closed, cancels the running
//! call.

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

/// The deadline of one call. It is sent to the gateway, which then gives up too.
const DEADLINE: Duration = Duration::from_secs(12);

/// Sends a code to `phone`, and returns whether the person typed it.
pub async fn verify(gateway: &mut Gateway, phone: &str, profile: &str) -> Result<bool, Status> {
    let sent = send(gateway, phone, profile).await?;
    println!("sent: {} {}", sent.id, sent.state().as_str_name());
    for attempt in 1.. {
        let outcome = check(gateway, &sent.id, &typed_code(phone, attempt).await).await?;
        println!("checked: {}", outcome.as_str_name());
        // Only Accepted proves the phone number. Later versions may add outcomes.
        if outcome != CheckOutcome::Rejected {
            return Ok(outcome == CheckOutcome::Accepted);
        }
    }
    Ok(false)
}

/// Sends one message, even if it needs several calls. Gives up after 30 seconds.
async fn send(gateway: &mut Gateway, phone: &str, profile: &str) -> Result<Verification, Status> {
    let end = Instant::now() + Duration::from_secs(30);
    let request = CreateVerificationRequest {
        // All calls with the same request_id send one message.
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
                println!("retrying in {wait:?}: {}", reason(&error));
                sleep(wait).await;
            }
            _ => return Err(error),
        }
    }
}

/// Is not repeated: a check whose answer is lost may have used one of the person's few attempts.
async fn check(gateway: &mut Gateway, verification: &str, code: &str) -> Result<CheckOutcome, Status> {
    let mut call = Request::new(CheckVerificationRequest {
        target: Some(Target::VerificationId(verification.into())),
        code: code.into(),
        ..Default::default()
    });
    call.set_timeout(DEADLINE);
    Ok(gateway.check_verification(call).await?.into_inner().outcome())
}
