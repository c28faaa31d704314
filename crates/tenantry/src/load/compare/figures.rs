//! The figures that are compared, each with its values, differences and ratios.

use std::collections::BTreeMap;

use serde::Serialize;
use tenantry_load::result::{Correctness, Histogram, Outcome, Phase};

use crate::load::report::numbers::{count, nanoseconds, rate, share};
use crate::load::report::tables;

/// One figure of all results; what a result does not have is absent.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) group: &'static str,
    pub(super) name: String,
    unit: Unit,
    pub(super) better: Better,
    /// One of those by which results are judged.
    pub(super) headline: bool,
    values: Vec<Option<f64>>,
    /// To the first result, which itself has none.
    differences: Vec<Option<f64>>,
    /// To the first result, which itself has none.
    pub(super) ratios: Vec<Option<f64>>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    Microseconds,
    PerSecond,
    Number,
    Share,
}

/// Which way a figure should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Better {
    Higher,
    Lower,
    Neither,
}

impl Figure {
    fn new(
        (group, name): (&'static str, String),
        unit: Unit,
        better: Better,
        values: Vec<Option<f64>>,
    ) -> Self {
        let first = values.first().copied().flatten();
        let others = || values.iter().skip(1);
        let differences = others().map(|value| Some((*value)? - first?));
        let ratios = others().map(|value| {
            let (value, first) = ((*value)?, first?);
            (first > 0.0).then_some(value / first)
        });
        Self {
            group,
            name,
            unit,
            better,
            headline: false,
            differences: [None].into_iter().chain(differences).collect(),
            ratios: [None].into_iter().chain(ratios).collect(),
            values,
        }
    }

    fn headline(mut self) -> Self {
        self.headline = true;
        self
    }

    /// Name, the first value, and for each other its value, difference and ratio.
    pub(super) fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.name.clone()];
        let each = self.values.iter().zip(&self.differences).zip(&self.ratios);
        for (index, ((value, difference), ratio)) in each.enumerate() {
            cells.push(value.map_or_else(String::new, |value| self.unit.shown(value)));
            if index > 0 {
                let signed = |value: f64| {
                    let sign = if value < 0.0 { "-" } else { "+" };
                    format!("{sign}{}", self.unit.shown(value.abs()))
                };
                cells.push(difference.map_or_else(String::new, signed));
                cells.push(ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
            }
        }
        cells
    }
}

impl Unit {
    fn shown(self, value: f64) -> String {
        match self {
            Self::Microseconds => nanoseconds(value * 1e3),
            Self::PerSecond => rate(value),
            Self::Number => count(value as u64),
            Self::Share => share(value),
        }
    }
}

/// All figures, group by group.
pub(super) fn all(outcomes: &[Outcome]) -> Vec<Figure> {
    let mut figures = throughput(outcomes);
    figures.extend(latency(outcomes));
    figures.extend(replies(outcomes));
    figures.extend(correctness(outcomes));
    figures
}

fn throughput(outcomes: &[Outcome]) -> Vec<Figure> {
    let figure = |name: &str, unit, better, value: &dyn Fn(&Outcome) -> Option<f64>| {
        let values = outcomes.iter().map(value).collect();
        Figure::new(("throughput", name.to_owned()), unit, better, values)
    };
    let searched = outcomes.iter().any(|outcome| outcome.knee.is_some());
    let knee = |one: &Outcome| one.knee.as_ref().and_then(|knee| knee.rate);
    let mut figures = vec![
        figure("accepted/s", Unit::PerSecond, Better::Higher, &|one| {
            Some(one.totals.rate)
        })
        .headline(),
        figure("due", Unit::Number, Better::Neither, &|one| {
            Some(one.totals.intended as f64)
        }),
        figure("accepted", Unit::Number, Better::Neither, &|one| {
            Some(one.totals.accepted as f64)
        }),
        figure("not accepted", Unit::Share, Better::Lower, &|one| {
            Some(one.error_share())
        }),
        figure("handshakes resumed", Unit::Share, Better::Neither, &|one| {
            Some(one.totals.resumed_share())
        }),
        figure(
            "generator's CPU a message",
            Unit::Microseconds,
            Better::Neither,
            &|one| one.generators.first().map(|row| row.cpu_us_per_message),
        ),
    ];
    if searched {
        let highest = figure(
            "highest rate that held",
            Unit::PerSecond,
            Better::Higher,
            &knee,
        );
        figures.insert(0, highest.headline());
    }
    figures
}

fn latency(outcomes: &[Outcome]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for phase in Phase::ALL {
        let of = |outcome: &Outcome| {
            let histogram = outcome.phase(phase)?;
            (!histogram.is_empty()).then(|| histogram.clone())
        };
        let found: Vec<Option<Histogram>> = outcomes.iter().map(of).collect();
        if found.iter().all(Option::is_none) {
            continue;
        }
        for (word, value) in QUANTITIES {
            let values = found.iter();
            let values = values.map(|found| found.as_ref().map(|all| value(all) as f64));
            let name = format!("{} {word}", tables::phase(phase));
            let named = ("latency", name);
            let mut figure =
                Figure::new(named, Unit::Microseconds, Better::Lower, values.collect());
            figure.headline = phase == Phase::Latency && ["p50", "p99"].contains(&word);
            figures.push(figure);
        }
    }
    figures
}

/// A value of a histogram, and what it is called.
type Quantity = (&'static str, fn(&Histogram) -> u64);

const QUANTITIES: [Quantity; 6] = [
    ("mean", |all| all.mean() as u64),
    ("p50", |all| all.quantile(0.5)),
    ("p90", |all| all.quantile(0.9)),
    ("p99", |all| all.quantile(0.99)),
    ("p99.9", |all| all.quantile(0.999)),
    ("longest", Histogram::max),
];

/// Replies by command and code, and failures by kind.
fn replies(outcomes: &[Outcome]) -> Vec<Figure> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let replies = outcome.replies.iter().take(MOST);
        let replies = replies.map(|row| {
            let name = format!("{} {}", tables::at(row.at), tables::code(row));
            (name, row.count)
        });
        let errors = outcome.errors.iter().take(MOST);
        let errors = errors.map(|row| (format!("no reply: {}", row.kind), row.count));
        for (name, number) in replies.chain(errors) {
            let counts = all.entry(name).or_insert_with(|| vec![0; outcomes.len()]);
            if let Some(count) = counts.get_mut(index) {
                *count = count.saturating_add(number);
            }
        }
    }
    let figures = all.into_iter().map(|(name, counts)| {
        let values = counts.into_iter().map(|count| Some(count as f64));
        let named = ("replies", name);
        Figure::new(named, Unit::Number, Better::Neither, values.collect())
    });
    figures.collect()
}

fn correctness(outcomes: &[Outcome]) -> Vec<Figure> {
    if outcomes.iter().all(|outcome| outcome.correctness.is_none()) {
        return Vec::new();
    }
    let figure = |name: &str, better, value: fn(&Correctness) -> u64| {
        let values = outcomes.iter();
        let values = values.map(|one| one.correctness.as_ref().map(|found| value(found) as f64));
        let named = ("whose the messages became", name.to_owned());
        Figure::new(named, Unit::Number, better, values.collect())
    };
    vec![
        figure("accepted", Better::Neither, |found| found.expected),
        figure("under the intended tenant", Better::Higher, |found| {
            found.right
        }),
        figure("under another tenant", Better::Lower, |found| found.wrong),
        figure("not found", Better::Lower, |found| found.missing),
        figure("under nobody's name", Better::Lower, |found| found.unknown),
    ]
}

/// The most rows of replies of one result.
const MOST: usize = 200;
