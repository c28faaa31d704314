//! The batch form, played with the test vectors of `exchange-online.md` section 1.17.

use std::fs;

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
        ("", "EOF while parsing a value at column 0", json!(null)),
        ("[1]", "not a JSON object", json!(null)),
        (
            "{\"id\":\"1\",",
            "EOF while parsing a value at column 10",
            json!("1"),
        ),
        (
            r#"{"id":"2","mail_from":"","rcpt_to":[]}"#,
            "rcpt_to is empty",
            json!("2"),
        ),
        (
            r#"{"id":3,"rcpt_to":["a@b.c"]}"#,
            "missing field `mail_from` at column 28",
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
            "certificate_problem is \"odd\"; it can be untrusted, expired or incomplete-chain",
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
    let unknown = answer(r#"{"id":"8","colour":1,"mail_from":"","rcpt_to":["a@b.c"]}"#);
    let error = unknown["error"].as_str().unwrap();
    assert!(
        error.starts_with("line 1: unknown field `colour`"),
        "{error}"
    );
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_line() {
    let (answers, summary) = answers(&vectors(), b"\xff\xfe\n{\"id\":\"\xff\"}\n\0\n");
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
