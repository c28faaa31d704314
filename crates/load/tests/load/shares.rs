//! The tenants' shares of the messages: those of the plan, or the result says why not.

use tenantry_load::plan::Shard;
use tenantry_load::result::Outcome;

use crate::bench::{Bench, run};

fn sent(outcome: &Outcome) -> Vec<u64> {
    let named = outcome.tenants.iter().filter(|row| row.name.is_some());
    named.map(|row| row.sent).collect()
}

#[test]
fn shares_by_sender_and_recipient_are_those_of_the_plan_over_any_connections() {
    let bench = Bench::new(10);
    let upstream = bench.upstream(bench.settings());
    for session in ["", "[session]\nmessages_per_connection = 1\n"] {
        let more = format!(
            "[evidence]\nsender = 1\nrecipient = 1\n{session}[pace]\nconnections = 4\nmessages = 200\n"
        );
        let outcome = run(bench.plan(&upstream, &more));
        assert_eq!(sent(&outcome), [20; 10], "{session}");
        assert_eq!(outcome.notes, Vec::<String>::new());
        let planned: Vec<_> = outcome.tenants.iter().map(|row| row.planned).collect();
        assert!(
            planned
                .iter()
                .all(|share| (share.unwrap() - 0.1).abs() < 1e-9),
            "{planned:?}"
        );
    }
}

#[test]
fn shares_by_certificate_are_those_of_the_plan_when_connections_end() {
    let bench = Bench::new(5);
    let upstream = bench.upstream(bench.settings());
    let outcome = run(bench.plan(
        &upstream,
        "[session]\nmessages_per_connection = 2\n[pace]\nconnections = 3\nmessages = 600\n",
    ));
    let sent = sent(&outcome);
    // What each of three connections was in the middle of is all that can be missing.
    assert!(
        sent.iter().all(|count| count.abs_diff(120) <= 6),
        "{sent:?}"
    );
    assert_eq!(outcome.notes, Vec::<String>::new());
    assert!(!outcome.plan.shares_follow_connections());
}

#[test]
fn lasting_connections_that_are_too_few_for_the_shares_are_noted_with_the_remedy() {
    let bench = Bench::new(10);
    let upstream = bench.upstream(bench.settings());
    let outcome = run(bench.plan(&upstream, "[pace]\nconnections = 4\nmessages = 200\n"));
    let unserved = sent(&outcome).iter().filter(|count| **count == 0).count();
    assert_eq!(unserved, 6);
    assert!(outcome.plan.shares_follow_connections());
    let notes = outcome.notes.join("\n");
    for words in [
        "not those of the plan",
        "6 of 10 tenants had none",
        "4 lasting ones",
        "session.messages_per_connection",
    ] {
        assert!(notes.contains(words), "{words} is missing in {notes}");
    }
    // Kept, and read back.
    let kept = Outcome::from_json(&outcome.to_json().unwrap()).unwrap();
    assert_eq!(kept.notes, outcome.notes);
}

#[test]
fn the_whole_of_several_shards_is_judged_and_not_its_parts() {
    let bench = Bench::new(4);
    let upstream = bench.upstream(bench.settings());
    let parts: Vec<Outcome> = (1..=2)
        .map(|index| {
            let mut plan = bench.plan(&upstream, "[pace]\nconnections = 4\nmessages = 400\n");
            plan.shard = Shard { index, count: 2 };
            run(plan)
        })
        .collect();
    for part in &parts {
        assert_eq!(part.notes, Vec::<String>::new());
        assert_eq!(
            sent(part).iter().filter(|count| **count == 0).count(),
            2,
            "each shard has two of the four connections"
        );
    }
    let mut alone = parts[0].clone();
    alone.generators.truncate(1);
    let whole = Outcome::merge(&parts).unwrap();
    assert!(sent(&whole).iter().all(|count| *count > 0));
    // One of two alone is half of the tenants, and says so.
    let half = Outcome::merge(&[alone]).unwrap();
    assert!(
        half.notes.join(" ").contains("1 of 2 parts"),
        "{:?}",
        half.notes
    );
}
