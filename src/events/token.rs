//! Resume tokens: a position in the log that nobody can read, change, or use elsewhere.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::store::{self, LogPosition, Store};

/// The first byte of a token, for changes of its format.
const VERSION: u8 = 1;
/// Bytes that name the key. A gateway without a server has a new key after each restart.
const KEY_ID: usize = 8;
/// Bytes of a position.
const POSITION: usize = 16;

/// Makes and reads tokens.
pub(super) struct TokenSealer {
    key: LessSafeKey,
    id: [u8; KEY_ID],
}

/// Why a token can't be used.
#[derive(Debug)]
pub enum TokenError {
    /// It is of another tenant or filter, or was changed.
    Invalid,
    /// What follows its position is not known any more.
    Expired,
    /// The log can't be read now.
    Store(store::Error),
}

impl TokenSealer {
    pub(super) fn new(store: &Store) -> Self {
        let secret = |name: &str| {
            let digest = store.digest(&[b"resume token", name.as_bytes()]);
            BASE64_URL_SAFE_NO_PAD.decode(digest.to_string()).expect("digests are base64")
        };
        let key = UnboundKey::new(&AES_128_GCM, &secret("key")).expect("a digest has the length of a key");
        let id = secret("id")[..KEY_ID].try_into().expect("a digest is longer");
        Self { key: LessSafeKey::new(key), id }
    }

    /// The token of `position` in the streams of `scope`.
    pub(super) fn seal(&self, scope: &[u8], position: LogPosition) -> String {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).expect("the system gives random bytes");
        let mut sealed = [position.millis.to_be_bytes(), position.number.to_be_bytes()].concat();
        let aad = Aad::from(scope);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("a position is short");
        BASE64_URL_SAFE_NO_PAD.encode([&[VERSION][..], &self.id, &nonce, &sealed].concat())
    }

    /// The position of `token`.
    pub(super) fn open(&self, scope: &[u8], token: &str) -> Result<LogPosition, TokenError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Invalid)?;
        let length = 1 + KEY_ID + NONCE_LEN + POSITION + AES_128_GCM.tag_len();
        if bytes.len() != length || bytes[0] != VERSION {
            return Err(TokenError::Invalid);
        }
        let (head, rest) = bytes.split_at(1 + KEY_ID);
        if head[1..] != self.id {
            return Err(TokenError::Expired);
        }
        let (nonce, sealed) = rest.split_at(NONCE_LEN);
        let (nonce, mut sealed) = (Nonce::try_assume_unique_for_key(nonce), sealed.to_vec());
        let nonce = nonce.map_err(|_| TokenError::Invalid)?;
        let opened = self.key.open_in_place(nonce, Aad::from(scope), &mut sealed).map_err(|_| TokenError::Invalid)?;
        let (millis, number) = opened.split_first_chunk().expect("the length was checked");
        let (number, _) = number.split_first_chunk().expect("the length was checked");
        Ok(LogPosition { millis: i64::from_be_bytes(*millis), number: u64::from_be_bytes(*number) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, config::Config};

    #[test]
    fn a_token_opens_for_its_own_scope_only_and_shows_nothing() {
        let sealer = || TokenSealer::new(&Store::memory(&Config::default().store, Clock::default()));
        let (ours, others) = (sealer(), sealer());
        let position = LogPosition { millis: 1_700_000_000_000, number: 7 };
        let token = ours.seal(b"login", position);
        assert_eq!(ours.open(b"login", &token).unwrap(), position);
        assert!(matches!(ours.open(b"billing", &token), Err(TokenError::Invalid)));
        assert!(matches!(others.open(b"login", &token), Err(TokenError::Expired)));
        assert_ne!(ours.seal(b"login", position), token);
        let plain = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert!(!plain.windows(8).any(|part| part == position.millis.to_be_bytes()));
        // Every bit counts. Those of the ID make the token one of another run.
        for bit in 0..plain.len() * 8 {
            let mut changed = plain.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let is_of_another_run = (1..=KEY_ID).contains(&(bit / 8));
            let opened = ours.open(b"login", &BASE64_URL_SAFE_NO_PAD.encode(changed));
            assert!(matches!(opened, Err(TokenError::Expired)) == is_of_another_run, "{bit}");
            assert!(matches!(opened, Err(TokenError::Invalid)) != is_of_another_run, "{bit}");
        }
        for bad in ["", "a", &token[1..], &format!("{token}AA")] {
            assert!(matches!(ours.open(b"login", bad), Err(TokenError::Invalid)), "{bad}");
        }
    }
}
