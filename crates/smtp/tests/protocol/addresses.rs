//! Addresses as commands carry them (group CM).

use tenantry_smtp::{AddressError, Command, ForwardPath, Mailbox, ReversePath, Role, Utf8};

use super::commands::{parse, refusal};

fn mailbox(text: &str) -> Result<Mailbox, AddressError> {
    Mailbox::parse(text, Utf8::Refused)
}

#[test]
fn cm_10_addresses_keep_their_spelling() {
    for (text, local, domain) in [
        ("a@b.example", "a", "b.example"),
        ("A.B+tag@B.Example", "A.B+tag", "B.Example"),
        ("\"a b\"@d", "\"a b\"", "d"),
        (r#""a\"b"@d"#, r#""a\"b""#, "d"),
        (r#""a\\"@d"#, r#""a\\""#, "d"),
        (r#""a@b>c"@d"#, r#""a@b>c""#, "d"),
        ("\"a> SIZE=1\"@d", "\"a> SIZE=1\"", "d"),
        ("\"\"@d", "\"\"", "d"),
        ("a%b@d", "a%b", "d"),
        ("host!a@d", "host!a", "d"),
        ("!#$%&'*+-/=?^_`{|}~@d", "!#$%&'*+-/=?^_`{|}~", "d"),
        ("a@x_y.example", "a", "x_y.example"),
        ("a@1.2.3", "a", "1.2.3"),
        ("a@xn--mnchen-3ya.example", "a", "xn--mnchen-3ya.example"),
    ] {
        let mailbox = mailbox(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(mailbox.as_str(), text);
        assert_eq!(
            (mailbox.local(), mailbox.domain()),
            (local, domain),
            "{text}"
        );
        assert!(!mailbox.is_literal());
        let line = format!("MAIL FROM:<{text}> SIZE=1");
        assert!(matches!(parse(&line), Ok(Command::Mail(mail))
            if mail.path.as_str() == text && mail.parameters.size() == Some(1)));
    }
}

#[test]
fn cm_10_source_routes_are_stripped_never_misrouted() {
    for (text, address) in [
        ("@x,@y:a@d", "a@d"),
        ("@x:a@d", "a@d"),
        ("@[127.0.0.1],@[IPv6:::1]:a@d", "a@d"),
        ("@x:\"@y:b\"@d", "\"@y:b\"@d"),
    ] {
        assert_eq!(mailbox(text).unwrap().as_str(), address, "{text}");
    }
    for text in [
        "@x",
        "@x:",
        "@:a@d",
        "@x,y:a@d",
        "@x,:a@d",
        "@x a@d",
        "@[x:a@d",
        "@x:@y:a@d",
    ] {
        assert!(mailbox(text).is_err(), "{text}");
    }
}

#[test]
fn cm_12_lengths() {
    use AddressError::{DomainTooLong, LabelTooLong, LocalTooLong, PathTooLong};
    let label = "d".repeat(63);
    let domain = |octets: usize| {
        let mut domain = format!("{label}.").repeat(4);
        domain.truncate(octets);
        domain
    };
    assert!(mailbox(&format!("{}@d", "l".repeat(64))).is_ok());
    assert_eq!(mailbox(&format!("{}@d", "l".repeat(65))), Err(LocalTooLong));
    assert_eq!(
        mailbox(&format!("\"{}\"@d", "l".repeat(63))),
        Err(LocalTooLong)
    );
    assert!(
        mailbox(&format!("a@{}", domain(252))).is_ok(),
        "254 octets, 256 with brackets"
    );
    assert_eq!(mailbox(&format!("a@{}", domain(253))), Err(PathTooLong));
    assert_eq!(mailbox(&format!("a@{}", domain(256))), Err(PathTooLong));
    assert_eq!(mailbox(&format!("a@{}", "d".repeat(64))), Err(LabelTooLong));
    assert_eq!(DomainTooLong.reply(Role::Sender).code(), 553);
    for (line, expected) in [
        (format!("MAIL FROM:<{}@d>", "l".repeat(65)), "553 5.1.7"),
        (format!("RCPT TO:<{}@d>", "l".repeat(65)), "553 5.1.3"),
        (format!("RCPT TO:<a@{}>", domain(256)), "553 5.1.3"),
        (
            format!("MAIL FROM:<{}@{}>", "l".repeat(64), domain(190)),
            "553 5.1.7",
        ),
    ] {
        assert_eq!(refusal(&line), expected, "{line}");
    }
}

#[test]
fn cm_16_literals_and_odd_domains() {
    for literal in [
        "[127.0.0.1]",
        "[IPv6:::1]",
        "[ipv6:2001:db8::1]",
        "[IPv6:::ffff:1.2.3.4]",
        "[x-tag:any]",
    ] {
        let mailbox = mailbox(&format!("a@{literal}")).unwrap();
        assert!(mailbox.is_literal());
        assert_eq!(mailbox.domain(), literal);
    }
    for domain in ["localhost.", "d.", "D", "a.b.c.d.example."] {
        assert_eq!(mailbox(&format!("a@{domain}")).unwrap().domain(), domain);
    }
    for (domain, expected) in [
        ("d..e", "553 5.1.3"),
        (".d", "553 5.1.3"),
        ("d..", "553 5.1.3"),
        (".", "553 5.1.3"),
        ("-d", "553 5.1.3"),
        ("d-", "553 5.1.3"),
        ("d.-e.f", "553 5.1.3"),
        ("", "501 5.1.3"),
        ("d e", "501 5.1.3"),
        ("d,e", "501 5.1.3"),
        ("d@e", "501 5.1.3"),
        ("d/e", "501 5.1.3"),
        ("[127.0.0.1", "501 5.1.3"),
        ("127.0.0.1]", "501 5.1.3"),
        ("[127.0.0.256]", "501 5.1.3"),
        ("[127.0.0.01]", "501 5.1.3"),
        ("[127.0.0]", "501 5.1.3"),
        ("[]", "501 5.1.3"),
        ("[IPv6:1]", "501 5.1.3"),
        ("[IPv6:::1%eth0]", "501 5.1.3"),
        ("[::1]", "501 5.1.3"),
        ("[tag:]", "501 5.1.3"),
        ("[127.0.0.1].d", "501 5.1.3"),
        ("[127.0.0.1]]", "501 5.1.3"),
    ] {
        assert_eq!(
            refusal(format!("RCPT TO:<a@{domain}>")),
            expected,
            "{domain}"
        );
    }
}

#[test]
fn local_parts_outside_the_grammar_are_refused() {
    for local in [
        "",
        ".a",
        "a.",
        "a..b",
        "a b",
        "a,b",
        "a(b",
        "a:b",
        "a;b",
        "a[b",
        "a\\b",
        "a\"b",
        "\"a",
        "\"a\"b",
        "a\"b\"",
        "\"a\"\"b\"",
        "\"a\\\"",
    ] {
        assert_eq!(
            refusal(format!("MAIL FROM:<{local}@d>")).get(..3),
            Some("501"),
            "{local}"
        );
    }
}

#[test]
fn cm_03_control_characters_are_refused() {
    for control in ["\0", "\t", "\x1b", "\x7f", "\r", "\n"] {
        for address in [
            format!("a{control}b@d"),
            format!("\"a{control}\"@d"),
            format!("a@d{control}"),
        ] {
            assert_eq!(mailbox(&address), Err(AddressError::Control), "{address:?}");
            assert_eq!(
                refusal(format!("RCPT TO:<{address}>")),
                "501 5.5.2",
                "{address:?}"
            );
        }
    }
    assert_eq!(
        Mailbox::parse("a\u{9b}b@d", Utf8::Allowed),
        Err(AddressError::Control)
    );
}

#[test]
fn cm_04_characters_beyond_ascii_need_smtputf8() {
    for address in ["ü@d", "a@münchen.example", "\"ü\"@d", "用户@例子.example"] {
        assert_eq!(refusal(format!("MAIL FROM:<{address}>")), "553 5.6.7");
        let Ok(Command::Mail(mail)) = parse(format!("MAIL FROM:<{address}> SMTPUTF8")) else {
            panic!("{address} is refused");
        };
        assert_eq!(mail.path.as_str(), address);
        assert!(!mail.path.mailbox().unwrap().is_ascii());
    }
    assert_eq!(mailbox("ü@d"), Err(AddressError::NonAscii));
    assert_eq!(refusal(b"MAIL FROM:<\xff@d> SMTPUTF8"), "501 5.5.2");
    assert_eq!(refusal(b"RCPT TO:<\xc3@d>"), "501 5.5.2");
}

#[test]
fn cm_08_null_path_is_for_senders_only() {
    assert!(
        matches!(parse("MAIL FROM:<>"), Ok(Command::Mail(mail)) if mail.path == ReversePath::Null)
    );
    assert_eq!(refusal("RCPT TO:<>"), "501 5.1.3");
}

#[test]
fn bare_postmaster_keeps_its_spelling() {
    for word in ["postmaster", "Postmaster", "POSTMASTER"] {
        let Ok(Command::Rcpt(rcpt)) = parse(format!("RCPT TO:<{word}>")) else {
            panic!("{word} is refused");
        };
        assert!(matches!(&rcpt.path, ForwardPath::Postmaster(_)));
        assert_eq!(rcpt.path.to_string(), format!("<{word}>"));
        assert!(rcpt.path.mailbox().is_none());
    }
    assert_eq!(refusal("MAIL FROM:<postmaster>"), "501 5.1.7");
    assert_eq!(refusal("RCPT TO:<postmasters>"), "501 5.1.3");
}

#[test]
fn paths_write_themselves_as_they_were() {
    assert_eq!(ReversePath::Null.to_string(), "<>");
    assert_eq!(ReversePath::parse("", Utf8::Refused), Ok(ReversePath::Null));
    let path = ReversePath::parse("@x:\"a b\"@d", Utf8::Refused).unwrap();
    assert_eq!(path.to_string(), "<\"a b\"@d>");
    assert_eq!(
        ForwardPath::parse("", Utf8::Refused),
        Err(AddressError::Syntax)
    );
}
