//! No change of a signed webhook is accepted.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;

use super::signature::SignedHeaders;
use crate::domain::WebhookKey;

const AT: &str = "1700000000";
const BODY: &[u8] =
    br#"{"data":{"event_type":"verify.delivered","id":"e1","payload":{"id":"v1","delivery_status":"delivered"}}}"#;

/// The order of the group of Ed25519, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn signed() -> (WebhookKey, [u8; 64]) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let signature = pair.sign(&[AT.as_bytes(), b"|", BODY].concat());
    let key = WebhookKey::parse(&BASE64_STANDARD.encode(pair.public_key())).unwrap();
    (key, signature.as_ref().try_into().unwrap())
}

/// Whether a webhook with these values of its headers is accepted.
fn is_accepted(key: &WebhookKey, at: &[Vec<u8>], signature: &[Vec<u8>], body: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    for (name, values) in [("telnyx-timestamp", at), ("telnyx-signature-ed25519", signature)] {
        for value in values {
            let Ok(value) = HeaderValue::from_bytes(value) else { return false };
            headers.append(name, value);
        }
    }
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    SignedHeaders::read(&headers)
        .is_some_and(|signed| signed.is_of(std::slice::from_ref(key), body) && signed.skew(now).as_secs() <= 300)
}

/// A change of some bytes: replace one, flip a bit, insert, remove, cut, double, or exchange two.
fn change(bytes: &mut Vec<u8>, kind: u8, at: usize, byte: u8) {
    let at = at % bytes.len().max(1);
    match kind % 7 {
        0 if !bytes.is_empty() => bytes[at] = byte,
        1 if !bytes.is_empty() => bytes[at] ^= 1 << (byte % 8),
        2 => bytes.insert(at, byte),
        3 if !bytes.is_empty() => _ = bytes.remove(at),
        4 => bytes.truncate(at),
        5 => bytes.extend_from_within(at..),
        6 if !bytes.is_empty() => bytes.swap(at, usize::from(byte) % (at + 1)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_changed_webhook_is_accepted(
        changes in prop::collection::vec((0_u8..4, any::<u8>(), any::<usize>(), any::<u8>()), 1..4),
    ) {
        let (key, signature) = signed();
        let (mut at, mut raw, mut body) = (AT.as_bytes().to_vec(), signature.to_vec(), BODY.to_vec());
        for (part, kind, position, byte) in &changes {
            // The text of the signature is changed below.
            let part = [&mut at, &mut raw, &mut body].into_iter().nth(usize::from(*part));
            if let Some(part) = part {
                change(part, *kind, *position, *byte);
            }
        }
        let mut text = BASE64_STANDARD.encode(&raw).into_bytes();
        for (_, kind, position, byte) in changes.iter().filter(|(part, ..)| *part == 3) {
            change(&mut text, *kind, *position, *byte);
        }
        let is_unchanged = at == AT.as_bytes() && text == BASE64_STANDARD.encode(signature).as_bytes() && body == BODY;
        prop_assert_eq!(is_accepted(&key, &[at], &[text], &body), is_unchanged);
    }
}

#[test]
fn one_event_has_one_spelling() {
    let (key, signature) = signed();
    let (at, text) = (AT.as_bytes().to_vec(), BASE64_STANDARD.encode(signature));
    let is_accepted = |at: &[Vec<u8>], text: &[Vec<u8>]| is_accepted(&key, at, text, BODY);
    let good = text.clone().into_bytes();
    assert!(is_accepted(std::slice::from_ref(&at), std::slice::from_ref(&good)));
    for spelling in [
        text.trim_end_matches('=').to_owned(),
        text.replace('=', ""),
        text.replace('+', "-").replace('/', "_") + " ",
        format!(" {text}"),
        format!("{text}="),
        format!("{}\t{}", &text[..9], &text[9..]),
        // The bits that padding leaves unused.
        format!("{}B==", &text[..text.len() - 3]),
    ] {
        assert!(!is_accepted(std::slice::from_ref(&at), &[spelling.clone().into_bytes()]), "{spelling}");
    }
    for spelling in
        ["+1700000000", "-1700000000", " 1700000000", "1_700_000_000", "01700000000", "1700000000.0", "", "0x65", "٣"]
    {
        assert!(!is_accepted(&[spelling.as_bytes().to_vec()], std::slice::from_ref(&good)), "{spelling}");
    }
    for (times, signatures) in [(0, 1), (2, 1), (1, 0), (1, 2)] {
        assert!(!is_accepted(&vec![at.clone(); times], &vec![good.clone(); signatures]), "{times} {signatures}");
    }
}

/// The second number that some implementations take for the same signature, and points that sign everything.
#[test]
fn a_signature_is_strict() {
    let (key, signature) = signed();
    let mut second = signature;
    let mut carry = 0;
    for (byte, order) in second[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (u8::try_from(sum & 0xff).unwrap(), sum >> 8);
    }
    let mut zero = [0; 64];
    zero[0] = 1;
    for bad in [second, zero, [0; 64], [0xff; 64]] {
        let text = BASE64_STANDARD.encode(bad).into_bytes();
        assert!(!is_accepted(&key, &[AT.as_bytes().to_vec()], &[text], BODY));
    }
}

/// Made with another implementation: the `cryptography` package of Python, with the first key of RFC 8032 §7.1.
#[test]
fn the_signatures_of_others_are_accepted() {
    let key = WebhookKey::parse("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").unwrap();
    for vector in include_str!("vectors.tsv").lines() {
        let [at, body, signature] = vector.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [at, signature] = [at, signature].map(|text| vec![text.as_bytes().to_vec()]);
        assert!(is_accepted(&key, &at, &signature, body.as_bytes()), "{vector}");
        assert!(!is_accepted(&key, &at, &signature, format!("{body} ").as_bytes()), "{vector}");
    }
}
