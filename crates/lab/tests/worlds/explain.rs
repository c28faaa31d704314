//! The batch form, played with the test vectors of `exchange-online.md` section 1.17.

use std::cell::Cell;
use std::fs;
use std::io::{self, Read, Write};

use serde_json::{Value, json};
use tenantry_lab::attribution::Forest;
use tenantry_lab::events::Substitutions;
use tenantry_lab::explain::{Batch, Question, Summary, describe};
use tenantry_lab::file::Lab;

use crate::data;

fn vectors() -> Forest {
    Forest::new(Lab::load(&data("vectors/folder")).unwrap().world)
}

/// The answers to some input, a line each.
fn answers(forest: &Forest, input: &[u8]) -> (Vec<Value>, Summary) {
    let mut output = Vec::new();
    let summary = Batch::new(forest).run(input, &mut output).unwrap();
    let lines = String::from_utf8(output).unwrap();
    let parsed = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (parsed.collect(), summary)
}

/// An answer to one line.
fn answer(line: &str) -> Value {
    let (mut answers, _) = answers(&vectors(), line.as_bytes());
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

#[test]
fn every_vector_is_answered_as_expected_and_in_order() {
    let input = fs::read(data("vectors/vectors.jsonl")).unwrap();
    let (mut answers, summary) = answers(&vectors(), &input);
    assert_eq!((summary.lines, summary.errors), (27, 0));
    for answer in &mut answers {
        for result in answer["results"].as_array_mut().unwrap() {
            let why = result.as_object_mut().unwrap().remove("why").unwrap();
            assert!(!why.as_array().unwrap().is_empty(), "{result}");
        }
    }
    let expected = fs::read_to_string(data("vectors/expected.jsonl")).unwrap();
    let expected: Vec<Value> = expected
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer, expected);
    }
    assert_eq!(answers.len(), expected.len());
}

#[test]
fn an_answer_has_exactly_the_documented_keys() {
    let line = r#"{"id":"1","certificate_names":["mail.a.contoso.com"],"certificate_problem":null,
        "ip":"192.0.2.10","region":"EUR","mail_from":"u@contoso.com","rcpt_to":["x@gmail.test"]}"#;
    let answer = answer(&line.replace('\n', " "));
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&answer), ["id", "results"]);
    let result = &answer["results"][0];
    let expected = [
        "basis",
        "connector",
        "direction",
        "rcpt",
        "reply",
        "tenant",
        "why",
    ];
    assert_eq!(keys(result), expected);
    let why = &result["why"][0];
    assert_eq!(
        (&why["tenant"], &why["connector"]),
        (&json!("A"), &json!("A1"))
    );
    for key in ["stage", "outcome", "reason", "text"] {
        assert!(
            why[key].as_str().is_some_and(|text| !text.is_empty()),
            "{why}"
        );
    }
}

