//! The command parser, line by line (group CM).

use tenantry_smtp::{Body, Command, CommandError};

use super::play::full_offer;

pub(crate) fn parse(line: impl AsRef<[u8]>) -> Result<Command, CommandError> {
    Command::parse(line.as_ref(), &full_offer())
}

/// Code and enhanced code of the refusal.
pub(crate) fn refusal(line: impl AsRef<[u8]>) -> String {
    let line = line.as_ref();
    match parse(line) {
        Ok(command) => panic!("{} gives {command:?}", line.escape_ascii()),
        Err(error) => code(&error.reply().to_string()),
    }
}

/// The first two words.
pub(crate) fn code(reply: &str) -> String {
    reply.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn verbs_come_in_any_case_and_with_trailing_spaces() {
    for (line, verb) in [
        ("EHLO x", "EHLO"),
        ("ehlo x ", "EHLO"),
        ("hElO x", "HELO"),
        ("mail from:<a@b>", "MAIL"),
        ("MAIL FROM:<a@b>  ", "MAIL"),
        ("MAIL FROM: <a@b>", "MAIL"),
        ("MAIL FROM:   <a@b>", "MAIL"),
        ("Mail From:<>", "MAIL"),
        ("rcpt to:<a@b>", "RCPT"),
        ("RCPT TO: <a@b> ", "RCPT"),
        ("data", "DATA"),
        ("DATA  ", "DATA"),
        ("bdat 5", "BDAT"),
        ("rset", "RSET"),
        ("noop", "NOOP"),
        ("NOOP anything at all", "NOOP"),
        ("quit ", "QUIT"),
        ("starttls", "STARTTLS"),
        ("vrfy someone", "VRFY"),
        ("expn list", "EXPN"),
        ("help", "HELP"),
        ("HELP mail", "HELP"),
    ] {
        assert_eq!(
            parse(line).map(|command| command.verb()),
            Ok(verb),
            "{line}"
        );
    }
}

#[test]
fn wrong_lines_get_their_code() {
    for (line, expected) in [
        ("", "500 5.5.1"),
        (" EHLO x", "500 5.5.1"),
        ("FOO", "500 5.5.1"),
        ("EHLOx", "500 5.5.1"),
        ("MAILFROM:<a@b>", "500 5.5.1"),
        (".", "500 5.5.1"),
        ("GET", "500 5.5.1"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
        ("ETRN x", "502 5.5.1"),
        ("TURN", "502 5.5.1"),
        ("XCLIENT ADDR=1.2.3.4", "502 5.5.1"),
        ("xforward NAME=x", "502 5.5.1"),
        ("EHLO", "501 5.5.4"),
        ("HELO ", "501 5.5.4"),
        ("EHLO a b", "501 5.5.4"),
        ("VRFY", "501 5.5.4"),
        ("EXPN", "501 5.5.4"),
        ("DATA junk", "501 5.5.4"),
        ("RSET junk", "501 5.5.4"),
        ("QUIT junk", "501 5.5.4"),
        ("STARTTLS junk", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        ("MAIL <a@b>", "501 5.5.4"),
        ("MAIL TO:<a@b>", "501 5.5.4"),
        ("MAIL FROM <a@b>", "501 5.5.4"),
        ("MAIL FROM :<a@b>", "501 5.5.4"),
        ("MAIL FROM:a@b", "501 5.5.4"),
        ("MAIL FROM:", "501 5.5.4"),
        ("MAIL FROM:<a@b", "501 5.5.4"),
        ("MAIL FROM:a@b>", "501 5.5.4"),
        ("MAIL FROM:<a@b>>", "501 5.5.4"),
        ("MAIL FROM:<a@b>SIZE=1", "501 5.5.4"),
        ("MAIL FROM:Name <a@b>", "501 5.5.4"),
        ("MAIL FROM:<\"a>@b", "501 5.5.4"),
        ("MAIL FROM:< a@b>", "501 5.1.7"),
        ("MAIL FROM:<a@b >", "501 5.1.7"),
        ("MAIL FROM:< >", "501 5.1.7"),
        ("MAIL FROM:<a>", "501 5.1.7"),
        ("MAIL FROM:<a@@b>", "501 5.1.7"),
        ("RCPT", "501 5.5.4"),
        ("RCPT FROM:<a@b>", "501 5.5.4"),
        ("RCPT TO:a@b", "501 5.5.4"),
        ("RCPT TO:<a@b>,<c@d>", "501 5.5.4"),
        ("RCPT TO:<a@b> <c@d>", "501 5.5.4"),
        ("BDAT", "501 5.5.4"),
        ("BDAT x", "501 5.5.4"),
        ("BDAT -1", "501 5.5.4"),
        ("BDAT +1", "501 5.5.4"),
        ("BDAT 1 2", "501 5.5.4"),
        ("BDAT 1 LAST x", "501 5.5.4"),
        ("BDAT 1LAST", "501 5.5.4"),
        ("BDAT 0x10", "501 5.5.4"),
        ("BDAT 18446744073709551616", "552 5.3.4"),
    ] {
        assert_eq!(refusal(line), expected, "{line}");
    }
}

#[test]
fn cm_03_and_04_octets_that_no_argument_may_have() {
    for line in [
        &b"EHLO a\0b"[..],
        b"EHLO a\tb",
        b"EHLO\tx\x20y\0",
        b"EHLO m\xc3\xbcnchen",
        b"EHLO \xff",
        b"HELO \x9b",
        b"EHLO \xe2\x80\xaex",
        b"MAIL FROM:<a\0@b>",
        b"MAIL FROM:<a@b>\0",
        b"MAIL FROM:<a@b> SIZE=\0",
        b"RCPT TO:<a@b>\t",
        b"RCPT TO:<\x80@b>",
        b"NOOP \xff",
        b"NOOP \xc3\xbc",
        b"HELP \0",
        b"VRFY \x1b[2J",
        b"DATA\x20\r",
        b"RSET \0",
        b"QUIT \xff",
        b"BDAT 1\0",
    ] {
        let expected = match line.split(|octet| *octet == b' ').next() {
            Some(b"EHLO\tx") => "500 5.5.1",
            Some(b"BDAT") => "501 5.5.4",
            _ => "501 5.5.2",
        };
        assert_eq!(refusal(line), expected, "{}", line.escape_ascii());
    }
    assert_eq!(refusal(b"N\xf6OP"), "501 5.5.2");
    assert_eq!(refusal(b"D\rATA"), "500 5.5.1");
    assert_eq!(refusal(b"DATA\r"), "500 5.5.1");
    assert_eq!(refusal(b"NO\0OP"), "500 5.5.1");
}

#[test]
fn cm_11_other_protocols_are_told_apart() {
    for line in [
        &b"GET / HTTP/1.1"[..],
        b"POST /mail HTTP/1.0",
        b"PUT / HTTP/1.1",
        b"HEAD / HTTP/1.1",
        b"CONNECT relay:25 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"get /",
        b"SSH-2.0-OpenSSH_9.6",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2",
        b"PROXY UNKNOWN",
        b"\x16\x03\x01\x02\x00",
        b"\x80\x2e\x01\x03\x01",
        b"\0",
    ] {
        assert_eq!(
            parse(line),
            Err(CommandError::OtherProtocol),
            "{}",
            line.escape_ascii()
        );
    }
}

#[test]
fn client_names_are_kept_as_given() {
    for name in [
        "relay.example",
        "localhost",
        "[127.0.0.1]",
        "[IPv6:::1]",
        "WIN_1",
        "-odd..name-",
        "a.",
        "x(y)",
    ] {
        let Ok(Command::Ehlo(parsed)) = parse(format!("EHLO {name}")) else {
            panic!("{name} is refused");
        };
        assert_eq!(parsed.as_str(), name);
        assert_eq!(parsed.is_literal(), name.starts_with('['));
    }
    assert!(parse(format!("EHLO {}", "x".repeat(255))).is_ok());
    assert_eq!(refusal(format!("EHLO {}", "x".repeat(256))), "501 5.5.4");
}

#[test]
fn chunks_have_a_size_and_may_be_the_last() {
    for (line, size, last) in [
        ("BDAT 0", 0, false),
        ("BDAT 0 LAST", 0, true),
        ("bdat 86 last", 86, true),
        ("BDAT 0000000000000000000000012", 12, false),
        ("BDAT 18446744073709551615", u64::MAX, false),
    ] {
        assert_eq!(parse(line), Ok(Command::Bdat { size, last }), "{line}");
    }
}

#[test]
fn table_of_a_library_that_gets_it_wrong() {
    // `ORCPT` keeps its address type, unknown letters of a keyword their case.
    let Ok(Command::Rcpt(rcpt)) = parse("RCPT TO:<a@[192.0.2.1]> orcpt=rfc822;a@b.example") else {
        panic!("refused");
    };
    assert_eq!(rcpt.parameters.orcpt(), Some("rfc822;a@b.example"));
    assert_eq!(rcpt.parameters.iter().next().unwrap().keyword, "orcpt");
    let Ok(Command::Mail(mail)) = parse("MAIL FROM:<a@b> XOORG=Contoso.com BODY=8bitmime") else {
        panic!("refused");
    };
    assert_eq!(mail.parameters.xoorg(), Some("Contoso.com"));
    assert_eq!(mail.parameters.body(), Some(Body::EightBitMime));
}
