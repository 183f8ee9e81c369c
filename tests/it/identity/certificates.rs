//! Client certificates, alone and together with a token.

use verify_gateway::{
    authn::{Authorization, DenialCause},
    domain::PeerCertificate,
};

use super::authenticator::{TOKEN, service, who, with_keys};
use crate::support::issuer::SigningKey;

fn certificate(dns: &[&str], uris: &[&str]) -> PeerCertificate {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    PeerCertificate { dns_names: owned(dns), uris: owned(uris) }
}

#[tokio::test]
async fn a_certificate_is_known_by_its_names_and_must_agree_with_the_token() {
    let (known, _folder) = with_keys(&[&SigningKey::ed25519("a")]);
    let of_service = certificate(&["x.internal", "Service.login.internal"], &[]);
    let (web, other) = (certificate(&[], &["spiffe://acme/web"]), certificate(&[], &["spiffe://acme/other"]));
    let nobody = certificate(&["login.internal"], &["spiffe://acme/web/"]);
    assert_eq!(who(&known, Authorization::Missing, Some(&of_service)).await, service());
    assert_eq!(who(&known, Authorization::Missing, Some(&web)).await, Ok("login web".into()));
    assert_eq!(who(&known, Authorization::Missing, Some(&nobody)).await, Err(DenialCause::UnknownCertificate));
    assert_eq!(who(&known, Authorization::Missing, None).await, Err(DenialCause::Missing));
    let two = certificate(&["service.login.internal"], &["spiffe://acme/web"]);
    assert_eq!(who(&known, Authorization::Missing, Some(&two)).await, Err(DenialCause::ConflictingCredentials));

    let token = Authorization::Bearer(TOKEN);
    assert_eq!(who(&known, token, None).await, service());
    assert_eq!(who(&known, token, Some(&of_service)).await, service());
    // The certificate secures the connection and selects no identity.
    assert_eq!(who(&known, token, Some(&nobody)).await, service());
    // The same name in another tenant is another identity.
    for other in [&web, &other, &two] {
        assert_eq!(who(&known, token, Some(other)).await, Err(DenialCause::ConflictingCredentials));
    }
    // A presented token must be valid, even if the certificate alone is enough.
    assert_eq!(who(&known, Authorization::Bearer("x"), Some(&of_service)).await, Err(DenialCause::UnknownToken));
    assert_eq!(who(&known, Authorization::Malformed, Some(&of_service)).await, Err(DenialCause::Malformed));
}
