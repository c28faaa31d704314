//! The extensions of a session (RFC 5321 section 2.2): what a server offers in its EHLO reply.
//!
//! One type serves both sides: the server writes it, the client reads it.

use std::fmt::Write as _;

use crate::reply::Reply;

/// The extensions that a server offers; `default()` is none at all, as after HELO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// SIZE (RFC 1870): the largest message in octets; 0 says that no limit is declared.
    pub size: Option<u64>,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// BINARYMIME (RFC 3030).
    pub binary_mime: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// XOORG, by which Exchange names the originating organisation.
    pub xoorg: bool,
    /// LIMITS (RFC 9422).
    pub limits: Option<OfferLimits>,
}

/// The limits of RFC 9422 that we know; `u32::MAX` says that one is not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferLimits {
    /// MAILMAX: transactions in a session.
    pub mail_max: u32,
    /// RCPTMAX: recipients in a transaction.
    pub rcpt_max: u32,
}

impl Offer {
    /// Reads the 250 reply to EHLO; what is unknown is ignored, and of a keyword that comes twice
    /// the first counts.
    #[must_use]
    pub fn parse(reply: &Reply) -> Self {
        let mut offer = Self::default();
        for line in reply.lines().skip(1) {
            offer.add(line);
        }
        offer
    }

    /// The reply to EHLO of a server with this offer.
    #[must_use]
    pub fn ehlo_reply(&self, hostname: &str, client: &str) -> Reply {
        let keyword = |on: bool, word: &'static str| on.then_some(word);
        let size = self.size.map(|size| format!("SIZE {size}"));
        let limits = self.limits.map(OfferLimits::line);
        let greeting = format!("{hostname} greets {client}");
        let lines = [
            Some(greeting.as_str()),
            keyword(self.pipelining, "PIPELINING"),
            size.as_deref(),
            keyword(self.eight_bit_mime, "8BITMIME"),
            keyword(self.smtputf8, "SMTPUTF8"),
            keyword(self.enhanced_status_codes, "ENHANCEDSTATUSCODES"),
            keyword(self.chunking, "CHUNKING"),
            keyword(self.binary_mime, "BINARYMIME"),
            keyword(self.dsn, "DSN"),
            keyword(self.starttls, "STARTTLS"),
            keyword(self.xoorg, "XOORG"),
            limits.as_deref(),
        ];
        Reply::multiline(250, None, lines.into_iter().flatten())
    }

    fn add(&mut self, line: &str) {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else {
            return;
        };
        let is = |name: &str| keyword.eq_ignore_ascii_case(name);
        if is("SIZE") {
            let size = words.next().and_then(|value| value.parse().ok());
            self.size = self.size.or(Some(size.unwrap_or(0)));
        } else if is("LIMITS") {
            self.limits = self.limits.or_else(|| OfferLimits::parse(words));
        } else {
            self.pipelining |= is("PIPELINING");
            self.eight_bit_mime |= is("8BITMIME");
            self.smtputf8 |= is("SMTPUTF8");
            self.enhanced_status_codes |= is("ENHANCEDSTATUSCODES");
            self.chunking |= is("CHUNKING");
            self.binary_mime |= is("BINARYMIME");
            self.dsn |= is("DSN");
            self.starttls |= is("STARTTLS");
            self.xoorg |= is("XOORG");
        }
    }
}

impl OfferLimits {
    fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut limits = Self {
            mail_max: u32::MAX,
            rcpt_max: u32::MAX,
        };
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                continue;
            };
            // Zero and nonsense declare nothing (RFC 9422 section 4).
            let Some(value) = value.parse().ok().filter(|value| *value > 0) else {
                continue;
            };
            if name.eq_ignore_ascii_case("MAILMAX") {
                limits.mail_max = value;
            } else if name.eq_ignore_ascii_case("RCPTMAX") {
                limits.rcpt_max = value;
            }
        }
        (limits.mail_max != u32::MAX || limits.rcpt_max != u32::MAX).then_some(limits)
    }

    fn line(self) -> String {
        let mut line = String::from("LIMITS");
        for (name, value) in [("MAILMAX", self.mail_max), ("RCPTMAX", self.rcpt_max)] {
            if value != u32::MAX {
                // Writing to a String cannot fail.
                let _ = write!(line, " {name}={value}");
            }
        }
        line
    }
}
