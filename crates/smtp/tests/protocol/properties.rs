//! Properties: the pieces in which octets arrive never matter, what goes out comes back, nothing
//! panics.

use bytes::BytesMut;
use proptest::prelude::*;
use tenantry_smtp::{
    ClientSession, Command, ContentCheck, ContentLimits, ContentMode, DataEncoder, Mailbox, Offer,
    Reply, ReplyError, ReplyParser, Sent, ServerLimits, TlsState, Utf8,
};

use super::content::{decode, decode_pieces};
use super::play::{Player, full_offer};

/// Where to cut a string of octets.
fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..12)
}

fn pieces<'a>(octets: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    places.extend([0, octets.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &octets[pair[0]..pair[1]])
        .collect()
}

/// Octets rich in what matters to framing, long enough for whole blocks.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        2 => Just(b".".to_vec()),
        1 => Just(b"\r\n.\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\n".to_vec()),
        1 => Just(b"\0".to_vec()),
        6 => prop::collection::vec(32..127_u8, 1..200),
        1 => prop::collection::vec(any::<u8>(), 1..20),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// Content without a fault.
fn clean_content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[.]{0,5}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(line, 0..40).prop_map(|mut lines| {
        for line in &mut lines {
            line.retain(|octet| !matches!(octet, 0 | b'\r' | b'\n'));
            line.extend_from_slice(b"\r\n");
        }
        lines.concat()
    })
}

/// A client that is mostly sane.
fn client_octets() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        3 => Just("EHLO x\r\n"),
        1 => Just("HELO x\r\n"),
        6 => Just("MAIL FROM:<a@b>\r\n"),
        1 => Just("MAIL FROM:<\u{fc}@b> SMTPUTF8 BODY=BINARYMIME\r\n"),
        1 => Just("MAIL FROM:<a@b> SIZE=999999999\r\n"),
        6 => Just("RCPT TO:<c@d>\r\n"),
        2 => Just("RCPT TO:<bad@d>\r\n"),
        1 => Just("RCPT TO:<\u{fc}@d>\r\n"),
        5 => Just("DATA\r\n"),
        4 => Just("text\r\n.\r\n"),
        1 => Just("te\nxt\r\n.\r\n"),
        2 => Just("BDAT 6\r\nRSET\r\n"),
        2 => Just("BDAT 3 LAST\r\na\r\n"),
        1 => Just("BDAT 0 LAST\r\n"),
        1 => Just("BDAT 2\r\n\r\r"),
        1 => Just("RSET\r\n"),
        1 => Just("NOOP\r\n"),
        1 => Just("VRFY x\r\n"),
        1 => Just("FOO\r\n"),
        1 => Just("NO\nOP\r\n"),
        1 => Just("\r\n"),
        1 => Just("NOOP xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
        1 => Just("\0\r\n"),
        1 => Just("STARTTLS\r\n"),
        1 => Just("QUIT\r\n"),
    ];
    prop::collection::vec(token, 0..50).prop_map(|tokens| tokens.concat().into_bytes())
}

fn limits() -> ServerLimits {
    ServerLimits {
        command_line: 64,
        mail_line: 128,
        swallow: 256,
        content: ContentLimits {
            max_octets: 2000,
            max_line: 100,
        },
        recipients: 3,
        chunks: 4,
        ..ServerLimits::default()
    }
}

