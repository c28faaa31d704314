//! SHA-256 of a certificate or of a public key, written as lower-case hex.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use thiserror::Error;

/// SHA-256 of a certificate's DER (an identity) or of a `SubjectPublicKeyInfo` (a pin).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// A text that is not 32 octets in hex.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a SHA-256 fingerprint of 64 hex digits")]
pub struct FingerprintError(String);

impl Fingerprint {
    /// The fingerprint with these octets.
    #[must_use]
    pub const fn from_bytes(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its 32 octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The SHA-256 of some octets.
    pub(crate) fn of(octets: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, octets).as_ref());
        Self(out)
    }

    /// The SHA-256 of several pieces, each behind its length: no other pieces have the same.
    pub(crate) fn of_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for piece in pieces {
            context.update(&piece.len().to_le_bytes());
            context.update(piece);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Self(out)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0 {
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads 64 hex digits; colons between octets, as `openssl` prints them, are skipped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FingerprintError(text.chars().take(100).collect());
        let mut out = [0_u8; 32];
        let mut digits = text.chars().filter(|c| *c != ':');
        for octet in &mut out {
            let mut digit = || {
                let value = digits
                    .next()
                    .and_then(|c| c.to_digit(16))
                    .ok_or_else(wrong)?;
                u8::try_from(value).map_err(|_| wrong())
            };
            *octet = (digit()? << 4) | digit()?;
        }
        match digits.next() {
            None => Ok(Self(out)),
            Some(_) => Err(wrong()),
        }
    }
}
