//! Messages: how they look on the wire, and what of them arrived behind the relay's trace field.

use tenantry_lab::upstream::Record;

use crate::client::Envelope;

/// A message of tenant `a`.
pub(crate) const FROM_A: Envelope<'static> = Envelope {
    sender: "u@tenant-a.example",
    recipients: &["someone@elsewhere.example"],
};

/// A small message with its end of data.
pub(crate) const SMALL: &[u8] = b"Subject: small\r\n\r\nbody\r\n.\r\n";

/// The octets after 354 for a content: dots stuffed, the end of data behind it (RFC 5321 section 4.5.2).
///
/// The content must be empty or end with CRLF.
pub(crate) fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + 16);
    let mut line_start = true;
    for octet in content {
        if line_start && *octet == b'.' {
            wire.push(b'.');
        }
        wire.push(*octet);
        line_start = *octet == b'\n';
    }
    assert!(line_start, "the content does not end with a line end");
    wire.extend_from_slice(b".\r\n");
    wire
}

/// What arrived behind the one field that the relay puts in front.
pub(crate) fn arrived(record: &Record) -> &[u8] {
    let content = record.content.as_deref().unwrap();
    let trace = record.trace.as_deref().expect("no Received field in front");
    content.strip_prefix(trace.as_bytes()).unwrap()
}

/// The relay's own trace field, unfolded.
pub(crate) fn trace(record: &Record) -> String {
    let trace = record.trace.as_deref().expect("no Received field in front");
    trace.trim_end().replace("\r\n\t", " ")
}

/// A message of about so many octets that repeats itself nowhere.
pub(crate) fn long(octets: usize) -> Vec<u8> {
    let mut content = b"Subject: long\r\n\r\n".to_vec();
    let mut number = 0u64;
    while content.len() < octets {
        // A line that begins with a dot now and then.
        let dot = if number.is_multiple_of(7) { "." } else { "" };
        content.extend_from_slice(
            format!(
                "{dot}{number:08} {:016x}\r\n",
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
            .as_bytes(),
        );
        number += 1;
    }
    content
}