fn replies_of(pieces: &[&[u8]]) -> Vec<Result<Reply, ReplyError>> {
    let mut parser = ReplyParser::new();
    let mut input = BytesMut::new();
    let mut replies = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match parser.next(&mut input) {
                Ok(Some(reply)) => replies.push(Ok(reply)),
                Ok(None) => break,
                Err(error) => {
                    replies.push(Err(error));
                    return replies;
                }
            }
        }
    }
    replies
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn ds_01_decoding_does_not_depend_on_the_pieces(wire in wire(), cuts in cuts(), small in any::<bool>()) {
        let limits = match small {
            true => ContentLimits { max_octets: 3000, max_line: 150 },
            false => ContentLimits::default(),
        };
        let whole = decode_pieces(limits, [&wire[..]]);
        prop_assert_eq!(&decode_pieces(limits, pieces(&wire, &cuts)), &whole);
        prop_assert_eq!(&decode_pieces(limits, wire.chunks(1)), &whole);
    }

    #[test]
    fn ds_01_encoding_and_decoding_is_identity(content in clean_content(), cuts in cuts()) {
        let mut out = BytesMut::new();
        let mut encoder = DataEncoder::new();
        for piece in pieces(&content, &cuts) {
            encoder.encode(piece, &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        let decoding = decode(&out);
        prop_assert_eq!(decoding.fault, None);
        prop_assert_eq!(decoding.content, content);
        prop_assert_eq!(decoding.rest, Some(Vec::new()));
    }

    /// The two judge by code of their own, and agree.
    #[test]
    fn encoder_and_check_refuse_the_same_content(wire in wire(), cuts in cuts()) {
        let mut out = BytesMut::new();
        let mut encoder = DataEncoder::new();
        let encoded = pieces(&wire, &cuts).into_iter().try_for_each(|piece| encoder.encode(piece, &mut out));
        let encoded = encoded.and_then(|()| encoder.finish(&mut out));
        let mut check = ContentCheck::default();
        let checked = pieces(&wire, &cuts).into_iter().try_for_each(|piece| check.check(piece));
        let checked = checked.and_then(|()| check.finish());
        prop_assert_eq!(encoded.is_ok(), checked.is_ok());
    }

    #[test]
    fn checking_does_not_depend_on_the_pieces(wire in wire(), cuts in cuts()) {
        let limits = ContentLimits { max_octets: 3000, max_line: 150 };
        let run = |pieces: Vec<&[u8]>| {
            let mut check = ContentCheck::new(limits, ContentMode::Text);
            let accepted: usize = pieces.into_iter().map(|piece| check.accept(piece)).sum();
            (accepted, check.fault(), check.octets())
        };
        prop_assert_eq!(run(pieces(&wire, &cuts)), run(vec![&wire[..]]));
        prop_assert_eq!(run(wire.chunks(1).collect()), run(vec![&wire[..]]));
    }

    #[test]
    fn a_session_does_not_depend_on_the_pieces(octets in client_octets(), cuts in cuts()) {
        let whole = Player::with(limits(), TlsState::Offered).say_in(&[&octets]);
        for pieces in [pieces(&octets, &cuts), octets.chunks(1).collect()] {
            let split = Player::with(limits(), TlsState::Offered).say_in(&pieces);
            prop_assert_eq!(&split.replies, &whole.replies);
            // A DATA or BDAT without recipients is handed out or refused, to the same end.
            let envelope = |player: &Player| {
                let of_envelope = |c: &&Command| matches!(c.verb(), "MAIL" | "RCPT" | "QUIT");
                player.commands.iter().filter(of_envelope).cloned().collect::<Vec<_>>()
            };
            prop_assert_eq!(envelope(&split), envelope(&whole));
            prop_assert_eq!(&split.messages, &whole.messages);
            prop_assert_eq!(split.session.state(), whole.session.state());
        }
    }

    #[test]
    fn a_session_survives_anything(octets in prop::collection::vec(any::<u8>(), 0..3000), cuts in cuts()) {
        let whole = Player::greeted_with(limits()).say_in(&[&octets]);
        let split = Player::greeted_with(limits()).say_in(&pieces(&octets, &cuts));
        prop_assert_eq!(split.replies, whole.replies);
    }

    #[test]
    fn replies_do_not_depend_on_the_pieces(
        octets in "((250|251|550)[ -]([245][.][0-9][.][0-9] )?[ -~]{0,20}(\r\n|\r\n|\r\n|\n)){0,12}",
        cuts in cuts(),
    ) {
        let octets = octets.as_bytes();
        let whole = replies_of(&[octets]);
        prop_assert_eq!(&replies_of(&pieces(octets, &cuts)), &whole);
        prop_assert_eq!(&replies_of(&octets.chunks(1).collect::<Vec<_>>()), &whole);
    }

    #[test]
    fn any_octets_are_replies_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..500), cuts in cuts()) {
        prop_assert_eq!(replies_of(&pieces(&octets, &cuts)), replies_of(&[&octets]));
    }

    #[test]
    fn a_reply_that_is_written_is_read_again(
        code in 200..560_u16,
        enhanced in prop::option::of((2..6_u8, 0..1000_u16, 0..1000_u16)),
        lines in prop::collection::vec("[ -~]{0,100}", 1..20),
    ) {
        let reply = Reply::multiline(code, enhanced.map(Into::into), &lines);
        let mut wire = BytesMut::new();
        reply.write_to(&mut wire);
        let read = ReplyParser::new().next(&mut wire).unwrap().unwrap();
        // Without an enhanced code, a text may look as if it had one.
        prop_assume!(enhanced.is_some() && reply.enhanced().is_some() || read.enhanced().is_none());
        prop_assert_eq!(read, reply);
    }

    #[test]
    fn any_text_makes_a_clean_reply(code in any::<u16>(), text in any::<String>()) {
        let mut wire = BytesMut::new();
        Reply::new(code, (5, 1, 1), text).write_to(&mut wire);
        prop_assert!(wire.len() <= 512);
        let line = wire.strip_suffix(b"\r\n").unwrap();
        prop_assert!(line.iter().all(|octet| matches!(octet, b' '..=b'~')));
    }

    #[test]
    fn any_line_is_a_command_or_an_error(
        verb in "(EHLO |MAIL FROM:<|RCPT TO:<|BDAT |)",
        rest in prop::collection::vec(any::<u8>(), 0..200),
        all in any::<bool>(),
    ) {
        let offer = match all {
            true => full_offer(),
            false => Offer::default(),
        };
        let line = [verb.as_bytes(), &rest[..]].concat();
        if let Err(error) = Command::parse(&line, &offer) {
            prop_assert!(error.reply().code() >= 500);
        }
    }

    /// What a parser lets through is understood alike on the other side.
    #[test]
    fn a_path_that_was_accepted_is_sent_and_accepted_again(
        local in "([a-z!%]{1,3}([.][a-z+]{1,2}){0,2}|\"([ -!#-\\[\\]-~]|\\\\[ -~]){0,8}\")",
        domain in "([a-z0-9_]{1,3}([.-][A-Z0-9_]{1,3}){0,2}[.]?|\\[127[.]0[.]0[.]1\\])",
    ) {
        let text = format!("{local}@{domain}");
        prop_assert!(Mailbox::parse(&text, Utf8::Refused).is_ok());
        let line = format!("RCPT TO:<{text}> NOTIFY=NEVER");
        let Ok(Command::Rcpt(first)) = Command::parse(line.as_bytes(), &full_offer()) else {
            panic!("{line} is refused");
        };
        let mut out = BytesMut::new();
        let mut session = ClientSession::new();
        session.rcpt(&first.path, first.parameters.iter().map(|p| p.pair()), &mut out);
        prop_assert_eq!(session.awaiting(), Some(Sent::Greeting));
        let wire = format!("{line}\r\n");
        prop_assert_eq!(&out[..], wire.as_bytes());
    }
}
