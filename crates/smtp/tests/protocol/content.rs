//! DATA in and out, and the rules for content by themselves.

use bytes::BytesMut;
use tenantry_smtp::{
    ContentCheck, ContentFault, ContentLimits, ContentMode, DataDecoder, DataEncoder, Decoded,
    EncodeError,
};

/// What a decoder made of octets fed in pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoding {
    pub(crate) content: Vec<u8>,
    pub(crate) fault: Option<ContentFault>,
    /// Octets behind the end; `None` if there is no end.
    pub(crate) rest: Option<Vec<u8>>,
}

pub(crate) fn decode_pieces<'a>(
    limits: ContentLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Decoding {
    let mut decoder = DataDecoder::new(limits);
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut ended = false;
    for piece in pieces {
        input.extend_from_slice(piece);
        if !ended {
            ended = decoder.decode(&mut input, &mut out) == Decoded::End;
            assert!(ended || input.is_empty(), "the decoder keeps octets");
        }
    }
    assert_eq!(decoder.octets(), out.len() as u64);
    Decoding {
        content: out.to_vec(),
        fault: decoder.fault(),
        rest: ended.then(|| input.to_vec()),
    }
}

pub(crate) fn decode(octets: &[u8]) -> Decoding {
    decode_pieces(ContentLimits::default(), [octets])
}

pub(crate) fn encode(content: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut out = BytesMut::new();
    let mut encoder = DataEncoder::new();
    encoder.encode(content, &mut out)?;
    encoder.finish(&mut out)?;
    Ok(out.to_vec())
}

fn content(octets: &[u8]) -> Vec<u8> {
    let decoding = decode(octets);
    assert_eq!(decoding.fault, None);
    assert_eq!(
        decoding.rest.as_deref(),
        Some(&b""[..]),
        "ends with its input"
    );
    decoding.content
}

/// The fault of octets whose true end is at their end.
fn fault(octets: &[u8]) -> ContentFault {
    let decoding = decode(octets);
    assert_eq!(
        decoding.rest.as_deref(),
        Some(&b""[..]),
        "consumed to the true end"
    );
    decoding.fault.expect("a fault")
}

#[test]
fn normal_end_gives_the_lines_before_it() {
    assert_eq!(content(b"a\r\nb\r\n.\r\n"), b"a\r\nb\r\n");
}

#[test]
fn sm_12_empty_message_ends_at_its_first_line() {
    assert_eq!(content(b".\r\n"), b"");
}

#[test]
fn sm_13_dot_cr_cr_lf_is_no_end() {
    assert_eq!(fault(b"a\r\n.\r\r\nb\r\n.\r\n"), ContentFault::BareCr);
    assert_eq!(fault(b".\r\r\nb\r\n.\r\n"), ContentFault::BareCr);
}

#[test]
fn sm_13_cr_cr_lf_dot_is_an_end_in_doubt() {
    for message in [
        &b"a\r\r\n.\r\nNOOP\r\n"[..],
        b"a\r\n.\r\r\n.\r\nNOOP\r\n",
        b"\r\r\n.\r\nNOOP\r\n",
    ] {
        let decoding = decode(message);
        assert_eq!(decoding.fault, Some(ContentFault::DoubtfulEnd));
        assert_eq!(decoding.rest.as_deref(), Some(&b"NOOP\r\n"[..]));
    }
    assert_eq!(ContentFault::DoubtfulEnd.reply().code(), 521);
}

#[test]
fn sm_13_a_doubled_cr_elsewhere_leaves_the_end_beyond_doubt() {
    assert_eq!(fault(b"a\r\r\nb\r\n.\r\n"), ContentFault::BareCr);
    assert_eq!(fault(b"a\r\r\n\r\n.\r\n"), ContentFault::BareCr);
}

#[test]
fn sm_01_lf_dot_lf_is_no_end() {
    assert_eq!(fault(b"a\n.\nb\r\n.\r\n"), ContentFault::BareLf);
}

#[test]
fn sm_02_lf_dot_crlf_is_no_end() {
    assert_eq!(fault(b"a\n.\r\nb\r\n.\r\n"), ContentFault::BareLf);
}

#[test]
fn sm_03_crlf_dot_lf_is_no_end() {
    assert_eq!(fault(b"a\r\n.\nb\r\n.\r\n"), ContentFault::BareLf);
}

#[test]
fn sm_04_cr_dot_cr_is_no_end() {
    assert_eq!(fault(b"a\r.\rb\r\n.\r\n"), ContentFault::BareCr);
}

