//! Distinguished names part by part, for whoever compares them with names that were written by hand.

use std::fmt::Write;

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// One attribute of a distinguished name (RFC 5280 section 4.1.2.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameAttribute {
    /// Its type as an object identifier with dots, `2.5.4.3` for a common name.
    pub oid: String,
    /// Its value as it is, neither escaped nor shortened; what is no text is in hexadecimal digits
    /// behind a `#` (RFC 4514 section 2.4).
    pub value: String,
}

/// The attributes in the order of the certificate: from the country to the common name, mostly.
pub(crate) fn attributes(name: &X509Name<'_>) -> Vec<NameAttribute> {
    let attributes = name.iter_attributes();
    attributes
        .map(|attribute| NameAttribute {
            oid: attribute.attr_type().to_id_string(),
            value: text(attribute.attr_value()),
        })
        .collect()
}

fn text(value: &Any<'_>) -> String {
    let octets = value.data;
    match value.tag() {
        Tag::BmpString if octets.len().is_multiple_of(2) => {
            let (units, _) = octets.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            char::decode_utf16(units)
                .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        Tag::UniversalString if octets.len().is_multiple_of(4) => {
            let (units, _) = octets.as_chunks::<4>();
            let units = units.iter().map(|unit| u32::from_be_bytes(*unit));
            units
                .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::T61String => match str::from_utf8(octets) {
            Ok(text) => text.to_owned(),
            // T61String is Latin-1 wherever it was ever used.
            Err(_) => octets.iter().copied().map(char::from).collect(),
        },
        _ => octets.iter().fold(String::from("#"), |mut digits, octet| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{octet:02X}");
            digits
        }),
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::asn1_rs::{Class, Header, Length};

    use super::*;

    #[test]
    fn every_kind_of_string_is_read() {
        for (tag, octets, expected) in [
            (Tag::Utf8String, &b"M\xc3\xbcller"[..], "Müller"),
            (Tag::T61String, b"M\xfcller", "Müller"),
            (Tag::PrintableString, b"Contoso, Inc.", "Contoso, Inc."),
            (Tag::BmpString, b"\0M\0\xfc", "Mü"),
            (Tag::BmpString, b"\xd8\0", "\u{fffd}"),
            (Tag::UniversalString, b"\0\x01\xf6\0\0\0\0A", "😀A"),
            (Tag::BmpString, b"\0M\0", "#004D00"),
            (Tag::OctetString, b"\x01\xff", "#01FF"),
            (Tag::Utf8String, b"", ""),
        ] {
            let header = Header::new(Class::Universal, false, tag, Length::Definite(octets.len()));
            assert_eq!(text(&Any::new(header, octets)), expected, "{tag:?}");
        }
    }
}
