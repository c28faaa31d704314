//! What a PEM file holds, section by section, each with its line.

use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroize;

/// A section of a PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemSection {
    /// The line of its BEGIN, from 1.
    pub line: u32,
    /// What it is.
    pub content: PemContent,
}

/// What a section of a PEM text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PemContent {
    /// A certificate, as DER.
    Certificate(Vec<u8>),
    /// A private key of any kind, which stays where it is.
    PrivateKey,
    /// Anything else, by its label, escaped and shortened.
    Other(String),
    /// A section of a certificate that cannot be read, for this reason.
    Damaged(&'static str),
}

/// The sections of a PEM text, in its order. What stands between them is passed over (RFC 7468
/// section 2).
#[must_use]
pub fn pem_sections(text: &[u8]) -> Vec<PemSection> {
    let mut sections = Vec::new();
    let mut open: Option<Open<'_>> = None;
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut offset = 0;
    for (number, line) in text.split_inclusive(|octet| *octet == b'\n').enumerate() {
        let start = offset;
        offset += line.len();
        let line = line.trim_ascii();
        if let Some(label) = label(line, b"-----BEGIN ") {
            sections.extend(open.take().map(|open| open.cut_off()));
            open = Some(Open {
                line: u32::try_from(number + 1).unwrap_or(u32::MAX),
                start,
                label,
            });
        } else if let Some(label) = label(line, b"-----END ")
            && let Some(begun) = open.take()
        {
            let section = text.get(begun.start..offset).unwrap_or_default();
            sections.push(if begun.label == label {
                begun.closed(section)
            } else {
                begun.cut_off()
            });
        }
    }
    sections.extend(open.map(|open| open.cut_off()));
    sections
}

/// A section whose end has not come.
struct Open<'t> {
    line: u32,
    start: usize,
    label: &'t [u8],
}

impl Open<'_> {
    fn is_certificate(&self) -> bool {
        [&b"CERTIFICATE"[..], b"X509 CERTIFICATE"].contains(&self.label)
    }

    fn with(&self, content: PemContent) -> PemSection {
        PemSection {
            line: self.line,
            content,
        }
    }

    fn cut_off(&self) -> PemSection {
        if self.is_certificate() {
            self.with(PemContent::Damaged("its END line is missing"))
        } else {
            self.with(self.other())
        }
    }

    fn other(&self) -> PemContent {
        if self.label.ends_with(b"PRIVATE KEY") {
            return PemContent::PrivateKey;
        }
        let label = String::from_utf8_lossy(self.label);
        PemContent::Other(label.escape_debug().take(LONGEST_LABEL).collect())
    }

    fn closed(&self, section: &[u8]) -> PemSection {
        if !self.is_certificate() {
            return self.with(self.other());
        }
        let mut found = <(SectionKind, Vec<u8>)>::pem_slice_iter(section);
        self.with(match found.next() {
            Some(Ok((SectionKind::Certificate, der))) => PemContent::Certificate(der),
            Some(Ok((_, mut der))) => {
                der.zeroize();
                self.other()
            }
            Some(Err(_)) => PemContent::Damaged("its lines are no Base64"),
            None => self.other(),
        })
    }
}

/// The label of a line that begins or ends a section.
fn label<'t>(line: &'t [u8], marker: &[u8]) -> Option<&'t [u8]> {
    line.strip_prefix(marker)?.strip_suffix(b"-----")
}

/// A byte order mark, which editors of Windows put in front.
const MARK: &[u8] = b"\xEF\xBB\xBF";
const LONGEST_LABEL: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_the_lines_of_their_beginnings() {
        let text = b"\xEF\xBB\xBFa comment\r\n-----BEGIN CERTIFICATE-----\r\nAAEC\r\n\
            -----END CERTIFICATE-----\r\n-----BEGIN EC PRIVATE KEY-----\nAAEC\n\
            -----END EC PRIVATE KEY-----\n\n-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n\
            -----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\nAAEC\n";
        let found: Vec<_> = pem_sections(text)
            .into_iter()
            .map(|section| (section.line, section.content))
            .collect();
        assert_eq!(
            found,
            [
                (2, PemContent::Certificate(vec![0, 1, 2])),
                (5, PemContent::PrivateKey),
                (9, PemContent::Other(String::from("X509 CRL"))),
                (11, PemContent::Damaged("its lines are no Base64")),
                (14, PemContent::Damaged("its END line is missing")),
            ]
        );
        assert!(pem_sections(b"no PEM at all").is_empty());
        assert!(pem_sections(b"").is_empty());
    }
}