#[test]
fn sm_05_and_06_mixed_ends_are_none() {
    for (octets, expected) in [
        (&b"a\r.\nb\r\n.\r\n"[..], ContentFault::BareCr),
        (b"a\n.\rb\r\n.\r\n", ContentFault::BareLf),
        (b"a\r.\r\nb\r\n.\r\n", ContentFault::BareCr),
        (b"a\r\n.\rb\r\n.\r\n", ContentFault::BareCr),
        (b"a\n\r.\r\nb\r\n.\r\n", ContentFault::BareLf),
        (b"\n.\r\nb\r\n.\r\n", ContentFault::BareLf),
        (b"\r.\r\nb\r\n.\r\n", ContentFault::BareCr),
    ] {
        assert_eq!(
            fault(octets),
            expected,
            "{:?}",
            octets.escape_ascii().to_string()
        );
    }
}

#[test]
fn sm_07_nul_beside_the_dot_is_no_end() {
    assert_eq!(fault(b"a\r\n\0.\r\nb\r\n.\r\n"), ContentFault::Nul);
    assert_eq!(fault(b"a\r\n.\0\r\nb\r\n.\r\n"), ContentFault::Nul);
    assert_eq!(fault(b"a\r\n.\r\0\nb\r\n.\r\n"), ContentFault::Nul);
    assert_eq!(fault(b"a\r\0\n.\r\nb\r\n.\r\n"), ContentFault::Nul);
}

#[test]
fn sm_08_and_09_one_bare_octet_anywhere_is_a_fault() {
    let clean: Vec<u8> = b"Subject: x\r\n\r\nline of a body\r\n".repeat(90);
    for (octet, expected) in [
        (b'\n', ContentFault::BareLf),
        (b'\r', ContentFault::BareCr),
        (0, ContentFault::Nul),
    ] {
        for at in 0..clean.len() {
            // In front of CR, behind CR or in front of LF, some insertions are legal line ends.
            if matches!(
                (octet, &clean[at..]),
                (b'\n', [b'\n', ..]) | (b'\r', [b'\n', ..])
            ) {
                continue;
            }
            let mut wire = clean.clone();
            wire.insert(at, octet);
            wire.extend_from_slice(b"tail\r\n.\r\n");
            let found = decode(&wire);
            assert!(found.fault.is_some(), "{octet} at {at}");
            if at > 0 && clean[at - 1] != b'\r' {
                assert_eq!(found.fault, Some(expected), "{octet} at {at}");
            }
            assert_eq!(found.rest.as_deref(), Some(&b""[..]), "{octet} at {at}");
        }
    }
}

#[test]
fn sm_10_an_end_may_be_split_anywhere() {
    let wire = b"a\r\n..b\r\n.\r\nQUIT\r\n";
    let whole = decode(wire);
    for first in 0..wire.len() {
        for second in first..wire.len() {
            let pieces = [&wire[..first], &wire[first..second], &wire[second..]];
            assert_eq!(decode_pieces(ContentLimits::default(), pieces), whole);
        }
    }
}

#[test]
fn sm_14_stuffed_lines_are_restored() {
    assert_eq!(content(b"..\r\n.\r\n"), b".\r\n");
    assert_eq!(content(b"..a\r\n.\r\n"), b".a\r\n");
    assert_eq!(content(b"a\r\n..\r\n...\r\n.\r\n"), b"a\r\n.\r\n..\r\n");
    for dots in 1..=998 {
        let message = [&vec![b'.'; dots][..], b"\r\n"].concat();
        let wire = encode(&message).unwrap();
        assert_eq!(wire.len(), dots + 1 + 2 + 3);
        assert_eq!(content(&wire), message);
    }
}

#[test]
fn an_unstuffed_dot_is_dropped_as_the_rfc_says() {
    assert_eq!(content(b".a\r\n.\r\n"), b"a\r\n");
}

#[test]
fn cm_13_lines_up_to_the_limit_pass_unchanged() {
    let line = |octets| [&vec![b'x'; octets][..], b"\r\n"].concat();
    for octets in [998, 999, 65_535] {
        let wire = [&line(octets)[..], b".\r\n"].concat();
        assert_eq!(content(&wire), line(octets));
        let stuffed = [&b"."[..], b".", &line(octets - 1), b".\r\n"].concat();
        assert_eq!(content(&stuffed).len(), octets + 2);
    }
    for octets in [65_536, 70 * 1024, 300_000] {
        let wire = [&line(octets)[..], b"short\r\n.\r\n"].concat();
        assert_eq!(fault(&wire), ContentFault::LineTooLong);
        assert_eq!(decode(&wire).content.len(), 65_535);
    }
}

