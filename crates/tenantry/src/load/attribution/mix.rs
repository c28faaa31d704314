//! The mix of evidence, as the command line has it.

use std::str::FromStr;

/// What a message proves its tenant with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The tenant's certificate.
    Certificate,
    /// A sender of the tenant, from a peer.
    Sender,
    /// The null sender and a recipient of the tenant, from a peer.
    Recipient,
    /// Nothing that anybody owns: must become nobody's.
    Unattributable,
    /// The tenant's certificate and another tenant's sender: the certificate's it is.
    Conflicting,
    /// A certificate that does not verify and a sender of the tenant: must become nobody's.
    Untrusted,
}

/// Parts against each other, in the order of [`Kind::ALL`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mix([f64; 6]);

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Certificate,
        Self::Sender,
        Self::Recipient,
        Self::Unattributable,
        Self::Conflicting,
        Self::Untrusted,
    ];

    /// The word of the command line.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Unattributable => "unattributable",
            Self::Conflicting => "conflicting",
            Self::Untrusted => "untrusted",
        }
    }
}

impl Mix {
    /// Whether some messages are in conflict between two tenants.
    pub(super) fn has_conflicts(&self) -> bool {
        let mut parts = Kind::ALL.into_iter().zip(self.0);
        parts.any(|(kind, part)| kind == Kind::Conflicting && part > 0.0)
    }

    /// The kind at a place from 0 to 1.
    pub(super) fn at(&self, place: f64) -> Kind {
        let whole: f64 = self.0.iter().sum();
        let mut below = 0.0;
        let mut last = Kind::Certificate;
        for (kind, part) in Kind::ALL.into_iter().zip(self.0) {
            if part <= 0.0 {
                continue;
            }
            last = kind;
            below += part / whole;
            if place < below {
                break;
            }
        }
        last
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = [None; 6];
        for entry in text.split(',').map(str::trim) {
            let (word, part) = entry
                .split_once('=')
                .ok_or_else(|| format!("\"{entry}\" is not of the form WORD=PART"))?;
            let places = Kind::ALL.into_iter().zip(&mut parts);
            let place = places
                .into_iter()
                .find(|(kind, _)| kind.as_str() == word.trim());
            let Some((_, place)) = place else {
                let words = Kind::ALL.map(Kind::as_str).join(", ");
                return Err(format!("\"{word}\" is none of {words}"));
            };
            let part = match part.trim().parse::<f64>() {
                Ok(part) if (0.0..=1e9).contains(&part) => part,
                Ok(_) | Err(_) => return Err(format!("\"{part}\" is not a part of 0 or more")),
            };
            if place.replace(part).is_some() {
                return Err(format!("\"{}\" is there twice", word.trim()));
            }
        }
        let parts = parts.map(Option::unwrap_or_default);
        if parts.iter().sum::<f64>() <= 0.0 {
            return Err("all parts are 0".to_owned());
        }
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn kinds_come_as_often_as_their_parts() {
        let mix: Mix = "certificate=3, sender=1".parse().unwrap();
        assert_eq!(mix.at(0.0), Kind::Certificate);
        assert_eq!(mix.at(0.74), Kind::Certificate);
        assert_eq!(mix.at(0.76), Kind::Sender);
        assert_eq!(mix.at(1.0), Kind::Sender);
    }

    #[test]
    fn what_is_no_mix_is_named() {
        for (text, problem) in [
            (
                "certificate",
                "\"certificate\" is not of the form WORD=PART",
            ),
            ("cert=1", "\"cert\" is none of certificate, sender"),
            ("sender=-1", "\"-1\" is not a part"),
            ("sender=NaN", "\"NaN\" is not a part"),
            ("sender=0", "all parts are 0"),
            ("sender=1,sender=2", "\"sender\" is there twice"),
        ] {
            let error = text.parse::<Mix>().unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
