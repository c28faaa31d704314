//! What smtp-proto makes of the same octets, where it is known to be right: replies and EHLO.

use bytes::BytesMut;
use proptest::prelude::*;
use smtp_proto::response::parser::ResponseReceiver;
use smtp_proto::{
    EXT_8BIT_MIME, EXT_BINARY_MIME, EXT_CHUNKING, EXT_DSN, EXT_ENHANCED_STATUS_CODES,
    EXT_PIPELINING, EXT_SIZE, EXT_SMTP_UTF8, EXT_START_TLS, EhloResponse,
};
use tenantry_smtp::{Offer, Reply, ReplyParser};

fn theirs(octets: &[u8]) -> smtp_proto::Response<String> {
    let mut receiver = ResponseReceiver::default();
    receiver
        .parse(&mut octets.iter())
        .expect("smtp-proto reads it")
}

fn ours(octets: &[u8]) -> Reply {
    let mut input = BytesMut::from(octets);
    ReplyParser::new()
        .next(&mut input)
        .expect("a reply")
        .expect("a whole one")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn replies_mean_the_same(
        code in prop_oneof![200..256_u16, 400..456_u16, 500..556_u16],
        enhanced in (0..200_u16, 0..200_u16),
        lines in prop::collection::vec("[a-z][ -~]{0,60}", 1..10),
    ) {
        let class = u8::try_from(code / 100).unwrap();
        let reply = Reply::multiline(code, Some((class, enhanced.0, enhanced.1).into()), &lines);
        let mut wire = BytesMut::new();
        reply.write_to(&mut wire);
        let (theirs, ours) = (theirs(&wire), ours(&wire));
        prop_assert_eq!(theirs.code, ours.code());
        let code = ours.enhanced().unwrap();
        prop_assert_eq!(theirs.esc.map(u16::from), [u16::from(code.class()), code.subject(), code.detail()]);
    }

    #[test]
    fn offers_mean_the_same(
        size in prop::option::of(1..u64::MAX),
        bits in any::<[bool; 8]>(),
    ) {
        let [pipelining, eight_bit_mime, smtputf8, enhanced_status_codes, chunking, binary_mime, dsn, starttls] = bits;
        let offer = Offer {
            size, pipelining, eight_bit_mime, smtputf8, enhanced_status_codes, chunking,
            binary_mime, dsn, starttls, xoorg: false, limits: None,
        };
        let mut wire = BytesMut::new();
        offer.ehlo_reply("mx.example", "client.example").write_to(&mut wire);
        let theirs = EhloResponse::parse(&mut wire.iter()).expect("smtp-proto reads it");
        let has = |capability: u32| theirs.capabilities & capability != 0;
        let read = Offer {
            size: has(EXT_SIZE).then_some(theirs.size as u64),
            pipelining: has(EXT_PIPELINING),
            eight_bit_mime: has(EXT_8BIT_MIME),
            smtputf8: has(EXT_SMTP_UTF8),
            enhanced_status_codes: has(EXT_ENHANCED_STATUS_CODES),
            chunking: has(EXT_CHUNKING),
            binary_mime: has(EXT_BINARY_MIME),
            dsn: has(EXT_DSN),
            starttls: has(EXT_START_TLS),
            xoorg: false,
            limits: None,
        };
        prop_assert_eq!(read, offer);
        prop_assert_eq!(Offer::parse(&ours(&wire)), offer);
    }
}
