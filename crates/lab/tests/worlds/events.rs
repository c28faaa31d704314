//! Each kind of change: how it is written, what it does, and what it moves in a sample.

use std::fs;

use serde_json::Value;
use tenantry_lab::events::{Change, ChangeError, Compared, Shown, Substitutions, Timeline};
use tenantry_lab::file::Lab;
use tenantry_lab::world::World;

use crate::data;
use crate::forms::content;

fn vectors() -> World {
    Lab::load(&data("vectors/world.toml")).unwrap().world
}

/// The differences that changes make in the test vectors, as `id rcpt: before -> after`.
fn moved(changes: &[&str]) -> (Vec<String>, Compared) {
    let changes: Vec<Change> = changes.iter().map(|text| text.parse().unwrap()).collect();
    let timeline = Timeline::new(&vectors(), &changes).unwrap();
    let sample = fs::read(data("vectors/vectors.jsonl")).unwrap();
    let mut output = Vec::new();
    let compared = timeline
        .compare(sample.as_slice(), Shown::Json, &mut output)
        .unwrap();
    let lines = String::from_utf8(output).unwrap();
    let lines = lines.lines().map(|line| {
        let difference: Value = serde_json::from_str(line).unwrap();
        assert!(!difference["causes"].as_array().unwrap().is_empty());
        assert!(!difference["why"].as_array().unwrap().is_empty(), "{line}");
        let short = |outcome: &Value| {
            let word = |key: &str| outcome[key].as_str().unwrap_or("-").to_owned();
            let reply: String = word("reply").chars().take(10).collect();
            format!(
                "{} {} {} {}",
                word("tenant"),
                word("basis"),
                word("connector"),
                reply.trim()
            )
        };
        format!(
            "{} {}: {} -> {}",
            difference["id"].as_str().unwrap(),
            difference["rcpt"].as_str().unwrap(),
            short(&difference["before"]),
            short(&difference["after"])
        )
    });
    (lines.collect(), compared)
}

const BY_CERTIFICATE: &str = "A certificate A1 250 2.1.5";
const NOBODY: &str = "- none - 550 5.7.64";

#[test]
fn a_disabled_connector_loses_its_mail() {
    let (differences, compared) = moved(&["connector-disabled tenant=A connector=A1"]);
    let expected: Vec<String> = [
        ("1 x@gmail.test", NOBODY),
        ("2 x@gmail.test", NOBODY),
        ("3 x@gmail.test", NOBODY),
        ("4 x@gmail.test", NOBODY),
        ("5 y@fabrikam.com", "B recipient - 250 2.1.5"),
        ("22 x@gmail.test", NOBODY),
        ("23 x@gmail.test", "B sender B1 250 2.1.5"),
        ("24 x@gmail.test", "C sender C1 250 2.1.5"),
    ]
    .iter()
    .map(|(message, after)| format!("{message}: {BY_CERTIFICATE} -> {after}"))
    .collect();
    assert_eq!(differences, expected);
    let (lines, recipients) = (compared.lines, compared.recipients);
    assert_eq!((lines, recipients, compared.errors), (27, 28, 0));
    assert_eq!(compared.differences, 8);
}

