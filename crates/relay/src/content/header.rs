//! The header section of a message in flight: held until it is whole, bounded, then looked at once.
//!
//! The only part of a message that the relay reads.
//! It never changes a field that it keeps, never looks at the body, and fails closed: a section that is too large,
//! has too many fields, loops or starts with a folded line refuses the message.

use bytes::{Bytes, BytesMut};
use mail_parser::{HeaderName, MessageParser};
use memchr::{memchr, memmem};

/// Bounds on the header section (RFC 5321 section 6.3 for the hops).
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderLimits {
    /// Octets of the whole section.
    pub(crate) octets: usize,
    /// Fields in the section.
    pub(crate) fields: usize,
    /// `Received` fields from which on the message counts as looping.
    pub(crate) hops: usize,
}

/// What happens to header fields that only a trusted Exchange server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Firewall {
    /// The client is a trusted Exchange server: they pass.
    Open,
    /// They are removed.
    Remove,
    /// A message that has one is refused.
    Refuse,
}

/// Why a message is refused for its header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// The section is larger than the limit.
    #[error("the header section is larger than the limit")]
    TooLarge,
    /// The section has more fields than the limit.
    #[error("the header section has more fields than the limit")]
    TooManyFields,
    /// The message passed too many hosts.
    #[error("too many Received fields: a mail loop")]
    TooManyHops,
    /// The message passed this very process before.
    #[error("the message has been here before: a mail loop")]
    BeenHere,
    /// The first line is a continuation, which would become part of our trace field.
    #[error("the message begins with a folded line")]
    LeadingFold,
    /// A field that only a trusted Exchange server may send.
    #[error("the message has a header field that only a trusted Exchange server may send")]
    Protected,
}

/// The header section as far as it has arrived.
#[derive(Debug)]
pub(crate) struct HeaderGate {
    held: BytesMut,
    /// Start of the line that is looked at next.
    line: usize,
    fields: usize,
    /// Start of the first line that is neither a field nor a continuation.
    malformed: Option<usize>,
}

/// The header section once it is whole.
#[derive(Debug)]
pub(crate) struct Header {
    /// The section, and whatever of the body was held with it; fields that the firewall removed are gone.
    pub(crate) octets: Bytes,
    /// How many fields the firewall removed.
    pub(crate) removed: usize,
}

impl HeaderGate {
    /// Nothing has arrived yet.
    pub(crate) fn new() -> Self {
        HeaderGate {
            held: BytesMut::new(),
            line: 0,
            fields: 0,
            malformed: None,
        }
    }

    /// Takes what has arrived; true once the section is whole.
    ///
    /// # Errors
    /// The section breaks a limit.
    pub(crate) fn push(
        &mut self,
        content: &mut BytesMut,
        limits: &HeaderLimits,
    ) -> Result<bool, HeaderFault> {
        if self.held.is_empty() {
            self.held = content.split();
        } else {
            self.held.extend_from_slice(content);
            content.clear();
        }
        let held = std::mem::take(&mut self.held);
        let seen = self.scan(&held, limits);
        self.held = held;
        if seen? {
            return Ok(true);
        }
        if self.held.len() <= limits.octets {
            return Ok(false);
        }
        // A message without a header section may be all body; one whose section merely goes on is refused.
        if self.malformed.is_some() {
            Ok(true)
        } else {
            Err(HeaderFault::TooLarge)
        }
    }

    /// Looks at the lines that are complete; true at the empty one.
    fn scan(&mut self, held: &[u8], limits: &HeaderLimits) -> Result<bool, HeaderFault> {
        while let Some(rest) = held.get(self.line..) {
            let Some(end) = memchr(b'\n', rest) else {
                break;
            };
            let line = rest.get(..=end).unwrap_or_default();
            if line == b"\r\n" {
                return Ok(true);
            }
            self.look(line, limits)?;
            self.line += end + 1;
        }
        Ok(false)
    }

    fn look(&mut self, line: &[u8], limits: &HeaderLimits) -> Result<(), HeaderFault> {
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        if folded && self.line == 0 {
            return Err(HeaderFault::LeadingFold);
        }
        if folded || self.malformed.is_some() {
            return Ok(());
        }
        if is_field(line) {
            self.fields += 1;
            if self.fields > limits.fields {
                return Err(HeaderFault::TooManyFields);
            }
        } else {
            self.malformed = Some(self.line);
        }
        Ok(())
    }

