//! Decoding does not depend on the pieces, agrees with a naive decoder, and what was decoded is
//! encoded without a second end. The first octet cuts the rest in two.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tenantry_smtp::{ContentCheck, ContentLimits, DataDecoder, DataEncoder, Decoded};

const END: &[u8] = b"\r\n.\r\n";

fn decode(pieces: &[&[u8]]) -> (Vec<u8>, bool, Option<usize>) {
    let mut decoder = DataDecoder::new(ContentLimits::default());
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut ended = false;
    for piece in pieces {
        input.extend_from_slice(piece);
        ended = ended || decoder.decode(&mut input, &mut out) == Decoded::End;
    }
    (
        out.to_vec(),
        decoder.fault().is_some(),
        ended.then(|| input.len()),
    )
}

fuzz_target!(|octets: &[u8]| {
    let Some((cut, wire)) = octets.split_first() else {
        return;
    };
    let cut = usize::from(*cut) * wire.len() / 255;
    let whole = decode(&[wire]);
    assert_eq!(decode(&[&wire[..cut], &wire[cut..]]), whole);

    let framed = [b"\r\n", wire].concat();
    let end = framed.windows(END.len()).position(|window| window == END);
    assert_eq!(whole.2, end.map(|end| framed.len() - end - END.len()));

    let (content, faulty, rest) = whole;
    if faulty || rest.is_none() {
        return;
    }
    assert_eq!(ContentCheck::default().check(&content), Ok(()));
    let mut encoder = DataEncoder::new();
    let mut again = BytesMut::new();
    encoder
        .encode(&content, &mut again)
        .expect("content without fault");
    encoder.finish(&mut again).expect("content without fault");
    assert_eq!(decode(&[&again]), (content, false, Some(0)));
});
