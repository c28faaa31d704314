//! Header fields as lines: what is one, and which ones only trusted Exchange servers may send.

use memchr::memchr;

/// Whether the line is `name:` with a name of printable characters (RFC 5322 section 2.2), spaces before the colon
/// tolerated as the obsolete syntax has them (section 4.5).
pub(super) fn is_field(line: &[u8]) -> bool {
    field_name(line)
        .is_some_and(|name| !name.is_empty() && name.iter().all(|octet| (33..=126).contains(octet)))
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr(b':', line)?;
    line.get(..colon).map(<[u8]>::trim_ascii_end)
}

/// The spans of fields that only Exchange servers of one organisation exchange (`X-MS-Exchange-*` header firewall),
/// continuations included.
pub(super) fn protected_fields(section: &[u8]) -> Vec<(usize, usize)> {
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

pub(super) fn is_protected(line: &[u8]) -> bool {
    if PROTECTED_PREFIXES
        .iter()
        .any(|prefix| starts_with_ignoring_case(line, prefix))
    {
        return true;
    }
    field_name(line).is_some_and(|name| name.eq_ignore_ascii_case(b"X-OriginatorOrg"))
}

pub(super) fn starts_with_ignoring_case(line: &[u8], prefix: &[u8]) -> bool {
    line.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

pub(super) fn lines(section: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = section.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = (start, rest.get(..length)?);
        start += length;
        Some(line)
    })
}

/// Octets of a line that are enough to tell a field's name here.
pub(super) const NAME: usize = 64;

const PROTECTED_PREFIXES: [&[u8]; 3] = [
    b"X-MS-Exchange-Organization-",
    b"X-MS-Exchange-CrossPremises-",
    b"X-MS-Exchange-Forest-",
];
