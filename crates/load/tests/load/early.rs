//! When runs end: those that end before their plan says so are told apart from those that are whole,
//! and what was due stands in the second in which it was.

use tenantry_load::plan::Plan;
use tenantry_load::result::Outcome;
use tenantry_load::run::{Goal, Run};

use crate::bench::{Bench, run};

/// Runs a plan until a message was accepted, and ends it then.
fn ended(bench: &Bench, plan: Plan, goal: Goal) -> Outcome {
    let running = Run::prepare(plan).unwrap().start(goal).unwrap();
    let (mut live, stopper) = (running.live(), running.stopper());
    let accepted = live.wait_for(|now| now.replies.accepted > 0);
    drop(bench.runtime.block_on(accepted).unwrap());
    stopper.stop();
    running.finish().unwrap()
}

#[test]
fn a_run_that_is_ended_early_says_so() {
    let bench = Bench::new(1);
    let upstream = bench.upstream(bench.settings());
    let plan = bench.plan(&upstream, "[pace]\nconnections = 1\nduration = \"1h\"\n");
    let outcome = ended(&bench, plan, Goal::Measure);
    assert!(outcome.interrupted);
    assert!(outcome.totals.seconds < 3_600.0);
    let note = outcome.notes.first().map(String::as_str);
    assert!(note.is_some_and(|note| note.starts_with("interrupted: ")));
    let read = Outcome::from_json(&outcome.to_json().unwrap()).unwrap();
    assert!(read.interrupted);
}

#[test]
fn a_search_that_is_ended_early_says_so() {
    let bench = Bench::new(1);
    let upstream = bench.upstream(bench.settings());
    let plan = bench.plan(&upstream, "[knee]\nstart = 5\ntrial = \"1h\"\n");
    let outcome = ended(&bench, plan, Goal::FindKnee);
    assert!(outcome.interrupted);
    let note = outcome.notes.first().map(String::as_str);
    assert_eq!(
        note,
        Some("interrupted: the search was ended before it was over")
    );
}

#[test]
fn a_run_that_is_whole_is_not_interrupted() {
    let bench = Bench::new(1);
    let upstream = bench.upstream(bench.settings());
    let outcome = run(bench.plan(&upstream, "[pace]\nconnections = 1\nmessages = 3\n"));
    assert!(!outcome.interrupted);
    assert_eq!(outcome.notes, Vec::<String>::new());
}

#[test]
fn what_was_due_in_the_only_second_stands_in_the_first_point() {
    let bench = Bench::new(1);
    let upstream = bench.upstream(bench.settings());
    let more = "[pace]\nconnections = 4\nduration = \"1s\"\n";
    let mut plan = bench.plan(&upstream, more);
    plan.workers = 2;
    let outcome = run(plan);
    // A few may be begun before the end is heard of.
    let first = outcome.timeline.points[0].intended;
    assert!(first > outcome.totals.intended / 2, "{first}");
}