#[test]
fn an_id_comes_back_as_it_was() {
    for id in [
        r#""a\"b\u00fc""#,
        "7",
        "-1.50",
        "12345678901234567890123",
        "null",
        "true",
    ] {
        let mut output = Vec::new();
        let line = format!(r#"{{"id":{id},"mail_from":"","rcpt_to":["x@gmail.test"]}}"#);
        Batch::new(&vectors())
            .run(line.as_bytes(), &mut output)
            .unwrap();
        let start = format!(r#"{{"id":{id},"results":["#);
        assert!(output.starts_with(start.as_bytes()), "{id}");
    }
    let without = answer(r#"{"mail_from":"","rcpt_to":["x@gmail.test"]}"#);
    assert_eq!(without["id"], Value::Null);
}

#[test]
fn a_line_that_is_no_question_says_why_and_the_next_one_is_answered() {
    let good = r#"{"id":"good","mail_from":"","rcpt_to":["x@gmail.test"]}"#;
    let cases = [
        ("", "empty; write one JSON object a line", json!(null)),
        (" \t\r", "empty; write one JSON object a line", json!(null)),
        (
            "[1]",
            r#"not a JSON object; write one a line, as {"mail_from":"","rcpt_to":["u@contoso.com"]}"#,
            json!(null),
        ),
        (
            "nonsense",
            "no JSON: expected ident at column 2; write one object a line",
            json!(null),
        ),
        (
            "{\0}",
            "no UTF-8 text; save the file as UTF-8, or as UTF-16 with its byte order mark",
            json!(null),
        ),
        (
            "{\"id\":\"1\",",
            "no JSON: EOF while parsing a value at column 10; write one object a line",
            json!("1"),
        ),
        (
            r#"{"id":"2","mail_from":"","rcpt_to":[]}"#,
            "rcpt_to is empty; write at least one address",
            json!("2"),
        ),
        (
            r#"{"id":3,"rcpt_to":["a@b.c"]}"#,
            "mail_from is missing; write the sender, as \"u@contoso.com\", or \"\" for the null sender",
            json!(3),
        ),
        (
            r#"{"id":[4],"mail_from":"","rcpt_to":["a@b.c"]}"#,
            "id is neither a string, a number, true, false nor null",
            json!(null),
        ),
        (
            r#"{"id":1e999,"mail_from":"","rcpt_to":["a@b.c"]}"#,
            "id is neither a string, a number, true, false nor null",
            json!(null),
        ),
        (
            r#"{"id":"5","mail_from":"","rcpt_to":["a@b.c"],"ip":"nowhere"}"#,
            "ip is \"nowhere\", which is no IP address",
            json!("5"),
        ),
        (
            r#"{"id":"6","mail_from":"","rcpt_to":["a@b.c"],"certificate_problem":"odd"}"#,
            "certificate_problem is \"odd\"; it can be untrusted, expired, incomplete-chain, \
                 unknown-issuer, self-signed, not-yet-valid, revoked, revocation-unknown, \
                 wrong-usage, name-constraint, pin-mismatch, bad-signature, unsupported-key, \
                 malformed, too-many-names",
            json!("6"),
        ),
        (
            r#"{"id":"7","mail_from":"","rcpt_to":["a@b.c"],"region":""}"#,
            "region is \"\"; write a word such as EUR, or null for no check",
            json!("7"),
        ),
    ];
    for (line, error, id) in cases {
        let (answers, summary) = answers(&vectors(), format!("{line}\n{good}").as_bytes());
        assert_eq!((summary.lines, summary.errors), (2, 1), "{line}");
        assert_eq!(
            answers[0],
            json!({"id": id, "error": format!("line 1: {error}")})
        );
        assert_eq!(answers[1]["id"], "good");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_told_with_its_key_and_what_to_write() {
    let list = "write a list of addresses, as [\"u@fabrikam.com\"]";
    for (key, value, told) in [
        ("rcpt_to", "null", format!("rcpt_to is null; {list}")),
        (
            "rcpt_to",
            "\"a@b.c\"",
            format!("rcpt_to is \"a@b.c\"; {list}"),
        ),
        (
            "rcpt_to",
            "[\"a@b.c\",7]",
            format!("rcpt_to is a list with 7; {list}"),
        ),
        ("tls", "\"no\"", "tls is \"no\"; write true or false".into()),
        (
            "certificate_names",
            "\"mail.a.example\"",
            "certificate_names is \"mail.a.example\"; write a list of names, as \
             [\"mail.contoso.com\"], or null without a certificate"
                .into(),
        ),
        (
            "colour",
            "1",
            "unknown key \"colour\"; the keys are id, certificate_names, certificate_problem, ip, \
             region, tls, mail_from, header_from, rcpt_to"
                .into(),
        ),
    ] {
        let mut question = json!({"id": "k", "mail_from": "", "rcpt_to": ["a@b.c"]});
        question[key] = serde_json::from_str(value).unwrap();
        let expected = json!({"id": "k", "error": format!("line 1: {told}")});
        assert_eq!(answer(&question.to_string()), expected);
    }
    let twice = answer(r#"{"mail_from":"","mail_from":"","rcpt_to":["a@b.c"]}"#);
    let error = twice["error"].as_str().unwrap();
    assert!(error.contains("duplicate field `mail_from`"), "{error}");
}

#[test]
fn an_address_in_angle_brackets_is_an_error_of_its_line() {
    for (key, value, shown) in [
        ("mail_from", json!("<>"), "<>"),
        ("mail_from", json!("<u@contoso.com>"), "<u@contoso.com>"),
        ("rcpt_to", json!(["a@b.c", "<a@b.c>"]), "<a@b.c>"),
    ] {
        let mut question = json!({"mail_from": "", "rcpt_to": ["a@b.c"]});
        question[key] = value;
        let error = format!(
            "line 1: {key} is \"{shown}\"; write addresses without angle brackets, the null sender as \"\""
        );
        assert_eq!(
            answer(&question.to_string()),
            json!({"id": null, "error": error})
        );
    }
    let quoted = answer(r#"{"mail_from":"\"<u>\"@contoso.com","rcpt_to":["a@b.c"]}"#);
    assert!(quoted["results"].is_array(), "{quoted}");
}

#[test]
fn what_powershell_saves_is_read_whatever_its_encoding() {
    let forest = vectors();
    let text = fs::read_to_string(data("vectors/vectors.jsonl")).unwrap();
    let (expected, _) = answers(&forest, text.as_bytes());
    let units = || text.replace('\n', "\r\n").into_bytes();
    let utf8 = [&b"\xEF\xBB\xBF"[..], &units()].concat();
    let little: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for input in [utf8, little, big] {
        assert_eq!(answers(&forest, &input).0, expected);
    }
}

/// Gives lines one after the other and keeps count of them, as the writer does of the answers.
struct Ahead<'c> {
    lines: usize,
    asked: &'c Cell<usize>,
    answered: &'c Cell<usize>,
    most: &'c Cell<usize>,
}

impl Read for Ahead<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        const LINE: &[u8] = b"{\"mail_from\":\"u@contoso.com\",\"rcpt_to\":[\"x@gmail.test\"]}\n";
        let ahead = self.asked.get() - self.answered.get();
        self.most.set(self.most.get().max(ahead));
        let fitting = into.len() / LINE.len();
        let given = fitting.min(self.lines - self.asked.get());
        for (to, from) in into
            .iter_mut()
            .zip(LINE.iter().cycle())
            .take(given * LINE.len())
        {
            *to = *from;
        }
        self.asked.set(self.asked.get() + given);
        Ok(given * LINE.len())
    }
}

struct Answered<'c>(&'c Cell<usize>);

impl Write for Answered<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let lines = octets.iter().filter(|octet| **octet == b'\n').count();
        self.0.set(self.0.get() + lines);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_batch_never_reads_far_ahead_of_its_answers() {
    let (asked, answered, most) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let input = Ahead {
        lines: 100_000,
        asked: &asked,
        answered: &answered,
        most: &most,
    };
    let summary = Batch::new(&vectors())
        .run(input, Answered(&answered))
        .unwrap();
    assert_eq!((summary.lines, summary.errors), (100_000, 0));
    assert_eq!(answered.get(), 100_000);
    // When it asks for more, everything that it was given is answered.
    assert_eq!(most.get(), 0);
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_line() {
    let (answers, summary) = answers(&vectors(), b"\xfe\xfd\n{\"id\":\"\xff\"}\n\0\n");
    assert_eq!((summary.lines, summary.errors), (3, 3));
    assert_eq!(answers.len(), 3);
}

#[test]
fn a_certificate_that_does_not_count_is_told_apart_from_none() {
    let reasons = |names: &str, problem: &str| -> Vec<String> {
        let line = format!(
            r#"{{"certificate_names":{names},"certificate_problem":{problem},"ip":"203.0.113.9",
            "mail_from":"u@contoso.com","rcpt_to":["x@gmail.test"]}}"#
        );
        let answer = answer(&line.replace('\n', " "));
        let why = answer["results"][0]["why"].as_array().unwrap().clone();
        let reasons = why
            .iter()
            .map(|why| why["reason"].as_str().unwrap().to_owned());
        reasons.collect()
    };
    let has = |reasons: &[String], word: &str| reasons.iter().any(|reason| reason == word);
    assert!(has(&reasons("null", "null"), "no-certificate"));
    for problem in ["untrusted", "expired", "incomplete-chain"] {
        let problem = format!("{problem:?}");
        assert!(has(
            &reasons(r#"["mail.a.contoso.com"]"#, &problem),
            "certificate-untrusted"
        ));
        // Presented, but its names cannot be read.
        assert!(has(&reasons("null", &problem), "certificate-untrusted"));
    }
    assert!(has(&reasons("[]", "null"), "no-usable-name"));
}

#[test]
fn no_tls_is_told_apart_by_a_partner_that_requires_it() {
    let world = r#"
        [[tenant]]
        name = "A"
        region = "EUR"
        accepted_domains = ["contoso.com"]
        inbound_connectors = [{ Name = "P", ConnectorType = "Partner", RequireTls = true }]
    "#;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), world).unwrap();
    let forest = Forest::new(Lab::load(file.path()).unwrap().world);
    for (tls, reply) in [
        ("", "250 2.1.5 Recipient OK"),
        (",\"tls\":true", "250 2.1.5 Recipient OK"),
        (
            ",\"tls\":false",
            "550 5.7.51 TenantInboundAttribution; Rejecting, TLS is required",
        ),
    ] {
        let line = format!(r#"{{"mail_from":"","rcpt_to":["u@contoso.com"]{tls}}}"#);
        let (answers, _) = answers(&forest, line.as_bytes());
        assert_eq!(answers[0]["results"][0]["reply"], reply);
    }
}

#[test]
fn many_recipients_are_written_in_pieces_and_read_back_whole() {
    let recipients: Vec<String> = (0..5_000).map(|n| format!("u{n}@contoso.com")).collect();
    let line = json!({"id": "many", "mail_from": "", "rcpt_to": recipients}).to_string();
    let answer = answer(&line);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 5_000);
    assert_eq!(results[4_999]["rcpt"], "u4999@contoso.com");
}

#[test]
fn people_get_the_result_the_reply_and_the_steps_in_words() {
    let forest = vectors();
    let question = Question {
        certificate_names: Some(vec![String::from("mail.a.contoso.com")]),
        mail_from: String::from("u@contoso.com"),
        ..Question::new()
    };
    let attribution = question
        .begin(&forest, &Substitutions::default())
        .recipient(&forest, "x@gmail.test");
    let lines = describe(&forest, &attribution);
    assert_eq!(
        lines[0],
        "x@gmail.test: originating from A by certificate mail.a.contoso.com, connector \"A1\""
    );
    assert_eq!(lines[1], "  reply: 250 2.1.5 Recipient OK");
    assert!(
        lines[3].starts_with("    1. certificate, chosen: "),
        "{}",
        lines[3]
    );
}

#[test]
fn what_is_not_documented_is_marked_once() {
    let forest = vectors();
    let question = Question {
        mail_from: String::from("nix"),
        ..Question::new()
    };
    let attribution = question
        .begin(&forest, &Substitutions::default())
        .recipient(&forest, "x@gmail.test");
    let marks = |line: &String| line.matches("documented").count();
    let lines = describe(&forest, &attribution);
    assert!(lines.iter().any(|line| marks(line) == 1), "{lines:#?}");
    assert!(lines.iter().all(|line| marks(line) <= 1), "{lines:#?}");
}
