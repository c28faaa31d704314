//! Every rule of the table, with files that have its fault and the same files without.
//!
//! `tests/data/lint/ID/` has `bad/` and `clean/` as users would have them, and `case.toml` (see
//! [`case`]) with the certificates to make and the messages that show what the fault does. What
//! lint prints of `bad/` is in `bad/expected.txt`; with `TENANTRY_BLESS=1` it is written anew.
//! `TENANTRY_LINT_CASE=EXO-L01,TNY-0` looks at the folders alone whose names begin so.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

mod case;
mod certificates;
mod folder;
mod messages;
#[path = "../output/schema.rs"]
mod schema;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use tenantry_audit::finding::{Finding, Remedy};
use tenantry_audit::output::{self, Report};
use tenantry_audit::rules;

use crate::case::{Case, Variant};
use crate::folder::Made;

#[test]
fn every_rule_has_a_fixture_and_every_fixture_a_rule() {
    let ruled: BTreeSet<String> = rules::all().map(|rule| rule.id.to_owned()).collect();
    let fixtures: BTreeSet<String> = case::names().into_iter().collect();
    assert_eq!(ruled, fixtures, "rules, and folders of tests/data/lint");
}

#[test]
fn every_rule_says_what_why_what_to_do_and_where_it_is_known_from() {
    let mut ids = BTreeSet::new();
    for rule in rules::all() {
        let id = rule.id;
        assert!(ids.insert(id), "{id} is there twice");
        for (what, text) in [
            ("title", rule.title),
            ("why", rule.why),
            ("remedy", rule.remedy),
            ("source", rule.source),
        ] {
            assert!(text.trim().len() > 10, "{id}: {what} is {text:?}");
            assert_eq!(text.trim(), text, "{id}: {what}");
            assert!(!text.contains('\n'), "{id}: {what} has several lines");
        }
        assert_eq!(rules::named(&id.to_lowercase()), Some(rule));
    }
}

