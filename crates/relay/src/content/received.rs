//! The one `Received` field that the relay puts in front of a message (RFC 5321 section 4.4).
//!
//! It says with which protocol and cipher the message came (RFC 3848, RFC 6531, RFC 8314 section 4.3), and carries the
//! process's instance id so that a loop is seen. It never names a tenant, an upstream or a certificate.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::BytesMut;
use jiff::Timestamp;

/// What a `Received` field is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace<'a> {
    /// The name that the client gave in EHLO or HELO.
    pub(crate) helo: &'a str,
    /// The client's address.
    pub(crate) address: IpAddr,
    /// Our own host name.
    pub(crate) hostname: &'a str,
    /// This process, for the loop check.
    pub(crate) instance: &'a str,
    /// The protocol word.
    pub(crate) with: With,
    /// The cipher suite by its IANA name, when the client came over TLS.
    pub(crate) cipher: Option<&'a str>,
    /// The transaction's id, as in the log.
    pub(crate) id: &'a str,
    /// When the message came.
    pub(crate) at: Timestamp,
}

/// The transmission types that the relay can receive with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// HELO.
    Smtp,
    /// EHLO (RFC 3848).
    Esmtp,
    /// EHLO inside TLS (RFC 3848).
    Esmtps,
    /// SMTPUTF8 (RFC 6531 section 4.3).
    Utf8Smtp,
    /// SMTPUTF8 inside TLS (RFC 6531 section 4.3).
    Utf8Smtps,
}

impl With {
    fn as_str(self) -> &'static str {
        match self {
            With::Smtp => "SMTP",
            With::Esmtp => "ESMTP",
            With::Esmtps => "ESMTPS",
            With::Utf8Smtp => "UTF8SMTP",
            With::Utf8Smtps => "UTF8SMTPS",
        }
    }
}

impl Trace<'_> {
    /// Writes the field, folded so that each line stays well under 998 octets.
    pub(crate) fn write_to(&self, out: &mut BytesMut) {
        out.reserve(512);
        out.extend_from_slice(b"Received: from ");
        write_name(self.helo, out);
        // Writing to a buffer in memory cannot fail.
        let _ = match self.address {
            IpAddr::V4(address) => write!(out, " ([{address}])"),
            IpAddr::V6(address) => write!(out, " ([IPv6:{address}])"),
        };
        let _ = write!(
            out,
            "\r\n\tby {} (Tenantry {}) with {}\r\n\tid {}",
            self.hostname,
            self.instance,
            self.with.as_str(),
            self.id
        );
        if let Some(cipher) = self.cipher {
            let _ = write!(out, " tls {cipher}");
        }
        let _ = write!(
            out,
            ";\r\n\t{}\r\n",
            self.at.strftime("%a, %d %b %Y %H:%M:%S +0000")
        );
    }
}

/// Only characters of host names and address literals pass: no comment, quote, fold or control can be smuggled in.
fn write_name(name: &str, out: &mut BytesMut) {
    let tame = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | ':' | '[' | ']' => character,
        _ => '?',
    };
    for character in name.chars().take(NAME_LIMIT).map(tame) {
        let _ = out.write_char(character);
    }
    if name.is_empty() {
        out.extend_from_slice(b"unknown");
    }
}

/// Characters of the client's name that are repeated: a domain has no more (RFC 5321 section 4.5.3.1.2).
const NAME_LIMIT: usize = 255;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    fn trace(helo: &str) -> String {
        let mut out = BytesMut::new();
        let trace = Trace {
            helo,
            address: "192.0.2.1".parse().unwrap(),
            hostname: "relay.corp.example",
            instance: "0123abcd",
            with: With::Esmtps,
            cipher: Some("TLS_AES_128_GCM_SHA256"),
            id: "00000001-1",
            at: Timestamp::from_second(1_795_435_200).unwrap(),
        };
        trace.write_to(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn the_field_has_the_clauses_of_the_standards() {
        assert_eq!(
            trace("mail.contoso.com"),
            "Received: from mail.contoso.com ([192.0.2.1])\r\n\tby relay.corp.example (Tenantry 0123abcd) with ESMTPS\
             \r\n\tid 00000001-1 tls TLS_AES_128_GCM_SHA256;\r\n\tMon, 23 Nov 2026 12:00:00 +0000\r\n"
        );
    }

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        let text = trace("a\r\nX-Evil: (\u{202e}\u{9b}\0\")");
        assert!(
            text.starts_with("Received: from a??X-Evil:??????? ([192.0.2.1])\r\n"),
            "{text}"
        );
        assert_eq!(text.matches("\r\n").count(), 4);
    }

    #[test]
    fn a_name_without_end_is_cut() {
        assert!(
            trace(&"x".repeat(5000))
                .lines()
                .all(|line| line.len() < 400)
        );
    }
}
