//! Parameters of MAIL and RCPT (row CM-15, RFC 3461).

use tenantry_smtp::{Body, Command, Offer, Parameters, Return};

use super::commands::{code, parse, refusal};

fn mail(parameters: &str) -> Parameters {
    match parse(format!("MAIL FROM:<a@b> {parameters}")) {
        Ok(Command::Mail(mail)) => mail.parameters,
        other => panic!("{parameters}: {other:?}"),
    }
}

fn rcpt(parameters: &str) -> Parameters {
    match parse(format!("RCPT TO:<a@b> {parameters}")) {
        Ok(Command::Rcpt(rcpt)) => rcpt.parameters,
        other => panic!("{parameters}: {other:?}"),
    }
}

#[test]
fn values_are_read() {
    let all = mail(
        "SIZE=18446744073709551615  body=BINARYMIME SMTPUTF8 RET=hdrs ENVID=QQ+2B1 XOORG=x.example",
    );
    assert_eq!(all.size(), Some(u64::MAX));
    assert_eq!(all.body(), Some(Body::BinaryMime));
    assert!(all.smtputf8());
    assert_eq!(all.ret(), Some(Return::Headers));
    assert_eq!(all.envid(), Some("QQ+2B1"));
    assert_eq!(all.xoorg(), Some("x.example"));
    assert_eq!(all.value_of("size"), Some("18446744073709551615"));
    assert!(all.has("smtputf8") && !all.has("AUTH"));
    let words: Vec<_> = all.iter().map(|parameter| parameter.keyword).collect();
    assert_eq!(words, ["SIZE", "body", "SMTPUTF8", "RET", "ENVID", "XOORG"]);
    let none = mail("");
    assert!(none.is_empty());
    assert_eq!((none.size(), none.body(), none.ret()), (None, None, None));
}

#[test]
fn delivery_status_parameters_are_kept() {
    let all = rcpt("NOTIFY=SUCCESS,failure,DELAY ORCPT=rfc822;Bob+2Bx@d");
    assert_eq!(all.notify(), Some("SUCCESS,failure,DELAY"));
    assert_eq!(all.orcpt(), Some("rfc822;Bob+2Bx@d"));
    for fine in [
        "NOTIFY=NEVER",
        "NOTIFY=DELAY",
        "ORCPT=x400;/C=de/".trim_end_matches("=de/"),
        "ORCPT=utf-8;ü@d",
    ] {
        assert!(!rcpt(fine).is_empty());
    }
}

#[test]
fn cm_15_wrong_parameters_get_their_code() {
    for (parameters, expected) in [
        ("SIZE=18446744073709551616", "501 5.5.4"),
        ("SIZE=99999999999999999999", "501 5.5.4"),
        ("SIZE=000000000000000000001", "501 5.5.4"),
        ("SIZE=-1", "501 5.5.4"),
        ("SIZE=+1", "501 5.5.4"),
        ("SIZE=1k", "501 5.5.4"),
        ("SIZE=", "501 5.5.4"),
        ("SIZE", "501 5.5.4"),
        ("SIZE=1 SIZE=1", "501 5.5.4"),
        ("SIZE=1 size=2", "501 5.5.4"),
        ("BODY=x", "501 5.5.4"),
        ("BODY", "501 5.5.4"),
        ("SMTPUTF8=yes", "501 5.5.4"),
        ("RET=SOME", "501 5.5.4"),
        ("ENVID=", "501 5.5.4"),
        ("ENVID=a+b", "501 5.5.4"),
        ("ENVID=a+3d", "501 5.5.4"),
        ("ENVID=ü SMTPUTF8", "501 5.5.4"),
        ("XOORG", "501 5.5.4"),
        ("=1", "501 5.5.4"),
        ("-A=1", "501 5.5.4"),
        ("A_B=1", "501 5.5.4"),
        ("SIZE=1=2", "501 5.5.4"),
        ("SIZE = 1", "501 5.5.4"),
        ("UNKNOWN", "555 5.5.4"),
        ("UNKNOWN=1", "555 5.5.4"),
        ("AUTH=<>", "555 5.5.4"),
        ("NOTIFY=NEVER", "555 5.5.4"),
        ("ORCPT=rfc822;a@b", "555 5.5.4"),
        ("BODY=8BITMIME;", "501 5.5.4"),
    ] {
        assert_eq!(
            refusal(format!("MAIL FROM:<a@b> {parameters}")),
            expected,
            "{parameters}"
        );
    }
    assert_eq!(
        refusal(format!("MAIL FROM:<a@b> ENVID={}", "x".repeat(101))),
        "501 5.5.4"
    );
    for (parameters, expected) in [
        ("NOTIFY=", "501 5.5.4"),
        ("NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("NOTIFY=DELAY,DELAY", "501 5.5.4"),
        ("NOTIFY=DELAY,", "501 5.5.4"),
        ("NOTIFY=SOMETIMES", "501 5.5.4"),
        ("ORCPT=a@b", "501 5.5.4"),
        ("ORCPT=;a@b", "501 5.5.4"),
        ("ORCPT=rfc822;", "501 5.5.4"),
        ("ORCPT=rfc822;a+b@d", "501 5.5.4"),
        ("ORCPT=rfc822;ü@d", "501 5.5.4"),
        ("SIZE=1", "555 5.5.4"),
        ("RET=FULL", "555 5.5.4"),
        ("X", "555 5.5.4"),
    ] {
        assert_eq!(
            refusal(format!("RCPT TO:<a@b> {parameters}")),
            expected,
            "{parameters}"
        );
    }
}

#[test]
fn cl_04_what_was_not_offered_is_refused() {
    let offer = Offer {
        eight_bit_mime: true,
        ..Offer::default()
    };
    let refusal = |line: &str, offer: &Offer| match Command::parse(line.as_bytes(), offer) {
        Ok(command) => panic!("{line} gives {command:?}"),
        Err(error) => code(&error.reply().to_string()),
    };
    for parameters in [
        "SIZE=1",
        "BODY=BINARYMIME",
        "SMTPUTF8",
        "RET=FULL",
        "ENVID=x",
        "XOORG=x",
    ] {
        let line = format!("MAIL FROM:<a@b> {parameters}");
        assert_eq!(refusal(&line, &offer), "555 5.5.4", "{parameters}");
    }
    for parameters in ["NOTIFY=NEVER", "ORCPT=rfc822;a@b"] {
        assert_eq!(
            refusal(&format!("RCPT TO:<a@b> {parameters}"), &offer),
            "555 5.5.4"
        );
    }
    assert!(Command::parse(b"MAIL FROM:<a@b> BODY=8BITMIME", &offer).is_ok());
    assert!(Command::parse(b"MAIL FROM:<a@b> BODY=7BIT", &offer).is_ok());
    let nothing = Offer::default();
    assert_eq!(refusal("MAIL FROM:<a@b> BODY=7BIT", &nothing), "555 5.5.4");
    let binary = Offer {
        binary_mime: true,
        ..nothing
    };
    assert_eq!(
        refusal("MAIL FROM:<a@b> BODY=8BITMIME", &binary),
        "555 5.5.4"
    );
    assert_eq!(refusal("RCPT TO:<ü@b>", &nothing), "553 5.6.7");
}