#[test]
fn every_kind_of_change_moves_what_it_should() {
    let lost = |ids: &[&str], before: &str, after: &str| -> Vec<String> {
        let line = |id: &&str| format!("{id}: {before} -> {after}");
        ids.iter().map(line).collect()
    };
    let all_of_a = [
        "1 x@gmail.test",
        "2 x@gmail.test",
        "3 x@gmail.test",
        "4 x@gmail.test",
    ];
    let cases: &[(&[&str], Vec<String>)] = &[
        (
            &[
                "connector-disabled tenant=A connector=A1",
                "connector-enabled tenant=A connector=a1",
            ],
            vec![],
        ),
        (
            &["connector-blocked tenant=B connector=B1"],
            lost(
                &["9 x@gmail.test", "10 x@gmail.test"],
                "B sender B1 250 2.1.5",
                "B sender B1 550 5.7.71",
            )
            .into_iter()
            .chain(lost(
                &["13 y@fabrikam.com"],
                "B recipient B1 250 2.1.5",
                "B recipient B1 550 5.7.71",
            ))
            .chain(lost(
                &["27 z@adatum.com"],
                "B sender B1 250 2.1.5",
                "B sender B1 550 5.7.71",
            ))
            .collect(),
        ),
        (
            &[
                "connector-blocked tenant=B connector=B1",
                "connector-unblocked tenant=B connector=B1",
            ],
            vec![],
        ),
        (
            &["connector-removed tenant=D connector=DP"],
            vec![
                String::from(
                    "14 z@adatum.com: D recipient DP 550 5.7.51 -> D recipient - 250 2.1.5",
                ),
                String::from(
                    "15 z@adatum.com: D recipient DP 250 2.1.5 -> D recipient - 250 2.1.5",
                ),
            ],
        ),
        (
            &[
                "connector-changed tenant=D connector=D1 property=SenderIPAddresses value=192.0.2.99",
            ],
            vec![
                format!("11 x@gmail.test: D sender D1 250 2.1.5 -> {NOBODY}"),
                String::from(
                    "26 z@adatum.com: D recipient D1 250 2.1.5 -> D recipient DP 550 5.7.51",
                ),
            ],
        ),
        (
            &["domain-removed tenant=D domain=adatum.com"],
            vec![
                format!("11 x@gmail.test: D sender D1 250 2.1.5 -> {NOBODY}"),
                format!("14 z@adatum.com: D recipient DP 550 5.7.51 -> {NOBODY}"),
                format!("15 z@adatum.com: D recipient DP 250 2.1.5 -> {NOBODY}"),
                format!("26 z@adatum.com: D recipient D1 250 2.1.5 -> {NOBODY}"),
            ],
        ),
        (
            &["domain-added tenant=C domain=relay.example"],
            vec![
                String::from("6 x@gmail.test: C sender C1 250 2.1.5 -> C certificate C1 250 2.1.5"),
                format!("7 x@gmail.test: {NOBODY} -> C certificate C1 250 2.1.5"),
                String::from(
                    "8 z@tailspin.com: C recipient C1 250 2.1.5 -> C certificate C1 250 2.1.5",
                ),
            ],
        ),
        (
            &["domain-moved domain=mail.a.contoso.com to=B"],
            lost(
                &["2 x@gmail.test", "3 x@gmail.test", "4 x@gmail.test"],
                BY_CERTIFICATE,
                NOBODY,
            )
            .into_iter()
            .collect(),
        ),
        (
            &["certificate-rotated from=mail.a.contoso.com to=mail.new.contoso.com"],
            lost(&all_of_a, BY_CERTIFICATE, NOBODY),
        ),
        (
            &["region-moved tenant=A to=NAM"],
            vec![String::from(
                "16 y@contoso.com: A recipient - 250 2.1.5 -> A recipient - 451 4.4.62",
            )],
        ),
        (
            &["organization-changed tenant=A property=RejectDirectSend value=$true"],
            vec![String::from(
                "16 y@contoso.com: A recipient - 250 2.1.5 -> A recipient - 550 5.7.68",
            )],
        ),
    ];
    for (changes, expected) in cases {
        let (differences, _) = moved(changes);
        assert_eq!(
            differences.is_empty(),
            expected.is_empty(),
            "{changes:?}: {differences:#?}"
        );
        for line in expected {
            assert!(
                differences.contains(line),
                "{changes:?}\n{line}\n{differences:#?}"
            );
        }
    }
}

#[test]
fn a_moved_domain_takes_its_settings_along_and_only_those() {
    let mut world = vectors();
    let change: Change = "domain-moved domain=FABRIKAM.com to=c".parse().unwrap();
    change
        .apply(&mut world, &mut Substitutions::default())
        .unwrap();
    let moved = |name: &str| {
        let index = world.tenant_named(name).unwrap();
        let domains = world.tenant(index).unwrap().accepted_domains.iter();
        domains
            .map(|domain| (domain.domain.to_string(), domain.match_subdomains))
            .collect::<Vec<_>>()
    };
    assert_eq!(moved("B"), []);
    let expected = [("tailspin.com", false), ("fabrikam.com", true)];
    assert_eq!(
        moved("C"),
        expected.map(|(name, subdomains)| (name.to_owned(), subdomains))
    );
}

#[test]
fn only_the_change_that_moved_a_message_is_its_cause() {
    let changes = [
        "domain-added tenant=B domain=unrelated.example",
        "connector-disabled tenant=A connector=A1",
        "domain-added tenant=C domain=also-unrelated.example",
    ]
    .map(|text| text.parse::<Change>().unwrap());
    let timeline = Timeline::new(&vectors(), &changes).unwrap();
    let sample = fs::read(data("vectors/vectors.jsonl")).unwrap();
    let mut output = Vec::new();
    timeline
        .compare(sample.as_slice(), Shown::Text, &mut output)
        .unwrap();
    let text = String::from_utf8(output).unwrap();
    let first: Vec<&str> = text.lines().take(5).collect();
    assert_eq!(first[0], "\"1\" x@gmail.test");
    assert_eq!(
        first[1],
        "  before: tenant A, originating by certificate, connector \"A1\": 250 2.1.5 Recipient OK"
    );
    assert_eq!(
        first[2],
        "  after:  nobody's: 550 5.7.64 TenantAttribution; Relay Access Denied"
    );
    assert_eq!(
        first[3],
        "  cause:  connector-disabled tenant=A connector=A1"
    );
    assert!(first[4].starts_with("  why:    "), "{first:?}");
    assert!(!text.contains("unrelated"));
}