    /// Judges the section; call it once `push` said that it is whole, or at the end of the message.
    ///
    /// # Errors
    /// The message loops, begins with a folded line, or has a protected field that it may not have.
    pub(crate) fn finish(
        self,
        limits: &HeaderLimits,
        firewall: Firewall,
        instance: &str,
    ) -> Result<Header, HeaderFault> {
        if matches!(self.held.first(), Some(b' ' | b'\t')) {
            return Err(HeaderFault::LeadingFold);
        }
        let held = self.held.freeze();
        // Without an empty line at its end the section is all that there is.
        let ended = held
            .get(self.line..)
            .is_some_and(|rest| rest.starts_with(b"\r\n"));
        let section = if ended {
            held.get(..self.line).unwrap_or_default()
        } else {
            &held
        };
        count_hops(section, limits, instance)?;
        let protected = match firewall {
            Firewall::Open => Vec::new(),
            Firewall::Remove | Firewall::Refuse => protected_fields(section),
        };
        if protected.is_empty() {
            return Ok(Header {
                octets: held,
                removed: 0,
            });
        }
        if firewall == Firewall::Refuse {
            return Err(HeaderFault::Protected);
        }
        let mut kept = BytesMut::with_capacity(held.len());
        let mut from = 0;
        for &(start, end) in &protected {
            kept.extend_from_slice(held.get(from..start).unwrap_or_default());
            from = end;
        }
        kept.extend_from_slice(held.get(from..).unwrap_or_default());
        // Removing the first field may leave a continuation of nothing at the front.
        if matches!(kept.first(), Some(b' ' | b'\t')) {
            return Err(HeaderFault::LeadingFold);
        }
        Ok(Header {
            octets: kept.freeze(),
            removed: protected.len(),
        })
    }
}

/// Whether the line is `name:` with a name of printable characters (RFC 5322 section 2.2), spaces before the colon
/// tolerated as the obsolete syntax has them (section 4.5).
fn is_field(line: &[u8]) -> bool {
    field_name(line)
        .is_some_and(|name| !name.is_empty() && name.iter().all(|octet| (33..=126).contains(octet)))
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr(b':', line)?;
    line.get(..colon).map(<[u8]>::trim_ascii_end)
}

fn count_hops(section: &[u8], limits: &HeaderLimits, instance: &str) -> Result<(), HeaderFault> {
    // Cheap and never too low: only a section that could break the limit is parsed for real.
    let candidates = lines(section)
        .filter(|&(_, line)| starts_with_ignoring_case(line, b"received"))
        .count();
    if candidates >= limits.hops && received_fields(section) >= limits.hops {
        return Err(HeaderFault::TooManyHops);
    }
    if candidates > 1
        && memmem::find_iter(section, instance.as_bytes())
            .nth(1)
            .is_some()
    {
        return Err(HeaderFault::BeenHere);
    }
    Ok(())
}

fn received_fields(section: &[u8]) -> usize {
    let parser = MessageParser::new()
        .default_header_ignore()
        .header_raw(HeaderName::Received);
    parser.parse_headers(section).map_or(0, |message| {
        message
            .headers()
            .iter()
            .filter(|header| header.name == HeaderName::Received)
            .count()
    })
}

/// The spans of fields that only Exchange servers of one organisation exchange (`X-MS-Exchange-*` header firewall),
/// continuations included.
fn protected_fields(section: &[u8]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut inside = false;
    for (start, line) in lines(section) {
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        if !folded {
            inside = is_protected(line);
            if inside {
                spans.push((start, start));
            }
        }
        if inside && let Some(span) = spans.last_mut() {
            span.1 = start + line.len();
        }
    }
    spans
}

fn is_protected(line: &[u8]) -> bool {
    if PROTECTED_PREFIXES
        .iter()
        .any(|prefix| starts_with_ignoring_case(line, prefix))
    {
        return true;
    }
    field_name(line).is_some_and(|name| name.eq_ignore_ascii_case(b"X-OriginatorOrg"))
}

fn starts_with_ignoring_case(line: &[u8], prefix: &[u8]) -> bool {
    line.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn lines(section: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = section.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = (start, rest.get(..length)?);
        start += length;
        Some(line)
    })
}

