//! `tenantry lab explain`.

use std::fs;

use serde_json::Value;

use crate::program::{Box, CONFIGURATION, OK, USAGE, fed, lines, tenantry, text};

#[test]
fn samples_are_answered_as_their_scenarios_promise() {
    for name in [
        "healthy",
        "shared-ip",
        "refusals",
        "one-server-many-tenants-with-tenantry",
    ] {
        let made = Box::new(&["--scenario", name]);
        let sample = made.file("sample.jsonl");
        let answered = tenantry(&[
            "lab",
            "explain",
            "--world",
            made.world(),
            "--batch",
            &sample,
        ]);
        assert_eq!(
            answered.status.code(),
            Some(OK),
            "{}",
            text(&answered.stderr)
        );
        agree(&lines(&answered.stdout), &made.lines("expected.jsonl"));
    }
}

#[test]
fn a_change_can_come_first() {
    let made = Box::new(&["--scenario", "shared-ip"]);
    let events = fs::read_to_string(made.path.join("events.txt")).unwrap();
    let sample = made.file("after.jsonl");
    let mut arguments = vec![
        "lab",
        "explain",
        "--world",
        made.world(),
        "--batch",
        &sample,
    ];
    for event in events.lines() {
        arguments.extend(["--event", event]);
    }
    let answered = tenantry(&arguments);
    agree(
        &lines(&answered.stdout),
        &made.lines("expected-after.jsonl"),
    );
}

fn agree(answers: &[Value], expected: &[Value]) {
    assert!(!answers.is_empty());
    assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.iter().zip(expected) {
        let results = |of: &Value| of["results"].as_array().unwrap().clone();
        for (given, wanted) in results(answer).iter().zip(results(expected)) {
            for (key, value) in wanted.as_object().unwrap() {
                assert_eq!(&given[key], value, "{key} of {answer:#}");
            }
        }
    }
}

/// The relay decides for the tenant to which the lab attributes what it forwards.
#[test]
fn relay_and_lab_agree_where_tenantry_stands_in_front() {
    let made = Box::new(&["--scenario", "one-server-many-tenants-with-tenantry"]);
    let (config, questions) = (made.file("relay.toml"), made.file("relay-sample.jsonl"));
    let verdicts = tenantry(&["explain", "--config", &config, "--batch", &questions]);
    let verdicts = lines(&verdicts.stdout);
    let expected = made.lines("expected.jsonl");
    assert_eq!(verdicts.len(), expected.len());
    for (verdict, expected) in verdicts.iter().zip(&expected) {
        assert_eq!(verdict["verdict"], "tenant", "{verdict}");
        assert_eq!(
            verdict["tenant"], expected["results"][0]["tenant"],
            "{verdict}"
        );
    }
}

