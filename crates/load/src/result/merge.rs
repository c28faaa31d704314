//! Results of several shards as one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use thiserror::Error;

use super::{
    Correctness, CorrectnessRow, ErrorRow, Outcome, Phase, PhaseRow, ReplyRow, Step, TenantRow,
    Timeline, Totals, share,
};
use crate::plan::{Plan, Shard};

/// Why results cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MergeError {
    /// There is none.
    #[error("no results to merge")]
    Nothing,
    /// They are of different plans.
    #[error("results {first} and {second} are of different plans: {what} differs")]
    Plans {
        /// One of them, from 1.
        first: usize,
        /// The other.
        second: usize,
        /// Where they differ.
        what: String,
    },
    /// A shard is there twice.
    #[error("shard {0} is there twice")]
    Twice(Shard),
    /// They are parts of different divisions.
    #[error("shards {first} and {second} are parts of different divisions, which have no sum")]
    Divisions {
        /// One of them.
        first: Shard,
        /// The other.
        second: Shard,
    },
    /// A search for the highest rate is no sum of its parts.
    #[error("result {0} is a search for the highest rate, which cannot be merged")]
    Knee(usize),
    /// A time that is none.
    #[error("result {0} has a start that is no time")]
    Start(usize),
}

impl Outcome {
    /// Adds results of the shards of one plan. They need not be complete: what is missing stands in
    /// the result.
    ///
    /// # Errors
    ///
    /// When they are not of one plan and one division, or one is there twice.
    pub fn merge(results: &[Self]) -> Result<Self, MergeError> {
        let (first, others) = results.split_first().ok_or(MergeError::Nothing)?;
        check(first, results)?;
        let starts = starts(results)?;
        let begin = starts.iter().min().copied().unwrap_or_default();
        let mut merged = first.clone();
        merged.plan.shard = Shard::WHOLE;
        merged.interrupted = results.iter().any(|result| result.interrupted);
        merged.missing_shards = missing(results);
        merged.correctness = correctness(results);
        let mut phases: BTreeMap<Phase, PhaseRow> = rows(&first.phases);
        merged.timeline = Timeline::new(first.timeline.measured_from);
        for (result, start) in results.iter().zip(&starts) {
            let later = start.duration_since(begin).as_secs();
            add_timeline(&mut merged.timeline, &result.timeline, later.unsigned_abs());
        }
        for other in others {
            merged.generators.extend(other.generators.iter().cloned());
            merged.totals.add(&other.totals);
            for row in &other.phases {
                phases
                    .entry(row.phase)
                    .and_modify(|own| own.histogram.add(&row.histogram))
                    .or_insert_with(|| row.clone());
            }
            add_steps(&mut merged.steps, &other.steps);
            add_replies(&mut merged.replies, &other.replies);
            add_errors(&mut merged.errors, &other.errors);
            add_tenants(&mut merged.tenants, &other.tenants);
        }
        if let Some((earliest, _)) = results.iter().zip(&starts).min_by_key(|(_, start)| **start) {
            merged.started.clone_from(&earliest.started);
        }
        merged.phases = phases.into_values().collect();
        merged.notes = merged.remarks();
        Ok(merged)
    }
}

fn check(first: &Outcome, results: &[Outcome]) -> Result<(), MergeError> {
    let mut shards: BTreeSet<Shard> = BTreeSet::new();
    for (index, result) in results.iter().enumerate() {
        if result.knee.is_some() {
            return Err(MergeError::Knee(index + 1));
        }
        if let Some(what) = difference(&first.plan, &result.plan) {
            return Err(MergeError::Plans {
                first: 1,
                second: index + 1,
                what,
            });
        }
        for generator in &result.generators {
            let second = generator.shard;
            if let Some(first) = shards.first().filter(|one| one.count != second.count) {
                let first = *first;
                return Err(MergeError::Divisions { first, second });
            }
            if !shards.insert(second) {
                return Err(MergeError::Twice(second));
            }
        }
    }
    Ok(())
}

/// The indexes of shards that are in none of the results.
fn missing(results: &[Outcome]) -> Vec<u32> {
    let there: BTreeSet<Shard> = shards(results).collect();
    let count = there.first().map_or(0, |shard| shard.count);
    // A file may say any number; no division of ours has more.
    (1..=count.min(MOST_SHARDS))
        .filter(|index| {
            let index = *index;
            !there.contains(&Shard { index, count })
        })
        .collect()
}

fn shards(results: &[Outcome]) -> impl Iterator<Item = Shard> {
    let generators = results.iter().flat_map(|result| &result.generators);
    generators.map(|generator| generator.shard)
}

/// Whose the messages became, with those that one of the results did not look for.
fn correctness(results: &[Outcome]) -> Option<Correctness> {
    let mut found = results.iter().filter_map(|one| one.correctness.as_ref());
    let first = found.next()?.clone();
    let mut sum = found.fold(first, Correctness::with);
    let unchecked = results.iter().filter(|one| one.correctness.is_none());
    sum.unchecked += unchecked.map(|one| one.totals.accepted).sum::<u64>();
    Some(sum)
}

