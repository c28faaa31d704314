//! The header section of a message in flight: held until it is whole, bounded, then looked at once.
//!
//! The only part of a message that the relay reads.
//! It never changes a field that it keeps, never looks at the body, and fails closed: a section that is too large,
//! has too many fields, loops or starts with a folded line refuses the message.

use bytes::{Bytes, BytesMut};
use mail_parser::{HeaderName, MessageParser};
use memchr::{memchr, memmem};

use super::fields::{is_field, lines, protected_fields, starts_with_ignoring_case};
use super::watch::HeaderWatch;

/// Bounds on the header section (RFC 5321 section 6.3 for the hops).
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderLimits {
    /// Octets of the whole section.
    pub(crate) octets: usize,
    /// Fields in the section.
    pub(crate) fields: usize,
    /// Most `Received` fields; one more is a loop.
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
    /// A line of the section ends otherwise than with CRLF, which BODY=BINARYMIME would let pass (RFC 3030 section 3).
    #[error("a line of the header section does not end with CRLF")]
    LineEnd,
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
    /// A line was neither a field nor a continuation: the section may be all body.
    malformed: Malformed,
    /// The section is malformed and outgrew the limit.
    overflown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Malformed {
    No,
    Yes,
}

/// The header section once it is whole.
#[derive(Debug)]
pub(crate) struct Header {
    /// The section, and whatever of the body was held with it; fields that the firewall removed are gone.
    pub(crate) octets: Bytes,
    /// How many fields the firewall removed.
    pub(crate) removed: usize,
    /// The section goes on beyond what is held: what follows is watched as it passes.
    pub(crate) watch: Option<HeaderWatch>,
}

impl HeaderGate {
    /// Nothing has arrived yet.
    pub(crate) fn new() -> Self {
        HeaderGate {
            held: BytesMut::new(),
            line: 0,
            fields: 0,
            malformed: Malformed::No,
            overflown: false,
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
            // Whatever the pieces were in which it came.
            let too_large = self.malformed == Malformed::No && self.line > limits.octets;
            return if too_large {
                Err(HeaderFault::TooLarge)
            } else {
                Ok(true)
            };
        }
        if self.held.len() <= limits.octets {
            return Ok(false);
        }
        // A message without a header section may be all body; one whose section merely goes on is refused.
        match self.malformed {
            Malformed::No => Err(HeaderFault::TooLarge),
            Malformed::Yes => {
                self.overflown = true;
                Ok(true)
            }
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
        if !ends_properly(line) {
            return Err(HeaderFault::LineEnd);
        }
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        if folded && self.line == 0 {
            return Err(HeaderFault::LeadingFold);
        }
        if folded || self.malformed == Malformed::Yes {
            return Ok(());
        }
        if is_field(line) {
            self.fields += 1;
            if self.fields > limits.fields {
                return Err(HeaderFault::TooManyFields);
            }
        } else {
            self.malformed = Malformed::Yes;
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
        let last = held.get(self.line..).unwrap_or_default();
        if !ended && !self.overflown && memchr(b'\r', last).is_some() {
            return Err(HeaderFault::LineEnd);
        }
        let hops = count_hops(section, limits, instance)?;
        let watch = self
            .overflown
            .then(|| HeaderWatch::new(firewall, last, hops, limits.hops));
        let protected = match firewall {
            Firewall::Open => Vec::new(),
            Firewall::Remove | Firewall::Refuse => protected_fields(section),
        };
        if firewall == Firewall::Refuse && !protected.is_empty() {
            return Err(HeaderFault::Protected);
        }
        let kept = match protected.is_empty() {
            true => held,
            false => without(&held, &protected),
        };
        // Removing the first field may leave a continuation of nothing at the front.
        if matches!(kept.first(), Some(b' ' | b'\t')) {
            return Err(HeaderFault::LeadingFold);
        }
        Ok(Header {
            octets: kept,
            removed: protected.len(),
            watch,
        })
    }
}

/// The octets without these spans, which are in order and apart.
fn without(held: &[u8], spans: &[(usize, usize)]) -> Bytes {
    let mut kept = BytesMut::with_capacity(held.len());
    let mut from = 0;
    for &(start, end) in spans {
        kept.extend_from_slice(held.get(from..start).unwrap_or_default());
        from = end;
    }
    kept.extend_from_slice(held.get(from..).unwrap_or_default());
    kept.freeze()
}

/// Counts the hosts that the message passed; fails when they are too many or we are one of them twice.
fn count_hops(section: &[u8], limits: &HeaderLimits, instance: &str) -> Result<usize, HeaderFault> {
    // Cheap and never too low: only a section that could break the limit is parsed for real.
    let candidates = lines(section)
        .filter(|&(_, line)| starts_with_ignoring_case(line, b"received"))
        .count();
    if candidates > limits.hops && received_fields(section) > limits.hops {
        return Err(HeaderFault::TooManyHops);
    }
    let own = memmem::find_iter(section, instance.as_bytes());
    if candidates > 1 && own.take(2).count() > 1 {
        return Err(HeaderFault::BeenHere);
    }
    Ok(candidates)
}

/// Whether the line ends with CRLF and has no CR elsewhere.
fn ends_properly(line: &[u8]) -> bool {
    line.strip_suffix(b"\r\n")
        .is_some_and(|text| memchr(b'\r', text).is_none())
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
        let mut message = b"Received: by a\r\n".repeat(5);
        message.extend_from_slice(b"\r\n");
        gate(&message, Firewall::Open).unwrap();
        let mut message = b"received: by a\r\n".repeat(6);
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
    fn what_follows_a_malformed_section_is_watched_to_its_end() {
        let mut gate = HeaderGate::new();
        let mut long = b"From: a@b\r\nnonsense\r\n".to_vec();
        long.extend(b"x: y\r\n".repeat(1000));
        assert!(gate.push(&mut BytesMut::from(&long[..]), &LIMITS).unwrap());
        let header = gate.finish(&LIMITS, Firewall::Remove, "0123abcd").unwrap();
        let mut watch = header.watch.unwrap();
        watch.look(b"x: y\r\nX-MS-Exchange-Organi").unwrap();
        assert_eq!(
            watch.look(b"zation-AuthAs: Internal\r\n").unwrap_err(),
            HeaderFault::Protected
        );
    }

    #[test]
    fn line_ends_that_only_binary_content_can_have_are_refused() {
        for message in [
            &b"From: a\rX-OriginatorOrg: b\r\n\r\n"[..],
            b"From: a\nX-OriginatorOrg: b\n\nbody\r\n",
            b"From: a\r\nTo: b\rX-OriginatorOrg: c",
        ] {
            assert_eq!(
                gate(message, Firewall::Remove).unwrap_err(),
                HeaderFault::LineEnd
            );
        }
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
