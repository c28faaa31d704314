//! What is read from a certificate: names, subject, issuer, validity.
//!
//! Reading trusts nothing: every name that is returned is a syntactically valid DNS name, and
//! every text is escaped and shortened. Whether anything of it may be believed is decided in
//! [`crate::policy`].

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::oid_registry;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::fingerprint::Fingerprint;
use crate::policy::CommonName;
use crate::untrusted::UntrustedReason;

/// The readable part of a certificate, for `check`, logs and `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Subject in RFC 4514 style, escaped, at most 256 characters.
    pub subject: String,
    /// Issuer in RFC 4514 style, escaped, at most 256 characters.
    pub issuer: String,
    /// Start of validity.
    pub not_before: SystemTime,
    /// End of validity.
    pub not_after: SystemTime,
    /// Every valid DNS name of it: `dNSName` alternatives, and the common name when there is no
    /// alternative name at all.
    pub names: Vec<String>,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
}

impl CertificateSummary {
    /// Reads one DER certificate; `None` when it cannot be read.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = parse(der)?;
        let names = Names::of(&certificate, CommonName::IfNoSan, usize::MAX).ok()?;
        Some(Self {
            subject: distinguished_name(certificate.subject()),
            issuer: distinguished_name(certificate.issuer()),
            not_before: system_time(certificate.validity().not_before),
            not_after: system_time(certificate.validity().not_after),
            names: names.into_all(),
            fingerprint: Fingerprint::of(der),
        })
    }
}

/// The valid DNS names of a certificate, by where they stand.
#[derive(Debug)]
pub(crate) struct Names {
    /// From `dNSName` alternatives.
    pub(crate) alternatives: Vec<String>,
    /// From common names, when the policy takes them.
    pub(crate) common: Vec<String>,
}

impl Names {
    /// Collects the names; more than `limit` `dNSName` entries are refused before any is read.
    pub(crate) fn of(
        certificate: &X509Certificate<'_>,
        common_name: CommonName,
        limit: usize,
    ) -> Result<Self, UntrustedReason> {
        let extension = certificate
            .subject_alternative_name()
            .map_err(|_| UntrustedReason::Malformed)?;
        let entries = extension
            .as_ref()
            .map_or(&[][..], |found| &found.value.general_names);
        let dns_names = || {
            entries.iter().filter_map(|entry| {
                if let GeneralName::DNSName(name) = entry {
                    Some(*name)
                } else {
                    None
                }
            })
        };
        if dns_names().nth(limit).is_some() {
            return Err(UntrustedReason::TooManyNames);
        }
        let mut names = Self {
            alternatives: dns_names().filter_map(valid_name).collect(),
            common: Vec::new(),
        };
        let wanted = match common_name {
            CommonName::Always => true,
            CommonName::IfNoSan => extension.is_none(),
            CommonName::Never => false,
        };
        if wanted {
            names.add_common(certificate, limit)?;
        }
        remove_repeated(&mut names.alternatives);
        remove_repeated(&mut names.common);
        Ok(names)
    }

    /// All names, alternatives first.
    pub(crate) fn into_all(self) -> Vec<String> {
        let mut all = self.alternatives;
        all.extend(self.common);
        remove_repeated(&mut all);
        all
    }

    fn add_common(
        &mut self,
        certificate: &X509Certificate<'_>,
        limit: usize,
    ) -> Result<(), UntrustedReason> {
        for (count, attribute) in certificate.subject().iter_common_name().enumerate() {
            if count >= limit {
                return Err(UntrustedReason::TooManyNames);
            }
            if let Some(name) = attribute.as_str().ok().and_then(valid_name) {
                self.common.push(name);
            }
        }
        Ok(())
    }
}

/// Parses one certificate; octets behind it make it unreadable.
pub(crate) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        Ok(_) | Err(_) => None,
    }
}

/// The lower-case form of a valid DNS name: LDH labels of 1 to 63 octets, no trailing dot, at
/// most 253 octets, a leading `*.` allowed (RFC 1123 section 2.1, RFC 9525 section 6.3).
///
/// Everything else, such as a name with NUL, is not a name and is never evidence.
pub(crate) fn valid_name(text: &str) -> Option<String> {
    let labels = text.strip_prefix("*.").unwrap_or(text);
    let valid = text.len() <= MAX_NAME && !labels.is_empty() && labels.split('.').all(valid_label);
    valid.then(|| text.to_ascii_lowercase())
}

/// A name for logs and people: printable ASCII stays, all else is escaped, 256 characters.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_TEXT));
    for c in text.chars() {
        let before = out.len();
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
        if out.len() > MAX_TEXT {
            out.truncate(before.min(MAX_TEXT - 3));
            out.push_str("...");
            break;
        }
    }
    out
}

pub(crate) fn distinguished_name(name: &X509Name<'_>) -> String {
    name.to_string_with_registry(oid_registry())
        .map_or_else(|_| String::from("(unreadable)"), |text| escape(&text))
}

pub(crate) fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    shifted.unwrap_or(UNIX_EPOCH)
}

fn valid_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

pub(crate) fn remove_repeated(names: &mut Vec<String>) {
    let mut seen = HashSet::with_capacity(names.len());
    names.retain(|name| seen.insert(name.clone()));
}

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;
const MAX_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ldh_names_are_names() {
        for good in [
            "a.example",
            "xn--mller-kva.example",
            "a-b.c",
            "localhost",
            "1.2",
        ] {
            assert_eq!(valid_name(good).as_deref(), Some(good));
        }
        assert_eq!(valid_name("*.A.Example").as_deref(), Some("*.a.example"));
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = "a.".repeat(127);
        for bad in [
            "",
            ".",
            "*",
            "*.",
            "a.",
            "a..b",
            ".a",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b.c",
            "a\0.b",
            "a.b\0",
            "a\n.b",
            "m\u{fc}ller.example",
            "*a.b",
            "a.*.b",
            "*.*.b",
            "a.b.",
            "a,b",
            "a@b.example",
            &long_label,
            &long_name,
        ] {
            assert_eq!(valid_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn texts_of_peers_are_escaped_and_short() {
        assert_eq!(
            escape("CN=a\r\nb\u{1b}\u{202e}\"\\"),
            "CN=a\\u{d}\\u{a}b\\u{1b}\\u{202e}\\\"\\\\"
        );
        let long = escape(&"\u{9b}".repeat(500));
        assert!(long.len() <= MAX_TEXT && long.is_ascii() && long.ends_with("..."));
    }
}
