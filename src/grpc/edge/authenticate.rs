//! Who calls: what a call shows becomes an identity of a tenant.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, header::AUTHORIZATION};
use tonic::body::Body;

use crate::{
    authn::{Authenticator, Authorization, Credentials},
    domain::{Caller, Error, PeerCertificate},
    pb::ErrorReason,
};

/// Who makes `request`, whose credentials are taken out of it. All refusals look alike to the caller; what was wrong is for
/// the log.
pub(super) async fn caller(request: &mut Request<Body>, authenticator: &Authenticator) -> Result<Caller, Error> {
    let values = take(request.headers_mut());
    let certificate = request.extensions().get::<Arc<PeerCertificate>>().cloned();
    let credentials = Credentials { authorization: Authorization::read(&values), certificate: certificate.as_deref() };
    let caller = authenticator.authenticate(credentials).await;
    caller.map_err(|denied| Error::new(ErrorReason::CredentialsInvalid, "valid credentials are needed").source(denied))
}

/// Takes them out: what is below needs no credentials.
fn take(headers: &mut HeaderMap) -> Vec<HeaderValue> {
    let values = headers.get_all(AUTHORIZATION).iter().cloned().collect();
    headers.remove(AUTHORIZATION);
    values
}
