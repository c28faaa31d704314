//! `explain`: agrees with the scenario corpus, and answers every line of a batch, whatever it is.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scenarios;
mod world;

use serde_json::{Value, json};
use tenantry_lab::pki::{Authority, CertificateSpec, Validity, self_signed};
use tenantry_relay::explain::{Answer, Batch, GivenCertificate, Question, QuestionError, Summary};

use crate::world::World;

#[test]
fn a_batch_answers_in_the_words_of_its_users() {
    let world = World::new();
    let answer = world.batch(concat!(
        r#"{"id":"1","certificate_names":["mail.contoso.com"],"peer":"10.1.0.5","#,
        r#""mail_from":"u@fabrikam.com","rcpt_to":["x@example.net"]}"#
    ));
    let identity = world.config.tenants[0].identity.fingerprint().to_string();
    let expected = format!(
        "{}{}{}{}{}\n",
        r#"{"id":"1","verdict":"tenant","tenant":"contoso","basis":"certificate","tenants":null,"#,
        r#""conflict":{"sender_tenant":"fabrikam"},"#,
        r#""recipients":[{"rcpt":"x@example.net","outcome":"accepted"}],"#,
        r#""steps":[{"step":"certificate","outcome":"decided","reason":"owner"},{"step":"sender","outcome":"skipped","reason":"conflict"},{"step":"recipient","outcome":"skipped","reason":"decided-earlier"}],"#,
        format_args!(r#""upstream":"[2001:db8::1]:25","identity":"{identity}"}}"#),
    );
    assert_eq!(answer, expected);
}

#[test]
fn every_line_gets_one_answer_in_order() {
    let world = World::new();
    let good = |id: &str| {
        format!(r#"{{"id":{id},"mail_from":"","rcpt_to":["u@contoso.com"],"peer":"10.1.0.5"}}"#)
    };
    let long = format!(r#"{{"id":6,"mail_from":"{}"}}"#, "x".repeat(17 << 20));
    let lines = [
        good("\"one\""),
        good("2"),
        String::new(),
        good("12345678901234567890123"),
        String::from("not json"),
        long,
        good("null"),
        good("true"),
        good("1.50"),
        good("\"\\u0041\""),
        good("{}"),
        good("[1]"),
        String::from("{\"mail_from\":\"\",\"rcpt_to\":[\"u@contoso.com\"]}\r"),
        good("\"last, without a line end\""),
    ];
    let answers = world.batch(&lines.join("\n"));
    let ids: Vec<&str> = answers
        .lines()
        .map(|line| line.split(",\"").next().unwrap())
        .collect();
    let expected = [
        r#"{"id":"one""#,
        r#"{"id":2"#,
        r#"{"id":null"#,
        r#"{"id":12345678901234567890123"#,
        r#"{"id":null"#,
        r#"{"id":null"#,
        r#"{"id":null"#,
        r#"{"id":true"#,
        r#"{"id":1.50"#,
        r#"{"id":"\u0041""#,
        r#"{"id":null"#,
        r#"{"id":null"#,
        r#"{"id":null"#,
        r#"{"id":"last, without a line end""#,
    ];
    assert_eq!(ids, expected);
    let errors: Vec<bool> = answers
        .lines()
        .map(|line| line.contains("\"error\":"))
        .collect();
    let expected = [
        false, false, true, false, true, true, false, false, false, false, true, true, false, false,
    ];
    assert_eq!(errors, expected);
}

#[test]
fn what_is_no_question_is_an_error_with_its_id() {
    let world = World::new();
    for (line, part) in [
        (r#"{"id":7,"rcpt_to":["a@b.c"]}"#, "mail_from"),
        (r#"{"id":7,"mail_from":""}"#, "rcpt_to"),
        (r#"{"id":7,"mail_from":"","rcpt_to":[]}"#, "no recipient"),
        (r#"{"id":7,"mail_from":null,"rcpt_to":["a@b.c"]}"#, "null"),
        (
            r#"{"id":7,"mail_from":"<>","rcpt_to":["a@b.c"]}"#,
            "angle brackets",
        ),
        (
            r#"{"id":7,"mail_from":"<a@b.c>","rcpt_to":["a@b.c"]}"#,
            "angle brackets",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["<a@b.c>"]}"#,
            "angle brackets",
        ),
        (r#"{"id":7,"mail_from":"","rcpt_to":[""]}"#, "rcpt_to"),
        (
            r#"{"id":7,"mail_from":"a b@c.d","rcpt_to":["a@b.c"]}"#,
            "mail_from",
        ),
        (
            r#"{"id":7,"mail_from":"a@b\u0000.c","rcpt_to":["a@b.c"]}"#,
            "mail_from",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c","nobody"]}"#,
            "nobody",
        ),
        (r#"{"id":7,"mail_from":"","rcpt_to":"a@b.c"}"#, "rcpt_to"),
        (r#"{"id":7,"mail_from":5,"rcpt_to":["a@b.c"]}"#, "string"),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"],"peer":"10.1.0"}"#,
            "10.1.0",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"],"peer":"10.1.0.5:25"}"#,
            "peer",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"],"listener":"x"}"#,
            "listener",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"],"certificate_problem":"x"}"#,
            "self-signed",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"],"colour":"blue"}"#,
            "colour",
        ),
        (
            r#"{"id":7,"mail_from":"","mail_from":"","rcpt_to":["a@b.c"]}"#,
            "duplicate",
        ),
        (
            r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"]} trailing"#,
            "trailing",
        ),
        (r#"{"id":7,"mail_from":"","rcpt_to":["a@b.c"]"#, "EOF"),
    ] {
        let answer: Value = serde_json::from_str(&world.batch(line)).unwrap();
        assert_eq!(answer["id"], 7, "{line}: {answer}");
        assert!(
            answer["error"].as_str().unwrap().contains(part) || part == "rcpt_to",
            "{line}: {answer}"
        );
    }
    let not_text = world.batch_octets(b"{\"id\":7,\"mail_from\":\"\xff\",\"rcpt_to\":[]}\n");
    assert!(not_text.starts_with("{\"id\":7,\"error\""), "{not_text}");
}

#[test]
fn a_certificate_problem_is_never_a_certificate() {
    let world = World::new();
    for names in [
        "",
        r#""certificate_names":["mail.contoso.com"],"#,
        r#""certificate_names":null,"#,
    ] {
        for (listener, verdict) in [("strict", "unattributed"), ("lenient", "tenant")] {
            let answer = world.batch(&format!(
                r#"{{"id":1,{names}"certificate_problem":"expired","listener":"{listener}","peer":"10.1.0.5","mail_from":"u@fabrikam.com","rcpt_to":["a@b.c"]}}"#
            ));
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["verdict"], verdict, "{answer}");
            assert_eq!(answer["steps"][0]["reason"], "expired");
            assert_ne!(answer["tenant"], "contoso");
        }
    }
}

#[test]
fn absent_and_null_fields_mean_the_same() {
    let world = World::new();
    let absent = world.batch(r#"{"mail_from":"u@contoso.com","rcpt_to":["a@b.c"]}"#);
    let null = world.batch(concat!(
        r#"{"id":null,"certificate_names":null,"certificate_problem":null,"peer":null,"#,
        r#""listener":null,"mail_from":"u@contoso.com","rcpt_to":["a@b.c"]}"#
    ));
    assert_eq!(absent, null);
    let answer: Value = serde_json::from_str(&absent).unwrap();
    assert_eq!(answer["verdict"], "unattributed");
    for key in [
        "id", "tenant", "basis", "tenants", "conflict", "upstream", "identity",
    ] {
        assert_eq!(answer[key], Value::Null, "{key}");
    }
    assert_eq!(
        answer["recipients"],
        json!([{"rcpt": "a@b.c", "outcome": "refused"}])
    );
}

#[test]
fn a_batch_counts_its_lines() {
    let world = World::new();
    let mut out = Vec::new();
    let summary = Batch::new(&world.config)
        .run(&b"\n{}\n"[..], &mut out)
        .unwrap();
    assert_eq!(
        summary,
        Summary {
            lines: 2,
            errors: 2
        }
    );
    assert_eq!(
        Batch::new(&world.config).run(&b""[..], &mut out).unwrap(),
        Summary::default()
    );
}

#[test]
fn a_certificate_file_is_judged_as_the_listener_would() {
    let world = World::new();
    let at = world.folder.path();
    let spec = CertificateSpec::client(&["mail.contoso.com"]);
    world
        .authority
        .issue(&spec)
        .unwrap()
        .write(at, "good")
        .unwrap();
    let old = spec.clone().with_validity(Validity::Expired);
    world
        .authority
        .issue(&old)
        .unwrap()
        .write(at, "old")
        .unwrap();
    self_signed(&spec).unwrap().write(at, "own").unwrap();
    Authority::new("Strangers")
        .unwrap()
        .issue(&spec)
        .unwrap()
        .write(at, "strange")
        .unwrap();
    for (file, reason, tenant) in [
        ("good.pem", "owner", json!("contoso")),
        ("old.pem", "expired", Value::Null),
        ("own.pem", "self-signed", Value::Null),
        ("strange.pem", "unknown-issuer", Value::Null),
    ] {
        let path = at.join(file);
        let answer = world
            .ask(GivenCertificate::File(&path), "u@example.net")
            .unwrap();
        assert_eq!(answer["steps"][0]["reason"], reason, "{file}");
        assert_eq!(answer["tenant"], tenant, "{file}");
    }
    let missing = world.ask(
        GivenCertificate::File(&at.join("none.pem")),
        "u@example.net",
    );
    assert!(matches!(missing, Err(QuestionError::File(_))));
}

#[test]
fn one_question_is_answered_in_words() {
    let world = World::new();
    let names = [String::from("mail.contoso.com")];
    let given = world.given(GivenCertificate::Names(&names), "<>");
    let question = Question::new(&world.config, &given).unwrap();
    let lines = Answer::new(&world.config, &question).lines();
    for expected in [
        "certificate: decided (owner)",
        "verdict: tenant contoso by certificate",
        "upstream: [2001:db8::1]:25",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{lines:?}");
    }
}
