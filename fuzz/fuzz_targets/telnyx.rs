//! Answers of Telnyx: whatever they are, they are read or not, and become messages of the contract.

#![no_main]

use libfuzzer_sys::fuzz_target;
use verify_gateway::{
    grpc::translate,
    telnyx::{CheckResponse, Data, ErrorBody, List, Profile, Template, Verification},
};

fuzz_target!(|body: &[u8]| {
    if let Some(verification) = Data::<Verification>::read(body) {
        translate::verification(verification, false);
    }
    if let Some(profile) = Data::<Profile>::read(body) {
        translate::profile(profile);
    }
    if let Some(template) = Data::<Template>::read(body) {
        translate::template(template);
    }
    if let Some(check) = Data::<CheckResponse>::read(body) {
        translate::check_outcome(&check);
    }
    if let Some((list, _)) = List::<Verification>::read(body) {
        list.map(|verification| translate::verification(verification, false));
    }
    ErrorBody::read(body);
});
