//! The key that signs the webhooks of an account.

use aws_lc_rs::{
    digest::{Context, SHA256},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Separates this use of a digest from every other.
const LABEL: &[u8] = b"verify-gateway simulator webhook key";

/// The key of an account. It protects nothing: everybody who knows the API key can make it.
pub(in crate::simulator) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key in the setting `webhook_key`, or the one that belongs to `account`, which is the same in every run.
    pub(in crate::simulator) fn new(setting: Option<&str>, account: &[u8; 32]) -> Self {
        let seed = setting.and_then(read_seed).unwrap_or_else(|| {
            let mut digest = Context::new(&SHA256);
            digest.update(LABEL);
            digest.update(account);
            digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
        });
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).expect("every 32 bytes are a key"))
    }

    /// The public key as Telnyx's portal shows it: base64 of 32 bytes.
    pub(in crate::simulator) fn public(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// The signature header of a webhook.
    pub(super) fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&[timestamp.as_bytes(), b"|", body].concat()))
    }
}

/// Reads a private key: base64 of 32 bytes.
pub(in crate::simulator) fn read_seed(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// The first key of RFC 8032, section 7.1.
    const RFC_8032: (&str, &str) =
        ("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");

    #[test]
    fn a_key_that_is_set_signs_for_every_account() {
        for account in [[1; 32], [2; 32]] {
            assert_eq!(SigningKey::new(Some(RFC_8032.0), &account).public(), RFC_8032.1);
        }
    }

    #[test]
    fn each_account_has_a_key_of_its_own_that_stays() {
        let public = |account| SigningKey::new(None, &[account; 32]).public();
        assert_eq!(public(1), "h8UGgUwVCj7M1K51Xs451eukCN8ZhdoI/b7rI8ROCmw=");
        assert_ne!(public(1), public(2));
    }

    #[test]
    fn a_signature_covers_the_timestamp_a_bar_and_the_body() {
        let key = SigningKey::new(None, &[1; 32]);
        let signature = STANDARD.decode(key.sign("1700000000", b"{}")).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, STANDARD.decode(key.public()).unwrap());
        assert!(public.verify(b"1700000000|{}", &signature).is_ok());
        assert!(public.verify(b"1700000001|{}", &signature).is_err());
    }
}
