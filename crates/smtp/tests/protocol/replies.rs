//! Replies on the wire: ours, and an upstream's (rows UR-06, UR-09, LG-01).

use bytes::BytesMut;
use tenantry_smtp::{
    EnhancedCode, MAX_LINES, Offer, OfferLimits, Reply, ReplyError, ReplyParser, Severity,
    parse_reply,
};

use super::play::full_offer;

fn written(reply: &Reply) -> String {
    let mut out = BytesMut::new();
    reply.write_to(&mut out);
    String::from_utf8(out.to_vec()).expect("ASCII")
}

fn parsed(octets: impl AsRef<[u8]>) -> Result<Option<Reply>, ReplyError> {
    let mut input = BytesMut::from(octets.as_ref());
    let reply = ReplyParser::new().next(&mut input);
    if matches!(reply, Ok(Some(_))) {
        assert!(input.is_empty());
    }
    reply
}

fn reply(octets: impl AsRef<[u8]>) -> Reply {
    parsed(octets).unwrap().unwrap()
}

#[test]
fn replies_are_written_line_by_line() {
    assert_eq!(
        written(&Reply::new(250, (2, 1, 0), "Ok")),
        "250 2.1.0 Ok\r\n"
    );
    assert_eq!(written(&Reply::plain(354, "Go on")), "354 Go on\r\n");
    assert_eq!(written(&Reply::new(550, (5, 7, 64), "")), "550 5.7.64 \r\n");
    let lines = Reply::multiline(550, Some(EnhancedCode::new(5, 7, 1)), ["a", "", "c"]);
    assert_eq!(
        written(&lines),
        "550-5.7.1 a\r\n550-5.7.1 \r\n550 5.7.1 c\r\n"
    );
    assert_eq!(lines.text(), "a  c");
    assert_eq!(lines.to_string(), "550 5.7.1 a  c");
}

#[test]
fn lg_01_no_text_can_break_a_line() {
    let texts = [
        "a\r\n250 Ok",
        "a\nb",
        "\0",
        "\x1b[2J",
        "\u{9b}",
        "\u{202e}",
        "ü",
        "a\tb",
        "\x7f",
    ];
    for text in texts {
        for reply in [
            Reply::new(550, (5, 0, 0), text),
            Reply::plain(550, text.to_owned()),
            Reply::multiline(550, None, [text]),
            Reply::fixed(550, None, "fixed\r\n"),
        ] {
            let wire = written(&reply);
            let line = wire.strip_suffix("\r\n").unwrap();
            assert!(
                line.bytes().all(|octet| matches!(octet, b' '..=b'~')),
                "{text:?}: {line}"
            );
        }
    }
}

#[test]
fn codes_out_of_range_and_classes_that_differ_are_set_right() {
    for (code, expected) in [
        (0, 451),
        (199, 451),
        (260, 451),
        (560, 451),
        (600, 451),
        (65_535, 451),
        (559, 559),
    ] {
        assert_eq!(Reply::plain(code, "").code(), expected);
    }
    assert_eq!(
        Reply::new(450, (5, 2, 1), "x").enhanced(),
        Some(EnhancedCode::new(4, 2, 1))
    );
    assert_eq!(Reply::new(354, (2, 0, 0), "x").enhanced(), None);
    assert_eq!(
        written(&Reply::new(550, (5, 70_00, 1), "x")),
        "550 5.999.1 x\r\n"
    );
}

#[test]
fn lines_are_bounded_in_length_and_number() {
    let wire = written(&Reply::new(550, (5, 0, 0), "x".repeat(5000)));
    assert_eq!(wire.len(), 512);
    let many = Reply::multiline(250, None, (0..1000).map(|line| line.to_string()));
    assert_eq!(many.lines().count(), MAX_LINES);
}

#[test]
fn severity_is_the_first_digit() {
    for (code, severity, word) in [
        (250, Severity::Positive, "positive"),
        (354, Severity::Intermediate, "intermediate"),
        (451, Severity::Transient, "transient"),
        (550, Severity::Permanent, "permanent"),
    ] {
        assert_eq!(Reply::plain(code, "").severity(), severity);
        assert_eq!(severity.as_str(), word);
    }
}

#[test]
fn ur_06_replies_of_one_and_many_lines() {
    let one = reply("550 5.7.64 TenantAttribution; Relay Access Denied\r\n");
    assert_eq!(
        (one.code(), one.enhanced()),
        (550, Some(EnhancedCode::new(5, 7, 64)))
    );
    assert_eq!(one.text(), "TenantAttribution; Relay Access Denied");
    for (octets, text) in [
        ("250\r\n", ""),
        ("250 \r\n", ""),
        ("250 ok\r\n", "ok"),
        ("250 2.0.0\r\n", ""),
        ("250-\r\n250\r\n", " "),
        ("250-a\r\n250 b\r\n", "a b"),
        ("250-2.1.0 a\r\n250 2.1.0 b\r\n", "a b"),
        ("250-2.1.0 a\r\n250 2.1.5 b\r\n", "a 2.1.5 b"),
        ("250-a\r\n250 2.1.0 b\r\n", "a 2.1.0 b"),
        ("250 4.1.0 other class\r\n", "4.1.0 other class"),
        ("250 2.1 short\r\n", "2.1 short"),
        ("250 2.1.0: x\r\n", "2.1.0: x"),
        ("250 2.1000.0 x\r\n", "2.1000.0 x"),
        ("354 3.0.0 x\r\n", "3.0.0 x"),
    ] {
        assert_eq!(reply(octets).text(), text, "{octets:?}");
    }
    let hundred = "550-5.1.1 line\r\n".repeat(99) + "550 5.1.1 end\r\n";
    assert_eq!(reply(&hundred).lines().count(), 100);
    assert_eq!(written(&reply(&hundred)), hundred);
}

