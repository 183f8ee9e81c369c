//! Authentication of a call.

use std::sync::Arc;

use http::{HeaderValue, Request, header::AUTHORIZATION};
use tonic::body::Body;

use crate::{
    authn::{Authenticator, Authorization, Credentials},
    domain::{Caller, Error, PeerCertificate},
    pb::ErrorReason,
};

/// Authenticates `request` and removes its credentials: nothing below needs them. The caller can't tell one refusal of its credentials from another. The log has the cause.
pub(super) async fn caller(request: &mut Request<Body>, authenticator: &Authenticator) -> Result<Caller, Error> {
    let values: Vec<HeaderValue> = request.headers().get_all(AUTHORIZATION).iter().cloned().collect();
    request.headers_mut().remove(AUTHORIZATION);
    let certificate = request.extensions().get::<Arc<PeerCertificate>>().cloned();
    find(&values, certificate.as_deref(), authenticator).await
}

/// Finds the caller that these credentials prove.
pub(super) async fn find(
    authorization: &[HeaderValue],
    certificate: Option<&PeerCertificate>,
    authenticator: &Authenticator,
) -> Result<Caller, Error> {
    let credentials = Credentials { authorization: Authorization::read(authorization), certificate };
    let caller = authenticator.authenticate(credentials).await;
    caller.map_err(|cause| match cause.retry_after() {
        Some(wait) => Error::new(ErrorReason::IssuerUnavailable, "the keys of the issuer are not known yet")
            .retry_after(wait)
            .source(cause),
        None => Error::new(ErrorReason::CredentialsInvalid, "valid credentials are needed").source(cause),
    })
}
