//! Distinguished names as Windows writes them, in `TlsCertificateName` for one.
//!
//! Windows begins with the last attribute, calls some of them by names of its own (`S` for a state,
//! `E` for an address), and puts a value that has separators in it in double quotes, with quotes
//! within doubled (`CertNameToStr`, `CERT_X500_NAME_STR`). People write them as RFC 4514 and OpenSSL
//! do, too: the order, the case and spaces do not matter to a comparison, and a backslash may stand
//! in front of a separator.

use std::fmt;

use tenantry_net::NameAttribute;

/// A distinguished name.
#[derive(Debug, Clone, Default)]
pub struct DistinguishedName {
    /// As Windows orders them.
    attributes: Vec<NameAttribute>,
}

/// A distinguished name for comparison: equal for two ways to write one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folded(Vec<NameAttribute>);

impl DistinguishedName {
    /// The name of a certificate, whose attributes begin with the widest.
    #[must_use]
    pub fn of(mut attributes: Vec<NameAttribute>) -> Self {
        attributes.reverse();
        Self { attributes }
    }

    /// Reads a name. Whatever is in it, each of its parts is one attribute: a part without `=` has no
    /// type, and equals no certificate's.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let parts = parts(text);
        let parts = parts.iter().filter(|part| !part.trim().is_empty());
        Self {
            attributes: parts.map(|part| attribute(part)).collect(),
        }
    }

    /// What it is compared by.
    #[must_use]
    pub fn folded(&self) -> Folded {
        let attributes = self.attributes.iter();
        let mut folded: Vec<NameAttribute> = attributes
            .map(|attribute| NameAttribute {
                oid: attribute.oid.clone(),
                value: fold(&attribute.value),
            })
            .collect();
        folded.sort();
        Folded(folded)
    }

    /// The most specific common name.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|attribute| attribute.oid == COMMON_NAME)?;
        Some(&found.value)
    }
}

/// As Windows writes it, with at most 256 characters.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = LONGEST;
        for (number, attribute) in self.attributes.iter().enumerate() {
            let separator = if number > 0 { ", " } else { "" };
            let known = TYPES.iter().find(|(_, oid)| *oid == attribute.oid);
            let written = match known {
                Some((name, _)) => format!("{separator}{name}={}", value(&attribute.value)),
                None => format!(
                    "{separator}OID.{}={}",
                    attribute.oid,
                    value(&attribute.value)
                ),
            };
            let length = written.chars().count();
            if length > left {
                let start: String = written.chars().take(left).collect();
                return write!(formatter, "{start}...");
            }
            left -= length;
            formatter.write_str(&written)?;
        }
        Ok(())
    }
}

/// A value as it is written: in quotes where it needs them, without what nobody sees.
pub(crate) fn value(text: &str) -> String {
    let edges = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    let quoted = edges || text.is_empty() || text.contains(SEPARATORS) || text.contains('"');
    let mut out = String::with_capacity(text.len() + 2);
    // What is cut off is not written first.
    for character in text.chars().take(LONGEST) {
        match character {
            '"' => out.push_str("\"\""),
            hidden if crate::powershell::is_invisible(hidden) => {
                out.extend(hidden.escape_unicode());
            }
            shown => out.push(shown),
        }
    }
    if quoted { format!("\"{out}\"") } else { out }
}

/// What stands between separators that are neither quoted nor escaped.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            ',' | ';' | '+' if !quoted => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        let Some(part) = parts.last_mut() else { break };
        part.push(character);
        let escapes = character == '\\' && !quoted;
        if escapes && let Some(next) = characters.next_if(|next| is_escaped(*next)) {
            part.push(next);
        }
    }
    parts
}

/// `CN = contoso.com`.
fn attribute(part: &str) -> NameAttribute {
    let (name, written) = part.split_once('=').unwrap_or(("", part));
    NameAttribute {
        oid: oid(name.trim()),
        value: unquoted(written.trim()),
    }
}

/// A type by its name or number; an unknown name stays.
fn oid(name: &str) -> String {
    let all = TYPES.iter().chain(ALSO);
    let known = all
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, oid)) = known {
        return (*oid).to_owned();
    }
    let number = match name.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("oid.") => name.get(4..),
        Some(_) | None => None,
    };
    number.unwrap_or(name).to_lowercase()
}

/// A value without its quotes and backslashes.
fn unquoted(written: &str) -> String {
    let inner = written.strip_prefix('"');
    let inner = inner.and_then(|rest| rest.strip_suffix('"'));
    let mut characters = inner.unwrap_or(written).chars().peekable();
    let mut out = String::with_capacity(written.len());
    while let Some(character) = characters.next() {
        let doubled = inner.is_some() && character == '"';
        let escaping = inner.is_none() && character == '\\';
        let next =
            characters.next_if(|next| (doubled && *next == '"') || (escaping && is_escaped(*next)));
        out.push(if escaping {
            next.unwrap_or(character)
        } else {
            character
        });
    }
    out
}

/// What a backslash takes its meaning from.
fn is_escaped(character: char) -> bool {
    SEPARATORS.contains(&character) || matches!(character, '"' | '\\' | ' ')
}

