//! `hash-token`: makes a token for an identity, and its hash for the tenants file.

use std::io::{self, Read, Write};

use anyhow::{Context, anyhow};
use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Args;
use zeroize::Zeroizing;

use super::usage;
use crate::domain::TokenHash;

/// The prefix by which scanners for leaked secrets find tokens.
const PREFIX: &str = "vgw_";
/// The hash is fast to compute, so a short token could be guessed from it.
const MIN_LENGTH: usize = 16;
/// No header can carry a longer token.
const MAX_INPUT: u64 = 64 << 10;

/// Makes a new token for an identity, and prints it with its line for the tenants file.
#[derive(Args)]
pub(super) struct HashTokenArguments {
    /// Hashes the token on standard input instead, and prints only the line.
    #[arg(long)]
    stdin: bool,
}

/// Prints a new token and its hash, or the hash of the token on standard input.
pub(super) fn run(arguments: &HashTokenArguments) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if arguments.stdin {
        let mut input = Zeroizing::new(String::new());
        io::stdin().take(MAX_INPUT).read_to_string(&mut input).context("standard input must be UTF-8 text")?;
        let token = input.strip_suffix("\r\n").or_else(|| input.strip_suffix('\n')).unwrap_or(&input);
        must_be_token(token).map_err(usage)?;
        writeln!(out, "- {}", TokenHash::of(token))?;
        return Ok(());
    }
    let token = fresh()?;
    writeln!(out, "token, for the `authorization: Bearer` header of calls; it is not shown again:")?;
    writeln!(out, "  {}", *token)?;
    writeln!(out, "line for `tokens` of the identity in the tenants file:")?;
    writeln!(out, "  - {}", TokenHash::of(&token))?;
    Ok(())
}

/// A token of 32 random bytes.
fn fresh() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(&mut *bytes).map_err(|_| anyhow!("the system gives no random bytes"))?;
    let mut token = Zeroizing::new(PREFIX.to_owned());
    BASE64_URL_SAFE_NO_PAD.encode_string(*bytes, &mut token);
    Ok(token)
}

/// Refuses tokens that a header can't carry, and tokens that could be guessed.
fn must_be_token(token: &str) -> Result<(), &'static str> {
    if token.is_empty() {
        Err("the token is empty")
    } else if token.len() < MIN_LENGTH {
        Err("the token must have at least 16 characters, which should be random")
    } else if !token.bytes().all(|c| c.is_ascii_graphic()) {
        Err("the token must be ASCII letters, digits and punctuation")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_tokens_differ_and_are_tokens() {
        let (one, two) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(*one, *two);
        assert_eq!(one.len(), PREFIX.len() + 43);
        assert_eq!(must_be_token(&one), Ok(()));
    }

    #[test]
    fn what_is_guessed_or_can_not_be_sent_is_refused() {
        for bad in ["", "123456789012345", "1234567890 123456", "12345678901234567\n", "schlüsselschlüssel"] {
            assert!(must_be_token(bad).is_err(), "{bad:?}");
        }
        assert!(must_be_token("1234567890123456").is_ok());
    }
}
