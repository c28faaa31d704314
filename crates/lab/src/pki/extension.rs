//! The two extensions that are encoded here rather than by the certificate library, because it
//! (rightly) refuses what the bad ones need: odd octets in names, directory names, URI constraints.

use std::net::IpAddr;

use rcgen::CustomExtension;

use super::spec::{Name, NameConstraints, Subtree};

const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
/// id-at-commonName, 2.5.4.3, encoded.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// The user principal name of Microsoft's otherName, 1.3.6.1.4.1.311.20.2.3, encoded.
const PRINCIPAL_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;

/// Whether the subject names anything: RFC 5280 section 4.1.2.6 makes the alternative names
/// critical when it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Empty,
    Named,
}

/// The subject alternative names (RFC 5280 section 4.2.1.6), or nothing when there are none.
pub(super) fn alternative_names(names: &[Name], subject: Subject) -> Option<CustomExtension> {
    if names.is_empty() {
        return None;
    }
    let content = names.iter().map(general_name).collect::<Vec<_>>().concat();
    let mut extension =
        CustomExtension::from_oid_content(SUBJECT_ALT_NAME, tlv(SEQUENCE, &content));
    extension.set_criticality(subject == Subject::Empty);
    Some(extension)
}

/// The name constraints (RFC 5280 section 4.2.1.10), or nothing when there are none.
pub(super) fn name_constraints(constraints: &NameConstraints) -> Option<CustomExtension> {
    if constraints.is_empty() {
        return None;
    }
    let mut content = Vec::new();
    for (tag, subtrees) in [
        (0xa0, &constraints.permitted),
        (0xa1, &constraints.excluded),
    ] {
        if !subtrees.is_empty() {
            let subtrees = subtrees
                .iter()
                .map(|subtree| tlv(SEQUENCE, &general_subtree(subtree)));
            content.extend(tlv(tag, &subtrees.collect::<Vec<_>>().concat()));
        }
    }
    let mut extension =
        CustomExtension::from_oid_content(NAME_CONSTRAINTS, tlv(SEQUENCE, &content));
    extension.set_criticality(true);
    Some(extension)
}

fn general_name(name: &Name) -> Vec<u8> {
    match name {
        Name::Other(value) => {
            let value = tlv(0xa0, &tlv(UTF8_STRING, value.as_bytes()));
            let oid = tlv(OBJECT_IDENTIFIER, PRINCIPAL_NAME);
            tlv(0xa0, &[oid, value].concat())
        }
        Name::Email(mailbox) => tlv(0x81, mailbox.as_bytes()),
        Name::Dns(name) => tlv(0x82, name.as_bytes()),
        Name::RawDns(octets) => tlv(0x82, octets),
        Name::Directory(common_name) => tlv(0xa4, &distinguished_name(common_name)),
        Name::Uri(uri) => tlv(0x86, uri.as_bytes()),
        Name::Ip(address) => tlv(0x87, &octets(*address)),
    }
}

fn general_subtree(subtree: &Subtree) -> Vec<u8> {
    match subtree {
        Subtree::Email(host) => tlv(0x81, host.as_bytes()),
        Subtree::Dns(domain) => tlv(0x82, domain.as_bytes()),
        Subtree::Uri(host) => tlv(0x86, host.as_bytes()),
        Subtree::Ip(address, mask) => tlv(0x87, &[octets(*address), octets(*mask)].concat()),
    }
}

fn distinguished_name(common_name: &str) -> Vec<u8> {
    let oid = tlv(OBJECT_IDENTIFIER, COMMON_NAME);
    let value = tlv(UTF8_STRING, common_name.as_bytes());
    tlv(SEQUENCE, &tlv(SET, &tlv(SEQUENCE, &[oid, value].concat())))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Tag, length (DER: the shortest form) and value.
pub(super) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length
        .iter()
        .copied()
        .skip_while(|octet| *octet == 0)
        .collect();
    let mut out = vec![tag];
    match (u8::try_from(value.len()), u8::try_from(significant.len())) {
        (Ok(short), _) if short < 0x80 => out.push(short),
        (_, octets) => {
            out.push(0x80 | octets.unwrap_or(8));
            out.extend(significant);
        }
    }
    out.extend(value);
    out
}