#[test]
fn ur_09_text_is_sanitised_and_framing_is_not_repaired() {
    assert_eq!(
        reply(b"250 a\x1b[2J\x9b\xff\tb\x7f\r\n").text(),
        "a?[2J???b?"
    );
    assert_eq!(reply("250 ü\r\n").text(), "??");
    for (octets, error) in [
        (&b"250 ok\n"[..], ReplyError::BareOctet),
        (b"250 o\rk\r\n", ReplyError::BareOctet),
        (b"250 ok\r\r\n", ReplyError::BareOctet),
        (b"250 o\0k\r\n", ReplyError::BareOctet),
        (b"\r\n", ReplyError::Code),
        (b"ok\r\n", ReplyError::Code),
        (b"25 ok\r\n", ReplyError::Code),
        (b"2500 ok\r\n", ReplyError::Code),
        (b"250ok\r\n", ReplyError::Code),
        (b"250_ok\r\n", ReplyError::Code),
        (b"150 ok\r\n", ReplyError::Code),
        (b"650 ok\r\n", ReplyError::Code),
        (b"260 ok\r\n", ReplyError::Code),
        (b" 250 ok\r\n", ReplyError::Code),
        (b"+OK\r\n", ReplyError::Code),
        (b"250-a\r\n251 b\r\n", ReplyError::CodeChanged),
        (b"250-a\r\n550 b\r\n", ReplyError::CodeChanged),
        (b"250-a\r\nb\r\n", ReplyError::Code),
        (b"250-a\r\n250 b\n", ReplyError::BareOctet),
    ] {
        assert_eq!(parsed(octets), Err(error), "{}", octets.escape_ascii());
    }
}

#[test]
fn upstream_lines_are_bounded() {
    let line = |octets: usize| format!("250 {}\r\n", "x".repeat(octets - 6));
    assert_eq!(reply(line(4096)).text().len(), 4090);
    assert_eq!(parsed(line(4097)), Err(ReplyError::LineTooLong));
    assert_eq!(parsed("2".repeat(4096)), Err(ReplyError::LineTooLong));
    let lines = |count: usize| "250-x\r\n".repeat(count - 1) + "250 x\r\n";
    assert!(parsed(lines(128)).is_ok());
    assert_eq!(parsed(lines(129)), Err(ReplyError::TooManyLines));
    let long = format!("250-{}\r\n", "x".repeat(4000)).repeat(127) + "250 x\r\n";
    assert!(reply(long).text().len() < 40_000, "what is kept is bounded");
}

#[test]
fn a_single_reply_is_taken_whole_or_not_at_all() {
    let mut input = BytesMut::from("250-a\r\n250 b");
    assert_eq!(parse_reply(&mut input), Ok(None));
    assert_eq!(&input[..], b"250-a\r\n250 b");
    input.extend_from_slice(b"\r\n220 c\r\n");
    assert_eq!(parse_reply(&mut input).unwrap().unwrap().text(), "a b");
    assert_eq!(&input[..], b"220 c\r\n");
}

#[test]
fn an_offer_is_read_as_it_was_written() {
    let limits = Some(OfferLimits {
        mail_max: 100,
        rcpt_max: u32::MAX,
    });
    for offer in [
        Offer::default(),
        full_offer(),
        Offer {
            limits,
            size: Some(0),
            ..full_offer()
        },
    ] {
        let reply = offer.ehlo_reply("relay.example", "client\r\n250-X");
        assert_eq!(
            reply.lines().next(),
            Some("relay.example greets client??250-X")
        );
        assert_eq!(Offer::parse(&reply), offer);
        assert_eq!(Offer::parse(&self::reply(written(&reply))), offer);
    }
}

#[test]
fn offers_of_real_servers_are_understood() {
    let offer = |lines: &str| Offer::parse(&reply(lines));
    let exchange = offer(
        "250-mx.example Hello [192.0.2.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-8BITMIME\r\n250-BINARYMIME\r\n\
         250-CHUNKING\r\n250-XOORG\r\n250 SMTPUTF8\r\n",
    );
    assert_eq!(
        exchange,
        Offer {
            size: Some(157_286_400),
            ..full_offer()
        }
    );
    for (line, size) in [
        ("SIZE", Some(0)),
        ("size 5", Some(5)),
        ("SIZE x", Some(0)),
        ("SIZED 5", None),
    ] {
        assert_eq!(
            offer(&format!("250-x\r\n250 {line}\r\n")).size,
            size,
            "{line}"
        );
    }
    assert_eq!(
        offer("250 PIPELINING\r\n"),
        Offer::default(),
        "the first line is a greeting"
    );
    let limits =
        offer("250-x\r\n250 LIMITS RCPTMAX=100 MAILMAX=0 OTHER X=1 rcptdomainmax=1\r\n").limits;
    assert_eq!(
        limits,
        Some(OfferLimits {
            mail_max: u32::MAX,
            rcpt_max: 100
        })
    );
    assert_eq!(offer("250-x\r\n250 LIMITS MAILMAX=-1\r\n").limits, None);
}
