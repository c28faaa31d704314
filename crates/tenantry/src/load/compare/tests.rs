#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tenantry_load::plan::Shard;

use super::*;
use crate::load::report::sample;

fn compared(outcomes: &[Outcome], worse_than: Option<f64>) -> (String, u8) {
    let names = ["a", "b", "c"].map(str::to_owned);
    let names = names.into_iter().take(outcomes.len()).collect();
    let comparison = Comparison::new(names, outcomes, worse_than);
    let mut out = Vec::new();
    comparison.write(&mut out).unwrap();
    (String::from_utf8(out).unwrap(), comparison.exit_code())
}

fn well() -> Outcome {
    let mut outcome = sample::outcome(30, 3);
    outcome.correctness = None;
    outcome
}

#[test]
fn results_of_one_plan_stand_side_by_side() {
    let mut second = well();
    second.plan.target.address = "127.0.0.1:2626".to_owned();
    second.totals.rate = 1980.0;
    second.replies.truncate(1);
    let (text, code) = compared(&[well(), second], None);
    assert_eq!(code, exit::OK, "{text}");
    let rate = text
        .lines()
        .find(|line| line.contains("accepted/s"))
        .unwrap();
    let cells: Vec<&str> = rate.split_whitespace().collect();
    assert_eq!(
        cells,
        ["accepted/s", "990", "1,980", "+990", "2.00"],
        "{text}"
    );
    for words in [
        "the results are of one plan",
        "latency p99",
        "TLS, resumed p50",
        "RCPT 550 5.7.64",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    let gone = text.lines().find(|line| line.contains("RCPT 550")).unwrap();
    assert!(gone.contains("-180"), "{gone}");
}

#[test]
fn different_plans_are_named_key_by_key() {
    let mut second = well();
    second.plan.session.pipelining = false;
    second.plan.tenants = sample::weighted();
    let (text, code) = compared(&[well(), second], None);
    assert_eq!(code, exit::FAILED);
    for words in [
        "NOT COMPARABLE",
        "session.pipelining: true in a, false in b",
        "tenants.mix: \"zipf\" in a, \"weighted\" in b",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
}

#[test]
fn another_machine_and_another_seed_are_notes() {
    let mut second = well();
    second.plan.seed = 8;
    second.generators[0].machine.model = "Another Processor".to_owned();
    let (text, code) = compared(&[well(), well(), second], None);
    assert_eq!(code, exit::OK);
    assert!(
        text.contains("note: seed: 7 in a, 7 in b, 8 in c"),
        "{text}"
    );
    assert!(text.contains("Another Processor"), "{text}");
}

#[test]
fn what_was_not_looked_up_is_not_right() {
    let mut first = sample::outcome(30, 3);
    if let Some(found) = &mut first.correctness {
        found.wrong = 0;
    }
    let (text, code) = compared(&[first, well()], None);
    assert_eq!(code, exit::OK, "{text}");
    let note = "whose the messages became: looked up in the journal in a, not looked up in b";
    assert!(text.contains(note), "{text}");
}

#[test]
fn a_part_of_the_load_is_not_the_whole_of_it() {
    let mut second = well();
    second.plan.shard = Shard { index: 1, count: 2 };
    let (text, code) = compared(&[well(), second], None);
    assert_eq!(code, exit::OK);
    assert!(text.contains("note: shard.count: 1 in a, 2 in b"), "{text}");
}

#[test]
fn all_notes_of_a_result_are_told() {
    let mut second = well();
    second.notes = ["interrupted: 1.95 s", "the shares"]
        .map(str::to_owned)
        .into();
    let (text, _) = compared(&[well(), second], None);
    for words in ["note: b: interrupted: 1.95 s", "note: b: the shares"] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
}

#[test]
fn what_is_worse_than_allowed_fails() {
    let mut second = well();
    second.totals.rate = 800.0;
    let (text, code) = compared(&[well(), second.clone()], Some(0.1));
    assert_eq!(code, exit::FAILED);
    assert!(text.contains("b: accepted/s is worse by 19.2 %"), "{text}");
    let (_, code) = compared(&[well(), second], Some(0.2));
    assert_eq!(code, exit::OK);
}

#[test]
fn a_wrong_tenant_fails_whatever_the_speed() {
    let (text, code) = compared(&[well(), sample::outcome(30, 3)], None);
    assert_eq!(code, exit::FAILED);
    assert!(
        text.contains("b: 1 wrong, 0 missing, 0 unknown of 29700"),
        "{text}"
    );
}

#[test]
fn files_of_one_name_go_by_their_paths() {
    let paths = |texts: [&str; 2]| texts.map(PathBuf::from);
    assert_eq!(names(&paths(["x/a.json", "b.json"])), ["a", "b"]);
    assert_eq!(
        names(&paths(["x/a.json", "y/a.json"])),
        ["x/a.json", "y/a.json"]
    );
}

#[test]
fn a_part_is_given_in_percent() {
    assert_eq!(percent("10"), Ok(0.1));
    assert_eq!(percent("2.5 %"), Ok(0.025));
    assert!(percent("-1").is_err() && percent("x").is_err() && percent("NaN").is_err());
}