#[test]
fn cm_09_size_is_counted_and_the_end_still_found() {
    let limits = |max_octets| ContentLimits {
        max_octets,
        ..ContentLimits::default()
    };
    let message = b"0123456789abcd\r\n".repeat(1000);
    let wire = [&message[..], b".\r\n"].concat();
    assert_eq!(decode_pieces(limits(16_000), [&wire[..]]).fault, None);
    for max in [15_999, 15_998, 5000, 1, 0] {
        let found = decode_pieces(limits(max), [&wire[..]]);
        assert_eq!(found.fault, Some(ContentFault::TooBig));
        assert_eq!(found.content, message[..usize::try_from(max).unwrap()]);
        assert_eq!(found.rest.as_deref(), Some(&b""[..]));
    }
}

#[test]
fn nothing_is_appended_after_a_fault() {
    let found = decode(b"good\r\nbad\nMAIL FROM:<x@y>\r\nmore\r\n.\r\n");
    assert_eq!(found.content, b"good\r\nbad");
}

#[test]
fn the_encoder_asserts_what_the_decoder_should_have_refused() {
    for (content, error) in [
        (&b"a\nb"[..], EncodeError::BareLf),
        (b"\n", EncodeError::BareLf),
        (b"a\rb", EncodeError::BareCr),
        (b"a\r", EncodeError::BareCr),
        (b"a\r\r\n", EncodeError::BareCr),
        (b"\r\n\n", EncodeError::BareLf),
        (b"a\0", EncodeError::Nul),
        (b".\n", EncodeError::BareLf),
    ] {
        assert_eq!(
            encode(content),
            Err(error),
            "{:?}",
            content.escape_ascii().to_string()
        );
    }
}

#[test]
fn the_encoder_ends_the_last_line_if_need_be() {
    assert_eq!(encode(b"").unwrap(), b".\r\n");
    assert_eq!(encode(b"a").unwrap(), b"a\r\n.\r\n");
    assert_eq!(encode(b".").unwrap(), b"..\r\n.\r\n");
    assert_eq!(encode(b"a\r\n").unwrap(), b"a\r\n.\r\n");
    assert_eq!(encode(b"\r\n.\r\n").unwrap(), b"\r\n..\r\n.\r\n");
}

#[test]
fn a_check_follows_the_same_rules_over_any_pieces() {
    let fault = |pieces: &[&[u8]]| {
        let mut check = ContentCheck::new(ContentLimits::default(), ContentMode::Text);
        let faulty = pieces.iter().try_for_each(|piece| check.check(piece)).err();
        faulty.or(check.finish().err())
    };
    assert_eq!(fault(&[b"a\r", b"\nb"]), None);
    assert_eq!(fault(&[b".\r\n.\r\n"]), None);
    assert_eq!(fault(&[]), None);
    assert_eq!(fault(&[b"a\r"]), Some(ContentFault::BareCr));
    assert_eq!(fault(&[b"a\r", b"b"]), Some(ContentFault::BareCr));
    assert_eq!(fault(&[b"a", b"\n"]), Some(ContentFault::BareLf));
    assert_eq!(fault(&[b"a\0"]), Some(ContentFault::Nul));
    assert_eq!(
        fault(&[&[b'x'; 40_000], &[b'x'; 40_000]]),
        Some(ContentFault::LineTooLong)
    );
}

#[test]
fn a_check_of_binary_content_counts_only() {
    let limits = ContentLimits {
        max_octets: 5,
        max_line: 1,
    };
    let mut check = ContentCheck::new(limits, ContentMode::Binary);
    assert_eq!(check.accept(b"\0\r\n\r"), 4);
    assert_eq!(check.accept(b"ab"), 1);
    assert_eq!(check.fault(), Some(ContentFault::TooBig));
    assert_eq!(check.finish(), Err(ContentFault::TooBig));
}

#[test]
fn every_fault_has_its_reply() {
    for (fault, reply) in [
        (ContentFault::BareCr, "550 5.5.2"),
        (ContentFault::BareLf, "550 5.5.2"),
        (ContentFault::Nul, "550 5.5.2"),
        (ContentFault::LineTooLong, "554 5.6.0"),
        (ContentFault::TooBig, "552 5.3.4"),
        (ContentFault::TooManyChunks, "552 5.3.4"),
    ] {
        assert!(
            fault.reply().to_string().starts_with(reply),
            "{}",
            fault.as_str()
        );
    }
}
