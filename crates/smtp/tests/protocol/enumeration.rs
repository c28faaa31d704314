//! Every string over the octets that matter, against a decoder that is too simple to be wrong.

use tenantry_smtp::{ContentFault, ContentLimits};

use super::content::{Decoding, decode_pieces, encode};

const ALPHABET: [u8; 5] = [b'\r', b'\n', b'.', 0, b'a'];
const LONGEST: u32 = 7;
const END: &[u8] = b"\r\n.\r\n";

/// Content or fault, and the octets behind the end.
type Reading = (Result<Vec<u8>, ContentFault>, Vec<u8>);

/// The rule in words: the octets, as if a CRLF stood in front, end with the first CRLF.CRLF.
fn reference(wire: &[u8]) -> Option<Reading> {
    let framed = [b"\r\n", wire].concat();
    let end = framed.windows(END.len()).position(|window| window == END)?;
    let rest = framed[end + END.len()..].to_vec();
    // With its framing, because a fault may lie in the framing: `CRLF . LF`.
    let message = &framed[2..end + END.len()];
    let fault = message.iter().enumerate().find_map(|(at, octet)| {
        let before = at.checked_sub(1).map_or(b'\n', |before| message[before]);
        match (before, octet) {
            (_, 0) => Some(ContentFault::Nul),
            (b'\r', b'\n') => None,
            (b'\r', _) => Some(ContentFault::BareCr),
            (_, b'\n') => Some(ContentFault::BareLf),
            _ => None,
        }
    });
    if let Some(fault) = fault {
        // CR CR LF "." CR LF: some would go on reading.
        let doubtful = end > 2 && framed[end - 1] == b'\r';
        let fault = if doubtful {
            ContentFault::DoubtfulEnd
        } else {
            fault
        };
        return Some((Err(fault), rest));
    }
    let text = String::from_utf8(framed[2..(end + 2).max(2)].to_vec()).unwrap();
    let lines = text.split_inclusive("\r\n");
    let content: String = lines
        .map(|line| line.strip_prefix('.').unwrap_or(line))
        .collect();
    Some((Ok(content.into_bytes()), rest))
}

fn for_every_string(mut f: impl FnMut(&[u8])) {
    for length in 0..=LONGEST {
        for number in 0..5_usize.pow(length) {
            let digits = (0..length).map(|place| ALPHABET[number / 5_usize.pow(place) % 5]);
            f(&digits.collect::<Vec<u8>>());
        }
    }
}

fn agrees(decoding: &Decoding, wire: &[u8]) {
    let shown = wire.escape_ascii().to_string();
    let (expected, rest) = reference(wire).expect("every wire has an end");
    assert_eq!(decoding.rest.as_ref(), Some(&rest), "{shown}");
    match expected {
        Ok(content) => {
            assert_eq!(decoding.fault, None, "{shown}");
            assert_eq!(decoding.content, content, "{shown}");
        }
        Err(fault) => assert_eq!(decoding.fault, Some(fault), "{shown}"),
    }
}

#[test]
fn decoder_agrees_with_the_reference_in_one_piece_and_octet_by_octet() {
    let limits = ContentLimits::default();
    for_every_string(|string| {
        let wire = [string, END, b"X"].concat();
        let whole = decode_pieces(limits, [&wire[..]]);
        agrees(&whole, &wire);
        assert_eq!(decode_pieces(limits, wire.chunks(1)), whole);
        assert_eq!(decode_pieces(limits, wire.chunks(3)), whole);
    });
}

/// The strings deep inside a long message, where whole blocks are taken at once.
#[test]
fn decoder_agrees_with_the_reference_at_block_edges() {
    let limits = ContentLimits::default();
    let line = [&[b'x'; 62][..], b"\r\n"].concat();
    for lead in [1018, 1024, 1025, 1085] {
        let before = [&line.repeat(20)[..lead], b"\r\n"].concat();
        for_every_string(|string| {
            if string.len() > 5 {
                return;
            }
            let wire = [&before, string, &line.repeat(18), END].concat();
            agrees(&decode_pieces(limits, [&wire[..]]), &wire);
        });
    }
}

/// No string makes the encoder write an end that only a lax server sees, and what it writes comes
/// back unchanged.
#[test]
fn f9_encoder_never_writes_a_second_end() {
    for_every_string(|string| {
        let Ok(wire) = encode(string) else {
            return;
        };
        let body = &wire[..wire.len() - 3];
        for window in body.windows(2) {
            assert_eq!(
                window[0] == b'\r',
                window[1] == b'\n',
                "{}",
                wire.escape_ascii()
            );
        }
        let (content, rest) = reference(&wire).expect("the encoder wrote an end");
        assert!(rest.is_empty());
        let mut expected = string.to_vec();
        if !string.is_empty() && !string.ends_with(b"\r\n") {
            expected.extend_from_slice(b"\r\n");
        }
        assert_eq!(content.unwrap(), expected);
    });
}
