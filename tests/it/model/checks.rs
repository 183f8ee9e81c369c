//! Checks of codes, right and wrong, and reports. No wrong code may be accepted.

use std::sync::{Arc, Mutex};

use verify_gateway::{
    domain::{PhoneNumber, VerificationRef},
    secret::Secret,
    services::{Check, Report},
    simulator::Handle,
};

use super::{answers::Operation, world::World};

/// Checks, and what was wrong with their answers. Clones share it.
#[derive(Clone)]
pub struct Checks {
    simulator: Handle,
    wrong: Arc<Mutex<Vec<String>>>,
}

/// A code that nobody was sent.
const WRONG: &str = "990099";

impl Checks {
    pub fn new(simulator: Handle) -> Self {
        Self { simulator, wrong: Arc::default() }
    }

    /// Checks codes of the verification that was sent, or reports that its custom code was right.
    pub async fn play(&self, world: &World, operation: &Operation, id: &str) {
        let phone_number = PhoneNumber::parse(operation.phone).unwrap();
        let by_phone = VerificationRef::PhoneNumber { phone_number, profile_id: world.profile_id.clone() };
        for _ in 0..world.random.below(4) {
            tokio::time::sleep(world.while_below(3000)).await;
            let (services, context) = world.context(operation, world.any_time());
            if operation.custom_code.is_some() && world.random.percent(30) {
                let report =
                    Report { request_id: None, verification_id: id.to_owned(), accepted: world.random.percent(70) };
                _ = services.verifications.report(&context, &report).await;
                continue;
            }
            let target = match world.random.below(3) {
                0 => by_phone.clone(),
                1 => VerificationRef::Id(id.to_uppercase()),
                _ => VerificationRef::Id(id.to_owned()),
            };
            let is_right = world.random.percent(40);
            let message = self.simulator.messages().into_iter().find(|message| message.verification_id == id);
            let code = message.and_then(|message| message.code).filter(|_| is_right).unwrap_or_else(|| WRONG.into());
            let request_id = world.random.percent(50).then(|| world.random.uuid());
            let check = Check { request_id, target, code: Secret::new(code.clone()) };
            let mut answer = services.verifications.check(&context, &check).await;
            if answer.is_err() && request_id.is_some() {
                let (services, context) = world.context(operation, world.any_time());
                answer = services.verifications.check(&context, &check).await;
            }
            if answer.is_ok_and(|outcome| outcome.answer.is_accepted()) && code == WRONG {
                self.wrong
                    .lock()
                    .unwrap()
                    .push(format!("a wrong code was accepted: {:?} of {operation:?}", check.target));
            }
        }
    }

    pub fn verdict(&self) -> Result<(), String> {
        self.wrong.lock().unwrap().first().map_or(Ok(()), |wrong| Err(wrong.clone()))
    }
}