/// Lower case, and one space where there are several.
fn fold(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

const LONGEST: usize = 256;
const COMMON_NAME: &str = "2.5.4.3";

/// What makes Windows quote a value.
const SEPARATORS: [char; 8] = [',', ';', '+', '=', '<', '>', '#', '\n'];

/// Attribute types by the names that Windows gives them.
const TYPES: &[(&str, &str)] = &[
    ("CN", COMMON_NAME),
    ("OU", "2.5.4.11"),
    ("O", "2.5.4.10"),
    ("L", "2.5.4.7"),
    ("S", "2.5.4.8"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("PostalCode", "2.5.4.17"),
    ("POBox", "2.5.4.18"),
    ("Phone", "2.5.4.20"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("E", "1.2.840.113549.1.9.1"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("T", "2.5.4.12"),
    ("G", "2.5.4.42"),
    ("I", "2.5.4.43"),
    ("SN", "2.5.4.4"),
    ("Description", "2.5.4.13"),
    ("dnQualifier", "2.5.4.46"),
];

/// The names that others give them.
const ALSO: &[(&str, &str)] = &[
    ("ST", "2.5.4.8"),
    ("SP", "2.5.4.8"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("Email", "1.2.840.113549.1.9.1"),
    ("streetAddress", "2.5.4.9"),
    ("title", "2.5.4.12"),
    ("givenName", "2.5.4.42"),
    ("GN", "2.5.4.42"),
    ("initials", "2.5.4.43"),
    ("surname", "2.5.4.4"),
    ("telephoneNumber", "2.5.4.20"),
    ("businessCategory", "2.5.4.15"),
    ("organizationIdentifier", "2.5.4.97"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1"),
    ("jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2"),
    ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(attributes: &[(&str, &str)]) -> DistinguishedName {
        let attributes = attributes.iter().map(|(oid, value)| NameAttribute {
            oid: (*oid).to_owned(),
            value: (*value).to_owned(),
        });
        DistinguishedName::of(attributes.collect())
    }

    #[test]
    fn a_certificates_name_is_read_back_as_it_was_written() {
        for (value, written) in [
            ("Müller GmbH", "O=Müller GmbH"),
            ("Contoso, Inc.", "O=\"Contoso, Inc.\""),
            ("A \"B\" C", "O=\"A \"\"B\"\" C\""),
            ("\"", "O=\"\"\"\""),
            ("A+B", "O=\"A+B\""),
            ("A & B", "O=A & B"),
            ("O'Neil = Co", "O=\"O'Neil = Co\""),
            ("a\\b", "O=a\\b"),
            ("a\\, b", "O=\"a\\, b\""),
            ("", "O=\"\""),
        ] {
            let own = name(&[
                ("2.5.4.6", "DE"),
                ("2.5.4.10", value),
                (COMMON_NAME, "mail.contoso.com"),
            ]);
            let text = own.to_string();
            assert_eq!(text, format!("CN=mail.contoso.com, {written}, C=DE"));
            let parsed = DistinguishedName::parse(&text);
            assert_eq!(parsed.folded(), own.folded(), "{text}");
            assert_eq!(parsed.common_name(), Some("mail.contoso.com"));
        }
    }

    #[test]
    fn every_way_to_write_a_name_is_that_name() {
        let own = name(&[
            ("2.5.4.6", "DE"),
            ("2.5.4.8", "Nordrhein-Westfalen"),
            ("2.5.4.10", "Contoso, Ltd"),
            ("1.2.840.113549.1.9.1", "post@contoso.com"),
            ("2.5.4.97", "NTRDE-1"),
            (COMMON_NAME, "contoso ca"),
        ]);
        for text in [
            "CN=Contoso CA, OID.2.5.4.97=NTRDE-1, E=post@contoso.com, O=\"Contoso, Ltd\", S=Nordrhein-Westfalen, C=DE",
            "c=DE,ST=Nordrhein-Westfalen,O=Contoso\\, Ltd,emailAddress=post@contoso.com,2.5.4.97=ntrde-1,CN=contoso  ca",
            "C = DE; S = Nordrhein-Westfalen; O = \"contoso, ltd\"; E = post@contoso.com + cn = Contoso CA; \
             organizationIdentifier = NTRDE-1",
        ] {
            let parsed = DistinguishedName::parse(text);
            assert_eq!(parsed.folded(), own.folded(), "{text}");
        }
        for other in [
            "CN=contoso ca",
            "CN=contoso ca, C=DE",
            "",
            "contoso ca",
            "=",
        ] {
            let parsed = DistinguishedName::parse(other);
            assert_ne!(parsed.folded(), own.folded(), "{other}");
        }
    }

    #[test]
    fn a_name_that_is_shown_is_short_and_hides_nothing() {
        let long = name(&[(COMMON_NAME, &"a,".repeat(1_000))]).to_string();
        assert!(long.starts_with("CN=\"a,a,"), "{long}");
        assert_eq!(long.chars().count(), LONGEST + 3);
        let hidden = name(&[(COMMON_NAME, "a\u{202e}b\u{1b}c")]);
        assert_eq!(hidden.to_string(), "CN=a\\u{202e}b\\u{1b}c");
    }
}
