//! The client's machine: replies belong to what was sent, in its order.

use bytes::BytesMut;
use tenantry_smtp::{ClientError, ClientSession, ForwardPath, ReplyError, ReversePath, Sent, Utf8};

fn connected() -> (ClientSession, BytesMut, BytesMut) {
    let mut session = ClientSession::new();
    let mut input = BytesMut::from("220 mx.example\r\n");
    let greeting = session.next(&mut input).unwrap().unwrap();
    assert_eq!((greeting.0, greeting.1.code()), (Sent::Greeting, 220));
    (session, input, BytesMut::new())
}

#[test]
fn commands_are_written_and_replies_matched() {
    let (mut session, mut input, mut out) = connected();
    let sender = ReversePath::parse("\"a> SIZE=1\"@b", Utf8::Refused).unwrap();
    let recipient = ForwardPath::parse("Postmaster", Utf8::Refused).unwrap();
    session.ehlo("relay.example", &mut out);
    session.mail(&sender, [("SIZE", Some("5")), ("SMTPUTF8", None)], &mut out);
    session.mail(&ReversePath::Null, [], &mut out);
    session.rcpt(&recipient, [("NOTIFY", Some("NEVER"))], &mut out);
    session.data(&mut out);
    session.content_sent();
    session.bdat(0, false, &mut out);
    session.bdat(u64::MAX, true, &mut out);
    session.rset(&mut out);
    session.noop(&mut out);
    session.starttls(&mut out);
    session.quit(&mut out);
    let expected = "EHLO relay.example\r\nMAIL FROM:<\"a> SIZE=1\"@b> SIZE=5 SMTPUTF8\r\n\
        MAIL FROM:<>\r\nRCPT TO:<Postmaster> NOTIFY=NEVER\r\nDATA\r\nBDAT 0\r\n\
        BDAT 18446744073709551615 LAST\r\nRSET\r\nNOOP\r\nSTARTTLS\r\nQUIT\r\n";
    assert_eq!(out, expected.as_bytes());
    assert_eq!(session.outstanding(), 12);
    assert_eq!(session.awaiting(), Some(Sent::Ehlo));
    let mut order = Vec::new();
    for _ in 0..12 {
        input.extend_from_slice(b"250 2.0.0 Ok\r\n");
        order.push(session.next(&mut input).unwrap().unwrap().0.as_str());
    }
    let sent = [
        "ehlo", "mail", "mail", "rcpt", "data", "content", "chunk", "content", "rset", "noop",
        "starttls", "quit",
    ];
    assert_eq!(order, sent);
    assert_eq!(session.outstanding(), 0);
}

#[test]
fn nothing_that_is_sent_can_end_its_line() {
    let (mut session, _, mut out) = connected();
    session.ehlo("a\r\nQUIT b", &mut out);
    session.mail(
        &ReversePath::Null,
        [("X", Some("1\r\nRSET")), ("A B", None)],
        &mut out,
    );
    assert_eq!(
        out,
        &b"EHLO a??QUIT?b\r\nMAIL FROM:<> X=1??RSET A?B\r\n"[..]
    );
}

#[test]
fn the_offer_follows_ehlo_and_is_forgotten_with_tls() {
    let (mut session, mut input, mut out) = connected();
    session.ehlo("x", &mut out);
    input.extend_from_slice(b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n");
    session.next(&mut input).unwrap().unwrap();
    assert!(session.offer().pipelining && session.offer().starttls);
    session.starttls(&mut out);
    input.extend_from_slice(b"220 Go on\r\n");
    session.next(&mut input).unwrap().unwrap();
    session.tls_established();
    assert!(!session.offer().pipelining);
    session.ehlo("x", &mut out);
    input.extend_from_slice(b"502 No\r\n");
    session.next(&mut input).unwrap().unwrap();
    assert_eq!(*session.offer(), tenantry_smtp::Offer::default());
}

#[test]
fn ur_10_octets_that_answer_nothing_are_an_error() {
    let (mut session, mut input, mut out) = connected();
    assert_eq!(session.next(&mut input), Ok(None));
    input.extend_from_slice(b"2");
    assert_eq!(session.next(&mut input), Err(ClientError::Unsolicited));
    session.noop(&mut out);
    input.extend_from_slice(b"50 late\r\n");
    assert_eq!(
        session.next(&mut input),
        Err(ClientError::Unsolicited),
        "once broken, always"
    );
}

#[test]
fn ur_09_a_second_reply_hidden_in_a_first_is_found() {
    let (mut session, mut input, mut out) = connected();
    session.noop(&mut out);
    input.extend_from_slice(b"550 no\r\n250 ok\r\n");
    assert_eq!(session.next(&mut input).unwrap().unwrap().1.code(), 550);
    assert_eq!(session.next(&mut input), Err(ClientError::Unsolicited));
}

#[test]
fn ut_06_clear_text_after_starttls_is_an_error() {
    let (mut session, mut input, mut out) = connected();
    session.starttls(&mut out);
    input.extend_from_slice(b"220 Go on\r\n250 injected\r\n");
    assert_eq!(
        session.next(&mut input),
        Err(ClientError::PlaintextAfterStartTls)
    );
}

#[test]
fn replies_to_ehlo_before_it_was_sent_are_an_error() {
    let mut session = ClientSession::new();
    let mut input = BytesMut::from("220 mx\r\n250-mx\r\n250 SIZE\r\n");
    assert!(session.next(&mut input).unwrap().is_some());
    assert_eq!(session.next(&mut input), Err(ClientError::Unsolicited));
}

#[test]
fn malformed_replies_break_the_session() {
    let (mut session, mut input, mut out) = connected();
    session.noop(&mut out);
    input.extend_from_slice(b"250 ok\n");
    let error = ClientError::Malformed(ReplyError::BareOctet);
    assert_eq!(session.next(&mut input), Err(error));
    assert_eq!(session.next(&mut input), Err(error));
}
