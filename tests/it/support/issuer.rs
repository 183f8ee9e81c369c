//! An issuer of JWTs: generated keys, and a server of the public keys.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    },
};
use axum::{Router, extract::State, http::HeaderMap, routing::get, serve::Listener};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "verify-gateway";

/// A key pair with its key ID.
pub struct SigningKey {
    pub id: &'static str,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    pub fn ed25519(id: &'static str) -> Self {
        Self { id, pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    pub fn p256(id: &'static str) -> Self {
        Self { id, pair: Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub fn rsa(id: &'static str) -> Self {
        Self { id, pair: Pair::Rsa(RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap()) }
    }

    /// The algorithm that the key signs with.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key())}),
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                json!({
                    "kty": "RSA",
                    "n": encode(n.big_endian_without_leading_zero()),
                    "e": encode(e.big_endian_without_leading_zero()),
                })
            }
        };
        jwk["kid"] = self.id.into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// The bytes of the public key.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_ref().into(),
            Pair::P256(pair) => pair.public_key().as_ref().into(),
            Pair::Rsa(pair) => pair.public_key().as_ref().into(),
        }
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.with_header(&json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"}), claims)
    }

    /// A token with this header and these claims, signed with the header's algorithm if the key supports it.
    pub fn with_header(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.sign(message.as_bytes(), header["alg"] == "PS256");
        format!("{message}.{}", encode(signature))
    }

    fn sign(&self, message: &[u8], pss: bool) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().into(),
            Pair::P256(pair) => pair.sign(&random, message).unwrap().as_ref().into(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// The part of a token that is signed.
pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string()), encode(claims.to_string()))
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A JSON Web Key Set.
pub fn jwks(keys: &[&SigningKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// Whether a request with `headers` names `media`. The servers of Kubernetes read no `*/*` here.
fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let accept = headers.get("accept").map_or("", |value| value.to_str().unwrap());
    accept.split(',').any(|one| one.trim() == media)
}

/// A server of a JSON Web Key Set.
pub struct JwksServer {
    pub url: String,
    state: Arc<Served>,
}

struct Served {
    jwks: Mutex<String>,
    status: AtomicU16,
    /// The media type of the answers. A strict server refuses requests that do not accept it.
    media: Option<&'static str>,
    /// One permit for each answer.
    gate: Semaphore,
    /// The `authorization` of each request.
    requests: watch::Sender<Vec<String>>,
}

impl JwksServer {
    /// Answers the first `answers` requests with `jwks`. Later requests wait for [`JwksServer::answer`].
    pub async fn start(jwks: String, answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, "http", jwks, answers)
    }

    /// The same, of this media type alone: as an API server of Kubernetes, it answers 406 to a request that does not
    /// accept it.
    pub async fn strict(jwks: String, media: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, "http", jwks, 1, Some(media))
    }

    /// The same over any kind of connection.
    pub fn on<L: Listener<Addr = SocketAddr>>(listener: L, scheme: &str, jwks: String, answers: usize) -> Self {
        Self::serve(listener, scheme, jwks, answers, None)
    }

    fn serve<L: Listener<Addr = SocketAddr>>(
        listener: L,
        scheme: &str,
        jwks: String,
        answers: usize,
        media: Option<&'static str>,
    ) -> Self {
        let url = format!("{scheme}://localhost:{}/jwks", listener.local_addr().unwrap().port());
        let state = Arc::new(Served {
            jwks: jwks.into(),
            status: AtomicU16::new(200),
            media,
            gate: Semaphore::new(answers),
            requests: watch::Sender::default(),
        });
        let show = |State(served): State<Arc<Served>>, headers: HeaderMap| async move {
            let bearer = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            served.requests.send_modify(|requests| requests.push(bearer.unwrap_or_default()));
            served.gate.acquire().await.unwrap().forget();
            let mut status = StatusCode::from_u16(served.status.load(Ordering::Relaxed)).unwrap();
            if served.media.is_some_and(|media| !accepts(&headers, media)) {
                status = StatusCode::NOT_ACCEPTABLE;
            }
            let media = served.media.unwrap_or("text/plain");
            (status, [("content-type", media)], served.jwks.lock().unwrap().clone())
        };
        let router = Router::new().route("/jwks", get(show)).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Changes the key set.
    pub fn show(&self, jwks: String) {
        *self.state.jwks.lock().unwrap() = jwks;
    }

    /// Answers with `status` from now on.
    pub fn fail(&self, status: u16) {
        self.state.status.store(status, Ordering::Relaxed);
    }

    /// Lets `count` more requests be answered.
    pub fn answer(&self, more: usize) {
        self.state.gate.add_permits(more);
    }

    /// The `authorization` headers so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.borrow().clone()
    }

    /// Waits until `count` requests have arrived.
    pub async fn until(&self, number: usize) {
        self.state.requests.subscribe().wait_for(|requests| requests.len() >= number).await.unwrap();
    }
}
