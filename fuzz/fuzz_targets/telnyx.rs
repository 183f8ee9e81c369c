//! Answers of Telnyx: whatever they are, they are read or not, and become messages of the contract.

#![no_main]

use libfuzzer_sys::fuzz_target;
use verify_gateway::{
    grpc::translate,
    telnyx::{CheckResponse, Data, ErrorBody, List, Profile, Template, Verification},
};

fuzz_target!(|body: &[u8]| {
    if let Some(verification) = Data::<Verification>::read(body) {
        _ = translate::verification(verification, false);
    }
    if let Some(profile) = Data::<Profile>::read(body) {
        _ = translate::profile(profile, Some("https://codes.example/webhooks/token"));
    }
    if let Some(template) = Data::<Template>::read(body) {
        _ = translate::template(template);
    }
    if let Some(check) = Data::<CheckResponse>::read(body) {
        _ = translate::check_outcome(&check);
    }
    if let Some((list, _)) = List::<Verification>::read(body) {
        _ = list.map(|verification| translate::verification(verification, false));
    }
    _ = ErrorBody::read(body);
});