/// The first part in which two plans differ, the shard apart.
fn difference(one: &Plan, other: &Plan) -> Option<String> {
    let parts = |plan: &Plan| {
        let mut plan = plan.clone();
        plan.shard = Shard::WHOLE;
        // Where files are and how many threads send may differ between machines.
        plan.workers = 0;
        plan.check = None;
        let value = serde_json::to_value(plan).unwrap_or_default();
        value.as_object().cloned().unwrap_or_default()
    };
    let (one, other) = (parts(one), parts(other));
    let differs = |key: &&String| one.get(*key) != other.get(*key);
    one.keys().find(differs).cloned()
}

fn starts(results: &[Outcome]) -> Result<Vec<Timestamp>, MergeError> {
    let parsed = results.iter().enumerate().map(|(index, result)| {
        let start: Result<Timestamp, _> = result.started.parse();
        start.map_err(|_| MergeError::Start(index + 1))
    });
    parsed.collect()
}

fn rows(phases: &[PhaseRow]) -> BTreeMap<Phase, PhaseRow> {
    let keyed = phases.iter().map(|row| (row.phase, row.clone()));
    keyed.collect()
}

fn add_timeline(all: &mut Timeline, one: &Timeline, later: u64) {
    while all.interval < one.interval && all.interval < u32::MAX / 2 {
        all.coarsen();
    }
    for (index, point) in one.points.iter().enumerate() {
        let second = later + index as u64 * u64::from(one.interval);
        all.at(second, |sum| sum.add(point));
    }
}

fn add_steps(all: &mut Vec<Step>, others: &[Step]) {
    for (index, other) in others.iter().enumerate() {
        match all.get_mut(index) {
            Some(step) => {
                step.pace += other.pace;
                step.seconds = step.seconds.max(other.seconds);
                step.intended += other.intended;
                step.accepted += other.accepted;
                step.not_accepted += other.not_accepted;
                step.rate += other.rate;
                step.latency.add(&other.latency);
            }
            None => all.push(other.clone()),
        }
    }
}

fn add_replies(all: &mut Vec<ReplyRow>, others: &[ReplyRow]) {
    for other in others {
        let same = |row: &&mut ReplyRow| {
            (row.at, row.code, &row.enhanced) == (other.at, other.code, &other.enhanced)
        };
        match all.iter_mut().find(same) {
            Some(row) => row.count += other.count,
            None => all.push(other.clone()),
        }
    }
    all.sort_by_key(|row| std::cmp::Reverse(row.count));
}

fn add_errors(all: &mut Vec<ErrorRow>, others: &[ErrorRow]) {
    for other in others {
        match all.iter_mut().find(|row| row.kind == other.kind) {
            Some(row) => row.count += other.count,
            None => all.push(other.clone()),
        }
    }
}

fn add_tenants(all: &mut Vec<TenantRow>, others: &[TenantRow]) {
    let places = all.iter().enumerate();
    let places: BTreeMap<Option<String>, usize> = places
        .map(|(place, row)| (row.name.clone(), place))
        .collect();
    for other in others {
        match places
            .get(&other.name)
            .and_then(|place| all.get_mut(*place))
        {
            Some(row) => {
                row.sent += other.sent;
                row.accepted += other.accepted;
                row.refused += other.refused;
                row.deferred += other.deferred;
                row.failed += other.failed;
                row.octets += other.octets;
                row.latency.add(&other.latency);
            }
            None => all.push(other.clone()),
        }
    }
}

impl Totals {
    /// Adds what was done at the same time elsewhere.
    pub(crate) fn add(&mut self, other: &Self) {
        self.seconds = self.seconds.max(other.seconds);
        self.intended += other.intended;
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.deferred += other.deferred;
        self.failed += other.failed;
        self.overflowed += other.overflowed;
        self.unsent += other.unsent;
        self.rate += other.rate;
        self.octets += other.octets;
        self.recipients += other.recipients;
        self.connections += other.connections;
        self.connections_failed += other.connections_failed;
        self.connections_peak += other.connections_peak;
        self.tls_full += other.tls_full;
        self.tls_resumed += other.tls_resumed;
        self.outstanding_peak += other.outstanding_peak;
        self.warm_up += other.warm_up;
    }

    /// The share of handshakes that resumed a session.
    #[must_use]
    pub fn resumed_share(&self) -> f64 {
        share(self.tls_resumed, self.tls_full + self.tls_resumed)
    }
}

impl Correctness {
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.expected += other.expected;
        self.right += other.right;
        self.wrong += other.wrong;
        self.missing += other.missing;
        self.unknown += other.unknown;
        self.unanswered += other.unanswered;
        self.duplicates += other.duplicates;
        self.unchecked += other.unchecked;
        for row in &other.tenants {
            match self.tenants.iter_mut().find(|own| own.name == row.name) {
                Some(own) => own.add(row),
                None => self.tenants.push(row.clone()),
            }
        }
        let room = MOST_EXAMPLES.saturating_sub(self.examples.len());
        let more = other.examples.iter().take(room).cloned();
        self.examples.extend(more);
        self
    }
}

impl CorrectnessRow {
    fn add(&mut self, other: &Self) {
        self.intended += other.intended;
        self.right += other.right;
        self.wrong += other.wrong;
        self.missing += other.missing;
        self.unknown += other.unknown;
    }
}

const MOST_EXAMPLES: usize = 20;
/// What `--shard` takes at most.
const MOST_SHARDS: u32 = 10_000;
