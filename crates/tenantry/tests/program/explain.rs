//! `tenantry explain` from outside.

use std::fs;

use crate::world::{OK, USAGE, World, fed, tenantry, text};

#[test]
fn explain_is_0_whatever_the_verdict() {
    let world = World::new();
    let ask = |more: &[&str]| {
        let mut arguments = vec![
            "explain",
            "--config",
            world.config(),
            "--rcpt-to",
            "x@example.net",
        ];
        arguments.extend(more);
        let output = tenantry(&arguments);
        assert_eq!(output.status.code(), Some(OK), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let by_name = ask(&[
        "--mail-from",
        "<>",
        "--certificate-name",
        "mail.tenant-0002.example",
    ]);
    assert!(
        by_name.contains("verdict: tenant tenant-0002 by certificate"),
        "{by_name}"
    );
    let both = ["mail.tenant-0001.example", "mail.tenant-0002.example"];
    let ambiguous = ask(&["--mail-from", "", "--certificate-name", both[0], both[1]]);
    assert!(ambiguous.contains("verdict: ambiguous"), "{ambiguous}");
    let peer = ask(&[
        "--mail-from",
        "u@a.tenant-0001.example",
        "--peer",
        "10.1.0.9",
    ]);
    assert!(
        peer.contains("verdict: tenant tenant-0001 by sender"),
        "{peer}"
    );
    let stranger = ask(&[
        "--mail-from",
        "u@a.tenant-0001.example",
        "--peer",
        "192.0.2.1",
        "--json",
    ]);
    assert!(
        stranger.starts_with("{\"id\":null,\"verdict\":\"unattributed\""),
        "{stranger}"
    );
    let file = world.folder.path().join("tenants/tenant-0001.pem");
    let file = ask(&["--mail-from", "", "--certificate", file.to_str().unwrap()]);
    assert!(
        file.contains("verdict: tenant tenant-0001 by certificate"),
        "{file}"
    );
    let expired = ask(&["--mail-from", "", "--certificate-problem", "expired"]);
    assert!(expired.contains("refused (expired)"), "{expired}");
}

#[test]
fn a_question_that_is_none_is_64() {
    let world = World::new();
    for (more, part) in [
        (
            &["--mail-from", "a b@c", "--rcpt-to", "x@example.net"][..],
            "mail_from",
        ),
        (&["--mail-from", "", "--rcpt-to", "nobody"], "rcpt_to"),
        (
            &["--mail-from", "", "--rcpt-to", "a@b.c", "--listener", "x"],
            "listener",
        ),
        (
            &[
                "--mail-from",
                "",
                "--rcpt-to",
                "a@b.c",
                "--certificate-problem",
                "x",
            ],
            "self-signed",
        ),
        (
            &[
                "--mail-from",
                "",
                "--rcpt-to",
                "a@b.c",
                "--certificate",
                "/nowhere.pem",
            ],
            "/nowhere.pem",
        ),
        (&["--batch", "/nowhere.jsonl"], "/nowhere.jsonl"),
    ] {
        let mut arguments = vec!["explain", "--config", world.config()];
        arguments.extend(more);
        let output = tenantry(&arguments);
        assert_eq!(output.status.code(), Some(USAGE), "{more:?}");
        assert!(
            text(&output.stderr).contains(part),
            "{more:?} {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_batch_comes_from_a_file_or_standard_input() {
    let world = World::new();
    let question = "{\"id\":1,\"mail_from\":\"\",\"rcpt_to\":[\"a@b.c\"]}\nnonsense\n";
    let file = world.folder.path().join("questions");
    fs::write(&file, question).unwrap();
    let from_file = tenantry(&[
        "explain",
        "--config",
        world.config(),
        "--batch",
        file.to_str().unwrap(),
    ]);
    let from_input = fed(
        &["explain", "--config", world.config(), "--batch", "-"],
        question,
    );
    for output in [from_file, from_input] {
        assert_eq!(output.status.code(), Some(OK));
        let lines: Vec<String> = text(&output.stdout).lines().map(String::from).collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines
                .first()
                .unwrap()
                .starts_with("{\"id\":1,\"verdict\":\"unattributed\"")
        );
        assert!(lines.last().unwrap().starts_with("{\"id\":null,\"error\":"));
    }
}
