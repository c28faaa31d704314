//! The envelope that a probe tries, from what somebody typed.

use tenantry_smtp::{
    AddressError, Command, ForwardPath, Mail, Offer, Parameters, Rcpt, ReversePath, Utf8,
};

/// Sender and recipients of the message that never comes.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub(super) mail: Mail,
    pub(super) recipients: Vec<Rcpt>,
}

/// Why something is no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The sender is no address.
    #[error("sender {address:?}: {error}")]
    Sender {
        /// What was given.
        address: String,
        /// Why not.
        error: AddressError,
    },
    /// A recipient is no address.
    #[error("recipient {address:?}: {error}")]
    Recipient {
        /// What was given.
        address: String,
        /// Why not.
        error: AddressError,
    },
    /// There is no recipient.
    #[error("no recipient: attribution is asked for with RCPT")]
    NoRecipient,
}

impl Envelope {
    /// Reads a sender, empty or `<>` for the null sender, and recipients.
    ///
    /// # Errors
    /// When one of them is no address, or there is no recipient.
    pub fn parse(sender: &str, recipients: &[String]) -> Result<Self, EnvelopeError> {
        let sender = if sender == "<>" { "" } else { sender };
        let path =
            ReversePath::parse(sender, Utf8::Allowed).map_err(|error| EnvelopeError::Sender {
                address: shortened(sender),
                error,
            })?;
        if recipients.is_empty() {
            return Err(EnvelopeError::NoRecipient);
        }
        let international = !sender.is_ascii() || !recipients.iter().all(|text| text.is_ascii());
        let parameters = parameters(international);
        let recipients = recipients
            .iter()
            .map(|text| recipient(text))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            mail: Mail { path, parameters },
            recipients,
        })
    }

    /// The sender as it is sent.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.mail.path.as_str()
    }

    /// The recipients as they are sent.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.recipients
            .iter()
            .map(|recipient| recipient.path.as_str())
    }
}

fn recipient(text: &str) -> Result<Rcpt, EnvelopeError> {
    match ForwardPath::parse(text, Utf8::Allowed) {
        Ok(path) => Ok(Rcpt {
            path,
            parameters: Parameters::default(),
        }),
        Err(error) => Err(EnvelopeError::Recipient {
            address: shortened(text),
            error,
        }),
    }
}

/// What MAIL says beside the sender: that addresses beyond ASCII come, when they do (RFC 6531 section 3.4).
fn parameters(international: bool) -> Parameters {
    let offer = Offer {
        smtputf8: true,
        ..Offer::default()
    };
    if !international {
        return Parameters::default();
    }
    match Command::parse(b"MAIL FROM:<> SMTPUTF8", &offer) {
        Ok(Command::Mail(mail)) => mail.parameters,
        Ok(_) | Err(_) => Parameters::default(),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).collect()
}

/// Characters of an address in a message about it.
const LONGEST_SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn parse(sender: &str, recipients: &[&str]) -> Result<Envelope, EnvelopeError> {
        let recipients: Vec<String> = recipients.iter().map(|text| (*text).to_owned()).collect();
        Envelope::parse(sender, &recipients)
    }

    #[test]
    fn the_null_sender_has_two_spellings() {
        for sender in ["", "<>"] {
            assert_eq!(parse(sender, &["b@b.example"]).unwrap().sender(), "");
        }
    }

    #[test]
    fn nothing_but_addresses_gets_through() {
        for address in [
            "a b@c.example",
            "a@b.example> SIZE=1",
            "a@b.example\r\nDATA",
            "a",
            "<a@b.example>",
        ] {
            assert!(parse(address, &["b@b.example"]).is_err(), "{address:?}");
            assert!(parse("", &[address]).is_err(), "{address:?}");
        }
        assert_eq!(parse("", &[]).unwrap_err(), EnvelopeError::NoRecipient);
    }

    #[test]
    fn addresses_beyond_ascii_are_announced() {
        let announced = |envelope: Envelope| envelope.mail.parameters.smtputf8();
        assert!(announced(
            parse("m\u{fc}ller@b.example", &["b@b.example"]).unwrap()
        ));
        assert!(announced(parse("", &["m\u{fc}ller@b.example"]).unwrap()));
        assert!(!announced(parse("a@b.example", &["b@b.example"]).unwrap()));
    }
}