#[test]
fn one_message_is_explained_in_words_or_as_json() {
    let made = Box::new(&["--scenario", "wildcard-capture"]);
    let ask = |more: &[&str]| {
        let start = [
            "lab",
            "explain",
            "--world",
            made.world(),
            "--rcpt-to",
            "x@internet.test",
        ];
        let answered = tenantry(&[&start, more].concat());
        let told = text(&answered.stderr);
        assert_eq!(answered.status.code(), Some(OK), "{told}");
        (text(&answered.stdout), told)
    };
    let name = ["--certificate-name", "mx01.msp.example"];
    let sender = ["--mail-from", "ben@fabrikam.com"];
    let (words, _) = ask(&[&name[..], &sender].concat());
    assert!(
        words.contains("originating from msp by certificate"),
        "{words}"
    );
    let (json, _) = ask(&[&name[..], &sender, &["--json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["results"][0]["tenant"], "msp");

    let file = made.file("pki/clients/gateway.pem");
    let (words, told) = ask(&["--certificate", &file, "--mail-from", "<>"]);
    assert!(words.contains("originating from msp"), "{words}");
    assert!(!told.contains("does not count"), "{told}");
    // Another authority has issued it then.
    let other = Box::new(&[]);
    let trust = other.file("pki/authority.pem");
    let (words, told) = ask(&["--certificate", &file, "--trust", &trust, "--mail-from", ""]);
    assert!(words.contains("nobody's"), "{words}");
    assert!(told.contains("does not count"), "{told}");
    let (words, _) = ask(&["--certificate-problem", "expired", "--mail-from", ""]);
    assert!(words.contains("550 5.7.64"), "{words}");
}

#[test]
fn a_leaf_alone_is_said_to_be_one() {
    let made = Box::new(&["--scenario", "missing-intermediates"]);
    let clients = fs::read_dir(made.path.join("pki/clients")).unwrap();
    let told: Vec<String> = clients
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "pem"))
        .map(|path| {
            let world = ["--world", made.world(), "--certificate"];
            let envelope = ["--mail-from", "", "--rcpt-to", "x@internet.test"];
            let asked = [&["lab", "explain"], &world[..], &[path.to_str().unwrap()]].concat();
            let answered = tenantry(&[&asked[..], &envelope].concat());
            assert_eq!(answered.status.code(), Some(OK));
            text(&answered.stderr)
        })
        .collect();
    assert!(
        told.iter()
            .any(|told| told.contains("append the intermediate that issued it")),
        "{told:?}"
    );
}

#[test]
fn a_bad_line_gets_an_error_and_the_rest_goes_on() {
    let made = Box::new(&[]);
    let input = "nonsense\n{\"id\":2,\"mail_from\":\"\",\"rcpt_to\":[\"x@internet.test\"]}\n";
    let answered = fed(
        &["lab", "explain", "--world", made.world(), "--batch", "-"],
        input,
    );
    assert_eq!(answered.status.code(), Some(OK));
    let answers = lines(&answered.stdout);
    assert_eq!(answers.len(), 2);
    assert!(answers[0]["error"].as_str().unwrap().contains("line 1"));
    assert_eq!(answers[1]["id"], 2);
}

#[test]
fn a_question_that_is_none_is_64_and_a_world_that_is_none_78() {
    let made = Box::new(&[]);
    let world = ["lab", "explain", "--world", made.world()];
    let envelope = ["--mail-from", "", "--rcpt-to", "a@b.test"];
    let nowhere = made.file("nowhere");
    for (more, part) in [
        (&["--region", "no region"][..], "no region"),
        (&["--certificate-problem", "rusty"], "rusty"),
        (&["--ip", "here"], "--ip"),
        (&["--certificate", &nowhere], "nowhere"),
        (&["--event", "dance"], "dance"),
        (
            &["--event", "domain-added tenant=x domain=b.test"],
            "tenant",
        ),
        (&["--batch", "-"], "--batch"),
    ] {
        let refused = tenantry(&[&world[..], &envelope, more].concat());
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(USAGE), "{more:?}: {told}");
        assert!(told.contains(part), "{more:?}: {told}");
    }
    let refused = tenantry(&[&world[..], &["--mail-from", ""]].concat());
    assert_eq!(refused.status.code(), Some(USAGE));
    let file = made.path.join("tenants/tenant-0002/InboundConnector.json");
    let export = fs::read_to_string(&file).unwrap();
    fs::write(&file, export.replace("\"mail.tenant-0002.example\"", "7")).unwrap();
    let wrong = tenantry(&[&world[..], &envelope].concat());
    assert_eq!(wrong.status.code(), Some(CONFIGURATION));
    let told = text(&wrong.stderr);
    assert!(told.contains("InboundConnector.json"), "{told}");
    assert!(told.contains("TlsSenderCertificateName"), "{told}");
}

#[test]
fn what_a_world_leaves_out_is_said_beside_the_answers() {
    let made = Box::new(&[]);
    let file = made.path.join("tenants/tenant-0001/notes.json");
    fs::write(&file, "{\"foo\":1}").unwrap();
    let sample = made.file("sample.jsonl");
    let world = ["--world", made.world()];
    let one = ["--mail-from", "", "--rcpt-to", "a@b.test"];
    let event = "domain-added tenant=tenant-0001 domain=elsewhere.test";
    for arguments in [
        [&["lab", "explain"], &world[..], &one].concat(),
        [&["lab", "explain"], &world[..], &["--batch", &sample]].concat(),
        [
            &["lab", "move"],
            &world[..],
            &["--sample", &sample, "--event", event],
        ]
        .concat(),
    ] {
        let answered = tenantry(&arguments);
        let told = text(&answered.stderr);
        assert_eq!(answered.status.code(), Some(OK), "{told}");
        assert!(!answered.stdout.is_empty());
        assert!(
            told.contains("notes.json:1:1: notice: is nothing the lab knows"),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn exports_without_their_tenant_are_refused() {
    let made = Box::new(&[]);
    let folder = made.path.join("contoso");
    fs::create_dir(&folder).unwrap();
    let ask = || {
        let question = ["--mail-from", "", "--rcpt-to", "a@b.test"];
        tenantry(&[&["lab", "explain", "--world", made.world()], &question[..]].concat())
    };
    assert_eq!(ask().status.code(), Some(OK));
    let export = "{\"Name\":\"c\",\"ConnectorType\":\"OnPremises\"}";
    fs::write(folder.join("InboundConnector.json"), export).unwrap();
    let refused = ask();
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(CONFIGURATION), "{told}");
    for part in ["/contoso: ", "no tenant.toml", "region = \"EUR\""] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_batch_that_is_a_folder_is_64_and_named() {
    let made = Box::new(&[]);
    let folder = made.file("tenants");
    let world = ["--world", made.world()];
    let event = "domain-added tenant=tenant-0001 domain=elsewhere.test";
    for arguments in [
        [&["lab", "explain"], &world[..], &["--batch", &folder]].concat(),
        [
            &["lab", "move"],
            &world[..],
            &["--sample", &folder, "--event", event],
        ]
        .concat(),
    ] {
        let refused = tenantry(&arguments);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(USAGE), "{told}");
        assert!(told.contains(&folder), "{told}");
    }
}
