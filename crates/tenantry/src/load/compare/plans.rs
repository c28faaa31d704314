//! Whether results may be compared: what differs in their plans, and what else may matter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use tenantry_load::result::{Outcome, Phase};

use crate::load::report::numbers::{count, seconds, text};
use crate::load::report::text::NOTES;

/// A key of the plan with a different value in some of the results.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    key: String,
    values: Vec<Option<String>>,
    #[serde(skip)]
    names: Vec<String>,
}

/// What was found.
pub(super) struct Plans {
    /// What hinders a comparison.
    pub(super) differences: Vec<Difference>,
    /// What may matter.
    pub(super) notices: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", text(&self.key))?;
        for (index, (name, value)) in self.names.iter().zip(&self.values).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            let value = value.as_deref().unwrap_or("nothing");
            write!(f, "{} in {}", text(value), text(name))?;
        }
        Ok(())
    }
}

/// Compares what results came about by.
pub(super) fn compared(names: &[String], outcomes: &[Outcome]) -> Plans {
    let searched = outcomes.iter().any(|outcome| outcome.knee.is_some());
    let mut plans = Plans {
        differences: Vec::new(),
        notices: Vec::new(),
    };
    for difference in keys(names, outcomes) {
        match weight(&difference.key, searched) {
            Weight::Hinders => plans.differences.push(difference),
            Weight::MayMatter => plans.notices.push(difference.to_string()),
            Weight::Nothing => {}
        }
    }
    facts(names, outcomes, &mut plans);
    for (name, outcome) in names.iter().zip(outcomes) {
        plans.notices.extend(doubts(name, outcome));
    }
    plans
}

/// What a difference of a key means.
enum Weight {
    Hinders,
    MayMatter,
    Nothing,
}

fn weight(key: &str, searched: bool) -> Weight {
    let top = key.split(['.', '[']).next().unwrap_or_default();
    match (top, key) {
        // What is compared, and where this machine keeps its files.
        ("workers" | "check", _) => Weight::Nothing,
        (_, "target.address" | "target.server_name") => Weight::Nothing,
        (_, key) if key.starts_with("target.trust") => Weight::Nothing,
        ("identities", _) if key != "identities.limit" => Weight::Nothing,
        ("content", "content.folder") | ("seed" | "drain" | "shard", _) => Weight::MayMatter,
        ("knee", _) if !searched => Weight::Nothing,
        (_, _) => Weight::Hinders,
    }
}

/// All keys of which the values differ.
fn keys(names: &[String], outcomes: &[Outcome]) -> Vec<Difference> {
    let flat = outcomes.iter().map(|outcome| {
        let mut keys = BTreeMap::new();
        let plan = serde_json::to_value(&outcome.plan).unwrap_or_default();
        flatten("", &plan, &mut keys);
        keys
    });
    let flat: Vec<BTreeMap<String, String>> = flat.collect();
    let all: BTreeSet<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    let differing = all.into_iter().filter_map(|key| {
        let values: Vec<Option<String>> = flat.iter().map(|keys| keys.get(key).cloned()).collect();
        let first = values.first()?;
        values
            .iter()
            .any(|value| value != first)
            .then(|| Difference {
                key: key.clone(),
                values: values.clone(),
                names: names.to_vec(),
            })
    });
    differing.collect()
}

fn flatten(key: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                flatten(&key, value, out);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(&format!("{key}[{index}]"), value, out);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.insert(key.to_owned(), value.to_string());
        }
    }
}

/// What is no key of the plan, but must be alike.
fn facts(names: &[String], outcomes: &[Outcome], plans: &mut Plans) {
    let differs = |key: &str, fact: &dyn Fn(&Outcome) -> String| {
        let values: Vec<Option<String>> = outcomes.iter().map(|one| Some(fact(one))).collect();
        let first = values.first();
        let differing = values.iter().any(|value| Some(value) != first);
        differing.then(|| Difference {
            key: key.to_owned(),
            values: values.clone(),
            names: names.to_vec(),
        })
    };
    let kind = |outcome: &Outcome| match outcome.knee {
        Some(_) => "search for the highest rate".to_owned(),
        None => "plan as it is".to_owned(),
    };
    plans.differences.extend(differs("run", &kind));
    let named = |outcome: &Outcome| {
        let tenants = outcome.tenants.iter().filter(|row| row.name.is_some());
        count(tenants.count() as u64)
    };
    plans
        .differences
        .extend(differs("number of tenants", &named));
    let machines = |outcome: &Outcome| {
        let each = outcome.generators.iter().map(|generator| {
            let machine = &generator.machine;
            format!(
                "{} x {} ({})",
                machine.processors, machine.model, machine.system
            )
        });
        let distinct: BTreeSet<String> = each.collect();
        Vec::from_iter(distinct).join(" and ")
    };
    let generators = |outcome: &Outcome| count(outcome.generators.len() as u64);
    let program = |outcome: &Outcome| outcome.program.clone();
    // One that was not looked into is not one in which everything was right.
    let looked = |outcome: &Outcome| match outcome.correctness {
        Some(_) => "looked up in the journal".to_owned(),
        None => "not looked up".to_owned(),
    };
    for noticed in [
        differs("whose the messages became", &looked),
        differs("machine", &machines),
        differs("generators", &generators),
        differs("program", &program),
    ] {
        plans.notices.extend(noticed.map(|found| found.to_string()));
    }
}

/// What makes a result doubtful by itself.
pub(super) fn doubts(name: &str, outcome: &Outcome) -> Vec<String> {
    let mut doubts = Vec::new();
    let latency = outcome
        .phase(Phase::Latency)
        .map_or(0, |all| all.quantile(0.99));
    let late = outcome
        .generators
        .iter()
        .map(|row| row.lateness.quantile(0.99));
    let late = late.max().unwrap_or(0);
    // A tenth of what is measured.
    if late > 1_000 && late > latency / 10 {
        let late = seconds(late as f64 / 1e6);
        doubts.push(format!(
            "{name}: the generator itself was late by {late} (p99), which is part of its latency"
        ));
    }
    let unsent = outcome
        .totals
        .overflowed
        .saturating_add(outcome.totals.unsent);
    if unsent > 0 {
        let unsent = count(unsent);
        doubts.push(format!(
            "{name}: {unsent} messages were due and not sent; latency is that of the others"
        ));
    }
    let notes = outcome.notes.iter().take(NOTES);
    doubts.extend(notes.map(|note| format!("{name}: {note}")));
    if outcome.totals.accepted < FEW {
        let few = count(outcome.totals.accepted);
        doubts.push(format!("{name}: {few} accepted messages are few for a p99"));
    }
    doubts
}

/// Below this, one message is more than a tenth of the last percent.
const FEW: u64 = 1_000;
