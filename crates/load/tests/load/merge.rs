//! Results of shards as one, and what cannot be one.

use tenantry_load::plan::Shard;
use tenantry_load::result::{Histogram, MergeError, Outcome, Phase};

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
        Err(MergeError::Twice { index: 1, count: 2 })
    ));
    let mut other = results.clone();
    other[1].plan.seed = 9;
    let error = Outcome::merge(&other).unwrap_err();
    assert!(error.to_string().contains("seed"), "{error}");
    let mut late = results.clone();
    late[1].started = "yesterday".to_owned();
    assert_eq!(Outcome::merge(&late), Err(MergeError::Start(2)));
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
