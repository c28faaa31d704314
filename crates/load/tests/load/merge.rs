//! Results of shards as one, and what cannot be one.

use tenantry_load::plan::Shard;
use tenantry_load::result::{Correctness, Histogram, MergeError, Outcome, Phase};

use crate::bench::{Bench, run};

fn results() -> Vec<Outcome> {
    let bench = Bench::new(2);
    let upstream = bench.upstream(bench.settings());
    let mut plan = bench.plan(&upstream, "[pace]\nconnections = 2\nmessages = 30\n");
    let part = |index| Shard { index, count: 2 };
    let of = |index| {
        plan.shard = part(index);
        run(plan.clone())
    };
    [1, 2].map(of).to_vec()
}

#[test]
fn sums_are_exact_and_survive_json() {
    let results = results();
    let merged = Outcome::merge(&results).unwrap();
    assert_eq!(merged.totals.accepted, 30);
    assert_eq!(merged.generators.len(), 2);
    assert_eq!(merged.plan.shard, Shard::WHOLE);
    let mut both = Histogram::new(3);
    for result in &results {
        both.add(result.phase(Phase::Latency).unwrap());
    }
    assert_eq!(merged.phase(Phase::Latency), Some(&both));
    let points: u64 = merged
        .timeline
        .points
        .iter()
        .map(|point| point.accepted)
        .sum();
    assert_eq!(points, 30);
    let tenants: u64 = merged.tenants.iter().map(|row| row.accepted).sum();
    assert_eq!(tenants, 30);
    let json = merged.to_json().unwrap();
    assert_eq!(Outcome::from_json(&json).unwrap(), merged);
    // The other way round it is the same.
    let reversed: Vec<Outcome> = results.iter().rev().cloned().collect();
    let other = Outcome::merge(&reversed).unwrap();
    assert_eq!(other.totals, merged.totals);
    assert_eq!(other.timeline, merged.timeline);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let results = results();
    assert_eq!(Outcome::merge(&[]), Err(MergeError::Nothing));
    let twice = [results[0].clone(), results[0].clone()];
    assert!(matches!(
        Outcome::merge(&twice),
        Err(MergeError::Twice(Shard { index: 1, count: 2 }))
    ));
    // A part of another division, and the whole beside a part.
    for count in [1, 3] {
        let mut other = results.clone();
        other[1].generators[0].shard.count = count;
        let error = Outcome::merge(&other).unwrap_err();
        let first = Shard { index: 1, count: 2 };
        assert!(
            matches!(error, MergeError::Divisions { first: one, .. } if one == first),
            "{error}"
        );
    }
    let mut other = results.clone();
    other[1].plan.seed = 9;
    let error = Outcome::merge(&other).unwrap_err();
    assert!(error.to_string().contains("seed"), "{error}");
    let mut late = results.clone();
    late[1].started = "yesterday".to_owned();
    assert_eq!(Outcome::merge(&late), Err(MergeError::Start(2)));
}

#[test]
fn what_is_missing_stands_in_the_sum() {
    let results = results();
    let whole = Outcome::merge(&results).unwrap();
    assert_eq!(whole.missing_shards, Vec::<u32>::new());
    assert_eq!(whole.notes, Vec::<String>::new());
    let half = Outcome::merge(&results[..1]).unwrap();
    assert_eq!(half.missing_shards, [2]);
    let notes = half.notes.join("\n");
    assert!(notes.contains("1 of 2 parts: shard 2/2"), "{notes}");
    let json = half.to_json().unwrap();
    assert_eq!(Outcome::from_json(&json).unwrap(), half);
    // What was missing can still come.
    let late = Outcome::merge(&[half, results[1].clone()]).unwrap();
    assert_eq!(late.missing_shards, Vec::<u32>::new());
    assert_eq!(late.totals.accepted, 30);
}

#[test]
fn messages_that_nobody_looked_for_are_not_said_to_be_right() {
    let mut results = results();
    let (first, second) = (results[0].totals.accepted, results[1].totals.accepted);
    results[0].correctness = Some(Correctness {
        expected: first,
        right: first,
        ..Correctness::default()
    });
    for order in [[0, 1], [1, 0]] {
        let parts = order.map(|at: usize| results[at].clone());
        let merged = Outcome::merge(&parts).unwrap();
        let found = merged.correctness.as_ref().unwrap();
        assert_eq!((found.expected, found.unchecked), (first, second));
        assert!(!found.is_perfect());
        let notes = merged.notes.join("\n");
        let said = format!("{first} accepted messages were looked for, {second} were not");
        assert!(notes.contains(&said), "{notes}");
    }
}

#[test]
fn histograms_are_read_back_whole_and_forged_ones_are_refused() {
    let mut histogram = Histogram::new(3);
    for value in [0, 1, 999, 1_000_000, u64::MAX] {
        histogram.record(value);
    }
    let json = serde_json::to_string(&histogram).unwrap();
    let read: Histogram = serde_json::from_str(&json).unwrap();
    assert_eq!(read, histogram);
    assert_eq!(read.max() / 1_000_000, 3_600);
    for forged in ["\"\"", "\"!\"", "\"AAAA\"", "\"HISTFAAAAAAAAAAA\""] {
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let mut value = value;
        value["v2"] = serde_json::from_str(forged).unwrap();
        assert!(
            serde_json::from_value::<Histogram>(value).is_err(),
            "{forged}"
        );
    }
}
