//! Any octets are replies or an error, whatever the pieces, and a reply is safe to repeat.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tenantry_smtp::{Offer, Reply, ReplyParser};

fn replies(pieces: &[&[u8]]) -> (Vec<Reply>, bool) {
    let mut parser = ReplyParser::new();
    let mut input = BytesMut::new();
    let mut replies = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match parser.next(&mut input) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(_) => return (replies, true),
            }
        }
    }
    (replies, false)
}

fuzz_target!(|octets: &[u8]| {
    let Some((cut, wire)) = octets.split_first() else {
        return;
    };
    let cut = usize::from(*cut) * wire.len() / 255;
    let whole = replies(&[wire]);
    assert_eq!(replies(&[&wire[..cut], &wire[cut..]]), whole);
    for reply in whole.0 {
        let mut out = BytesMut::new();
        reply.write_to(&mut out);
        assert!(
            out.iter()
                .all(|octet| matches!(octet, b' '..=b'~' | b'\r' | b'\n'))
        );
        let again = replies(&[&out]);
        assert_eq!(again.0.len(), 1, "one reply stays one reply");
        let _ = Offer::parse(&reply);
    }
});
