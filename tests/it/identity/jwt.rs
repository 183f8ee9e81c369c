//! JWTs.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use verify_gateway::authn::DenialCause;

use super::authenticator::{NOW, by_token, claims, service, with_keys};
use crate::support::issuer::{AUDIENCE, ISSUER, SigningKey, encode, message};

#[tokio::test]
async fn a_jwt_of_each_algorithm_is_accepted() {
    for key in [SigningKey::ed25519("a"), SigningKey::p256("a"), SigningKey::rsa("a")] {
        let (known, _folder) = with_keys(&[&key]);
        assert_eq!(by_token(&known, &key.token(&claims(&json!({})))).await, service(), "{}", key.algorithm());
        // A token without a key ID is verified with the only key.
        let unnamed = key.with_header(&json!({"alg": key.algorithm()}), &claims(&json!({})));
        assert_eq!(by_token(&known, &unnamed).await, service(), "{}", key.algorithm());
        if key.algorithm() == "RS256" {
            let pss = key.with_header(&json!({"alg": "PS256", "kid": "a"}), &claims(&json!({})));
            assert_eq!(by_token(&known, &pss).await, service());
        }
    }
}

#[tokio::test]
async fn each_defect_of_a_jwt_has_its_own_cause() {
    let (key, other) = (SigningKey::rsa("a"), SigningKey::rsa("a"));
    let (known, _folder) = with_keys(&[&key]);
    let with = |changes| key.token(&claims(&changes));
    let header = |header| key.with_header(&header, &claims(&json!({})));
    let right = with(json!({}));
    let none = format!("{}.", message(&json!({"alg": "none", "kid": "a"}), &claims(&json!({}))));
    let symmetric = {
        // The algorithm confusion attack: the public key is used as an HMAC secret.
        let message = message(&json!({"alg": "HS256", "kid": "a"}), &claims(&json!({})));
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &key.public());
        format!("{message}.{}", encode(hmac::sign(&secret, message.as_bytes())))
    };
    let cut = &right[..right.len() - 4];
    let swapped = {
        // The claims of one token with the signature of another.
        let message = message(&json!({"alg": "RS256", "kid": "a", "typ": "JWT"}), &claims(&json!({"sub": "root"})));
        format!("{message}.{}", right.rsplit_once('.').unwrap().1)
    };
    let cases = [
        (none, DenialCause::Algorithm),
        (symmetric, DenialCause::Algorithm),
        (header(json!({"alg": "RS512", "kid": "a"})), DenialCause::Algorithm),
        // The key does not support this algorithm.
        (header(json!({"alg": "ES256", "kid": "a"})), DenialCause::Algorithm),
        (header(json!({"alg": "RS256", "kid": "b"})), DenialCause::UnknownKey),
        (header(json!({"alg": "RS256", "kid": 1})), DenialCause::Malformed),
        (header(json!({"alg": "RS256", "kid": "a", "crit": ["b64"], "b64": false})), DenialCause::Malformed),
        (header(json!({"kid": "a"})), DenialCause::Malformed),
        (other.token(&claims(&json!({}))), DenialCause::BadSignature),
        (cut.to_owned(), DenialCause::BadSignature),
        (swapped, DenialCause::BadSignature),
        (with(json!({"aud": "another-service"})), DenialCause::WrongAudience),
        (with(json!({"aud": ["a", "b"]})), DenialCause::WrongAudience),
        (with(json!({"aud": null})), DenialCause::WrongAudience),
        (with(json!({"iss": "https://other.example"})), DenialCause::UnknownIssuer),
        (with(json!({"iss": format!("{ISSUER}/")})), DenialCause::UnknownIssuer),
        (with(json!({"iss": [ISSUER]})), DenialCause::UnknownToken),
        (with(json!({"iss": null})), DenialCause::UnknownToken),
        // The leeway is 30 seconds.
        (with(json!({"exp": NOW - 30})), DenialCause::Expired),
        (with(json!({"exp": 0})), DenialCause::Expired),
        (with(json!({"exp": null})), DenialCause::Malformed),
        (with(json!({"exp": "never"})), DenialCause::Malformed),
        (with(json!({"nbf": NOW + 31})), DenialCause::NotYetValid),
        (with(json!({"nbf": "now"})), DenialCause::Malformed),
        (with(json!({"sub": "Service"})), DenialCause::UnknownSubject),
        (with(json!({"sub": null})), DenialCause::UnknownSubject),
    ];
    for (number, (token, cause)) in cases.into_iter().enumerate() {
        assert_eq!(by_token(&known, &token).await, Err(cause), "case {number}");
    }
    for fine in
        [json!({"exp": NOW - 29}), json!({"nbf": NOW + 30}), json!({"nbf": null}), json!({"aud": ["a", AUDIENCE]})]
    {
        assert_eq!(by_token(&known, &with(fine.clone())).await, service(), "{fine}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_jwt_is_refused() {
    let key = SigningKey::ed25519("a");
    let (known, _folder) = with_keys(&[&key]);
    let token = key.token(&claims(&json!({"exp": NOW + 60})));
    tokio::time::advance(Duration::from_secs(89)).await;
    assert_eq!(by_token(&known, &token).await, service());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(by_token(&known, &token).await, Err(DenialCause::Expired));
}

#[tokio::test]
async fn claims_select_the_identity_and_a_jwt_that_matches_two_is_refused() {
    let key = SigningKey::ed25519("a");
    let (known, _folder) = with_keys(&[&key]);
    let of = |changes| key.token(&claims(&changes));
    let pod = json!({"sub": "x", "kubernetes.io": {"namespace": "login"}, "groups": ["a", "senders"], "admin": true});
    assert_eq!(by_token(&known, &of(pod.clone())).await, Ok("login pods".into()));
    for (claim, value) in [
        ("kubernetes.io", json!({"namespace": "logins"})),
        ("kubernetes.io", json!("login")),
        ("groups", json!(["sender"])),
        ("groups", json!({"senders": true})),
        ("admin", json!(false)),
        ("admin", Value::Null),
    ] {
        let mut pod = pod.clone();
        pod[claim] = value.clone();
        assert_eq!(by_token(&known, &of(pod)).await, Err(DenialCause::UnknownSubject), "{claim}: {value}");
    }
    let mut both = pod;
    both["sub"] = "service".into();
    assert_eq!(by_token(&known, &of(both)).await, Err(DenialCause::ConflictingCredentials));
}