#[test]
fn a_sample_line_that_is_no_message_is_told_and_passed_over() {
    let timeline = Timeline::new(&vectors(), &[]).unwrap();
    let mut output = Vec::new();
    let compared = timeline
        .compare(&b"{}\n[]\n"[..], Shown::Json, &mut output)
        .unwrap();
    assert_eq!((compared.lines, compared.errors), (2, 2));
    let text = String::from_utf8(output).unwrap();
    assert!(
        text.starts_with("{\"id\":null,\"error\":\"line 1: mail_from is missing; write"),
        "{text}"
    );
}

#[test]
fn what_does_not_exist_is_named_and_nothing_is_changed() {
    for (change, told) in [
        (
            "connector-disabled tenant=X connector=A1",
            "there is no tenant \"X\"",
        ),
        (
            "connector-disabled tenant=A connector=B1",
            "tenant \"A\" has no inbound connector \"B1\"; it has \"A1\"",
        ),
        (
            "domain-removed tenant=A domain=adatum.com",
            "tenant \"A\" does not accept adatum.com",
        ),
        (
            "domain-moved domain=nobody.example to=A",
            "no tenant accepts nobody.example",
        ),
        (
            "domain-moved domain=contoso.com to=A",
            "tenant \"A\" accepts contoso.com already",
        ),
        (
            "domain-moved domain=contoso.com to=X",
            "there is no tenant \"X\"",
        ),
        (
            "domain-added tenant=A domain=contoso.com",
            "tenant \"A\" accepts contoso.com already",
        ),
    ] {
        let mut world = vectors();
        let before = content(&world);
        let change: Change = change.parse().unwrap();
        let error = change.apply(&mut world, &mut Substitutions::default());
        assert_eq!(error.unwrap_err().to_string(), told, "{change}");
        assert_eq!(content(&world), before, "{change}");
    }
}

#[test]
fn changes_are_written_as_they_are_read() {
    for text in [
        "connector-disabled tenant=A connector=A1",
        "connector-enabled tenant=A connector=\"Inbound from 1111\"",
        "connector-changed tenant=A connector=A1 property=TlsSenderCertificateName value=\"\"",
        "connector-removed tenant=A connector=\"a \\\"quoted\\\" \\\\ one\"",
        "connector-blocked tenant=A connector=A1",
        "connector-unblocked tenant=A connector=A1",
        "domain-added tenant=A domain=contoso.org",
        "domain-removed tenant=A domain=contoso.org",
        "domain-moved domain=contoso.org to=B",
        "domain-moved domain=contoso.org from=A to=B",
        "certificate-rotated from=a.example to=b.example",
        "region-moved tenant=A to=NAM",
        "organization-changed tenant=A property=RejectDirectSend value=true",
    ] {
        let change: Change = text.parse().unwrap();
        assert_eq!(change.to_string(), text);
        assert!(text.starts_with(change.kind()));
    }
}

#[test]
fn a_change_that_cannot_be_read_says_why() {
    let told = |text: &str| text.parse::<Change>().unwrap_err();
    assert_eq!(told("  "), ChangeError::Empty);
    assert_eq!(
        told("explode"),
        ChangeError::UnknownKind(String::from("explode"))
    );
    assert_eq!(
        told("domain-added tenant"),
        ChangeError::NoField(String::from("tenant"))
    );
    assert_eq!(told("domain-added tenant=\"A"), ChangeError::OpenQuote);
    assert_eq!(told("domain-added tenant=\"A\\"), ChangeError::OpenQuote);
    assert_eq!(
        told("domain-added tenant=A tenant=B"),
        ChangeError::Repeated(String::from("tenant"))
    );
    assert_eq!(
        told("domain-added tenant=A").to_string(),
        "domain-added needs domain"
    );
    assert_eq!(
        told("domain-added tenant=A to=B").to_string(),
        "domain-added has no key \"to\"; its keys are tenant, domain"
    );
}