const PROTECTED_PREFIXES: [&[u8]; 3] = [
    b"X-MS-Exchange-Organization-",
    b"X-MS-Exchange-CrossPremises-",
    b"X-MS-Exchange-Forest-",
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    const LIMITS: HeaderLimits = HeaderLimits {
        octets: 4096,
        fields: 20,
        hops: 5,
    };

    fn gate(message: &[u8], firewall: Firewall) -> Result<Header, HeaderFault> {
        let mut gate = HeaderGate::new();
        for piece in message.chunks(7) {
            if gate.push(&mut BytesMut::from(piece), &LIMITS)? {
                break;
            }
        }
        gate.finish(&LIMITS, firewall, "0123abcd")
    }

    #[test]
    fn an_ordinary_section_passes_unchanged() {
        let message = b"From: a@b\r\nX-MS-Exchange-Organization-SCL: -1\r\n\r\n";
        assert_eq!(
            &gate(message, Firewall::Open).unwrap().octets[..],
            &message[..]
        );
    }

    #[test]
    fn the_firewall_removes_protected_fields_with_their_continuations_in_any_case() {
        let message = b"x-ms-exchange-organization-AuthAs: Internal\r\n\tmore\r\nFrom: a@b\r\n\
            X-OriginatorOrg : contoso.com\r\nX-OriginatorOrgan: kept\r\nX-MS-Exchange-CrossPremises-Y: 1\r\n\r\n";
        let header = gate(message, Firewall::Remove).unwrap();
        assert_eq!(
            &header.octets[..],
            b"From: a@b\r\nX-OriginatorOrgan: kept\r\n\r\n"
        );
        assert_eq!(header.removed, 3);
        assert_eq!(
            gate(message, Firewall::Refuse).unwrap_err(),
            HeaderFault::Protected
        );
    }

    #[test]
    fn a_protected_field_behind_a_line_that_is_no_field_is_still_removed() {
        let message =
            b"From: a@b\r\nnonsense\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n\r\n";
        assert_eq!(
            &gate(message, Firewall::Remove).unwrap().octets[..],
            b"From: a@b\r\nnonsense\r\n\r\n"
        );
    }

    #[test]
    fn hops_are_counted_and_refused_at_the_limit() {
        let mut message = b"Received: by a\r\n".repeat(4);
        message.extend_from_slice(b"\r\n");
        gate(&message, Firewall::Open).unwrap();
        let mut message = b"received: by a\r\n".repeat(5);
        message.extend_from_slice(b"\r\n");
        assert_eq!(
            gate(&message, Firewall::Open).unwrap_err(),
            HeaderFault::TooManyHops
        );
    }

    #[test]
    fn our_own_trace_twice_is_a_loop() {
        let once = b"Received: by r (Tenantry 0123abcd)\r\nReceived: by other\r\n\r\n";
        gate(once, Firewall::Open).unwrap();
        let twice =
            b"Received: by r (Tenantry 0123abcd)\r\nReceived: by r (Tenantry 0123abcd)\r\n\r\n";
        assert_eq!(
            gate(twice, Firewall::Open).unwrap_err(),
            HeaderFault::BeenHere
        );
    }

    #[test]
    fn a_leading_continuation_never_joins_our_trace_field() {
        assert_eq!(
            gate(b" folded\r\n\r\n", Firewall::Open).unwrap_err(),
            HeaderFault::LeadingFold
        );
        assert_eq!(
            gate(b"\tfolded without end", Firewall::Open).unwrap_err(),
            HeaderFault::LeadingFold
        );
        let removed_first = b"X-OriginatorOrg: a\r\n\r\n";
        assert_eq!(
            &gate(removed_first, Firewall::Remove).unwrap().octets[..],
            b"\r\n"
        );
    }

    #[test]
    fn size_and_number_of_fields_are_bounded() {
        assert_eq!(
            gate(&b"A: b\r\n".repeat(21), Firewall::Open).unwrap_err(),
            HeaderFault::TooManyFields
        );
        let mut one = b"A: ".to_vec();
        one.extend(std::iter::repeat_n(b'x', 5000));
        assert_eq!(
            gate(&one, Firewall::Open).unwrap_err(),
            HeaderFault::TooLarge
        );
    }

    #[test]
    fn a_large_message_without_a_header_section_is_body() {
        let message = b"just text\r\n".repeat(1000);
        let mut gate = HeaderGate::new();
        let mut content = BytesMut::from(&message[..]);
        assert!(gate.push(&mut content, &LIMITS).unwrap());
        assert_eq!(
            gate.finish(&LIMITS, Firewall::Remove, "0123abcd")
                .unwrap()
                .octets
                .len(),
            message.len()
        );
    }

    #[test]
    fn an_empty_message_and_one_that_is_only_body_pass() {
        assert!(gate(b"", Firewall::Remove).unwrap().octets.is_empty());
        assert_eq!(
            &gate(b"\r\nbody", Firewall::Remove).unwrap().octets[..],
            b"\r\nbody"
        );
        assert_eq!(
            &gate(b"no end", Firewall::Remove).unwrap().octets[..],
            b"no end"
        );
        assert_eq!(
            &gate(b"A: b\r\nX-OriginatorOrg: c", Firewall::Remove)
                .unwrap()
                .octets[..],
            b"A: b\r\n"
        );
    }
}