#[test]
fn bad_files_have_findings_of_exactly_their_rule_and_clean_ones_have_none() {
    let mut problems = String::new();
    for name in case::wanted() {
        let case = Case::read(&name);
        for variant in Variant::BOTH {
            look(&name, &case, variant, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

fn look(name: &str, case: &Case, variant: Variant, problems: &mut String) {
    let made = Made::of(name, case, variant);
    let findings = made.findings();
    let found: BTreeSet<&str> = standing(&findings).map(|finding| finding.rule.id).collect();
    let expected = match variant {
        Variant::Bad => BTreeSet::from([name]),
        Variant::Clean => BTreeSet::new(),
    };
    let text = made.text(&findings);
    if found != expected {
        let word = variant.word();
        writeln!(problems, "{name}/{word}: found {found:?}\n{text}").unwrap();
    }
    for finding in standing(&findings) {
        if let Some(lack) = lacks(finding) {
            writeln!(problems, "{name}: {lack}: {finding:?}").unwrap();
        }
    }
    if variant == Variant::Bad {
        compare(name, &text, problems);
    }
}

/// What lint prints, as it was looked at by somebody.
fn compare(name: &str, text: &str, problems: &mut String) {
    let path = case::folder(name).join("bad/expected.txt");
    if std::env::var_os("TENANTRY_BLESS").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected != text {
        writeln!(
            problems,
            "{name}/bad/expected.txt differs (TENANTRY_BLESS=1 writes it anew); lint prints:\n{text}"
        )
        .unwrap();
    }
}

#[test]
fn json_and_sarif_of_every_fixture_are_as_their_schemas_say() {
    let (json, sarif) = (schema::json(), schema::sarif());
    for name in case::wanted() {
        let made = Made::of(&name, &Case::read(&name), Variant::Bad);
        let findings = made.findings();
        let report = Report::new(&made.inventory, &findings);
        let (mut as_json, mut as_sarif) = (Vec::new(), Vec::new());
        output::json(&mut as_json, &report).unwrap();
        output::sarif(&mut as_sarif, &report).unwrap();
        for (schema, octets) in [(&json, as_json), (&sarif, as_sarif)] {
            let document: Value = serde_json::from_slice(&octets).unwrap();
            assert_eq!(schema::problems(schema, &document), [""; 0], "{name}");
        }
    }
}

#[test]
fn every_finding_stands_where_something_stands() {
    let mut problems = String::new();
    for name in case::wanted() {
        let made = Made::of(&name, &Case::read(&name), Variant::Bad);
        for finding in made.findings() {
            let related = finding.related.iter().map(|related| &related.place);
            for place in related.chain([&finding.place]) {
                let file = place.file.as_deref().filter(|file| file.exists());
                let Some(file) = file else {
                    writeln!(problems, "{name}: {place} is no file").unwrap();
                    continue;
                };
                let text =
                    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
                let line = place.line.checked_sub(1).map(|line| line as usize);
                let line = line.map(|line| text.lines().nth(line).unwrap_or_default());
                let column = place.column.checked_sub(1).map(|column| column as usize);
                let stands = line.zip(column).map(|(line, column)| {
                    let rest: String = line.chars().skip(column).collect();
                    !rest.starts_with(char::is_whitespace) && !rest.is_empty()
                });
                if stands == Some(false) {
                    writeln!(problems, "{name}: nothing stands at {place}").unwrap();
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn every_finding_is_a_sentence_about_its_object_and_every_step_one_of_its_own() {
    let mut problems = String::new();
    for name in case::wanted() {
        let made = Made::of(&name, &Case::read(&name), Variant::Bad);
        for finding in made.findings() {
            let message = &finding.message;
            let said = message.strip_prefix(&finding.subject());
            let said = said.and_then(|said| said.strip_prefix(' '));
            let begins = |letter: char| letter.is_ascii_lowercase();
            if !said.is_some_and(|said| said.starts_with(begins)) || message.ends_with(['.', ':']) {
                writeln!(problems, "{name}: {message}").unwrap();
            }
            let mut steps = finding.remedy.iter().peekable();
            while let Some(step) = steps.next() {
                let Remedy::Words(words) = step else { continue };
                let introduces = words.ends_with(':');
                let alone = introduces && steps.peek().is_none();
                if alone || words.starts_with(begins) || words.ends_with('.') {
                    writeln!(problems, "{name}: {words}").unwrap();
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Those that nobody accepted.
fn standing(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.allowed.is_none())
}

/// What a finding must have and this one has not.
fn lacks(finding: &Finding) -> Option<&'static str> {
    if finding.message.trim().is_empty() {
        Some("no message")
    } else if finding.object.trim().is_empty() {
        Some("no object")
    } else if finding.remedy.is_empty() {
        Some("no remedy")
    } else if finding.place.file.is_none() {
        Some("no file")
    } else {
        None
    }
}

#[test]
fn exchange_online_does_with_messages_what_the_rules_predict() {
    let mut problems = String::new();
    let mut asked = 0;
    for name in case::wanted() {
        let case = Case::read(&name);
        for variant in Variant::BOTH {
            asked += messages::play(&name, &case, variant, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(asked > 0 || case::filtered(), "no message was asked");
}

#[test]
fn every_rule_that_the_lab_can_play_shows_its_consequence() {
    let mut problems = String::new();
    for name in case::wanted() {
        let case = Case::read(&name);
        match (&case.reason, case.playable) {
            (Some(reason), false) if reason.trim().len() > 10 && case.messages.is_empty() => {}
            (None, true) if case.messages.iter().any(case::Message::differs) => {}
            (Some(_) | None, _) => writeln!(
                problems,
                "{name}: write a [[message]] whose bad and clean differ, or \
                 playable = false with its reason"
            )
            .unwrap(),
        }
    }
    assert!(problems.is_empty(), "{problems}");
}
