//! The plots of a result: which numbers, on which axes, and how many of them at most.

use tenantry_load::result::{Histogram, Outcome, Phase};

use super::chart::{Axis, Bar, Bars, Chart, Line, Tone};
use super::scale::{Kind, Scale};
use crate::load::report::numbers::{count, duration, rate, share};
use crate::load::report::table::Table;
use crate::load::report::tables;

/// The most points of a line, and rows of its table.
pub(super) const POINTS: usize = 240;
/// The most bars of a plot.
const BARS: usize = 20;

/// Latency and phases by percentile; the horizontal axis gives each further nine the same room.
pub(super) fn percentiles(outcome: &Outcome) -> Chart {
    let histograms = SHOWN.into_iter().filter_map(|phase| {
        let histogram = outcome.phase(phase)?;
        (!histogram.is_empty()).then_some((phase, histogram))
    });
    let lines: Vec<Line> = histograms
        .map(|(phase, histogram)| line(tables::phase(phase), percentile_line(histogram)))
        .collect();
    let ends = lines.iter().flat_map(|line| line.points.last());
    let nines = ends.map(|(x, _)| *x).fold(2.0, f64::max);
    let ticks = TICKS
        .into_iter()
        .map(|(share, name)| (place(share), name.to_owned()));
    let p99 = outcome
        .phase(Phase::Latency)
        .map_or(0, |all| all.quantile(0.99));
    Chart {
        id: "latency-by-percentile",
        title: "Latency by percentile".to_owned(),
        description: format!(
            "how long messages and their phases took, up to which percentile; p99 of the latency is {}",
            duration(p99)
        ),
        x: Axis {
            label: "percentile".to_owned(),
            scale: Scale::linear(nines),
            ticks: ticks.filter(|(x, _)| *x <= nines).collect(),
        },
        y: durations(&lines),
        lines,
        shaded: None,
    }
}

/// The phases in the plot of percentiles.
const SHOWN: [Phase; 8] = [
    Phase::Latency,
    Phase::Wait,
    Phase::Connect,
    Phase::TlsFull,
    Phase::TlsResumed,
    Phase::Mail,
    Phase::Data,
    Phase::Reply,
];

const TICKS: [(f64, &str); 8] = [
    (0.0, "0"),
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
    (0.999_99, "99.999"),
    (0.999_999, "99.9999"),
];

/// The same as a table.
pub(super) fn percentile_table(outcome: &Outcome) -> Table {
    let columns = [
        "phase",
        "#shortest",
        "#p50",
        "#p75",
        "#p90",
        "#p95",
        "#p99",
        "#p99.9",
        "#p99.99",
        "#longest",
    ];
    let mut table = Table::new("latency by percentile", &columns);
    for row in &outcome.phases {
        let histogram = &row.histogram;
        let mut cells = vec![
            tables::phase(row.phase).to_owned(),
            duration(histogram.min()),
        ];
        let shares = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];
        cells.extend(shares.map(|share| duration(histogram.quantile(share))));
        cells.push(duration(histogram.max()));
        table.row(cells);
    }
    table
}

/// Where a share of all lies: 0 at nothing, 1 at 90 %, 2 at 99 % and so on.
fn place(share: f64) -> f64 {
    -(1.0 - share).max(1e-9).log10()
}

fn percentile_line(histogram: &Histogram) -> Vec<(f64, Option<f64>)> {
    let whole = histogram.count() as f64;
    // Where the last message lies: nobody knows further.
    let end = place(1.0 - 0.5 / whole);
    let mut points = vec![(0.0, Some(micros(histogram.min())))];
    let (mut below, mut last) = (0_u64, 0.0);
    for (value, number) in histogram.classes() {
        below = below.saturating_add(number);
        let x = place(below as f64 / whole).min(end);
        if x - last >= end / POINTS as f64 || x >= end {
            points.push((x, Some(micros(value.min(histogram.max())))));
            last = x;
        }
    }
    points
}

/// Replies and failures as bars.
pub(super) fn replies(outcome: &Outcome) -> Bars {
    let accepted = (0..1).filter(|_| !tables::has_accepted(outcome));
    let accepted = accepted.map(|_| {
        let name = tables::ACCEPTED.to_owned();
        (name, outcome.totals.accepted, Tone::Good)
    });
    let rows = outcome.replies.iter().map(|row| {
        let tone = match row.code {
            200..=399 => Tone::Good,
            400..=499 => Tone::Later,
            0..=199 | 500.. => Tone::Bad,
        };
        (
            format!("{} to {}", tables::code(row), tables::at(row.at)),
            row.count,
            tone,
        )
    });
    let failures = outcome.errors.iter();
    let failures = failures.map(|row| (format!("no reply: {}", row.kind), row.count, Tone::Bad));
    let all: Vec<(String, u64, Tone)> = accepted.chain(rows).chain(failures).collect();
    let sum = all.iter().map(|row| row.1).fold(0, u64::saturating_add);
    let bars = all.into_iter().take(BARS).map(|(name, number, tone)| Bar {
        name,
        value: number as f64,
        words: format!(
            "{} ({})",
            count(number),
            share(number as f64 / sum.max(1) as f64)
        ),
        tone,
    });
    Bars {
        id: "replies",
        title: "How messages were answered".to_owned(),
        description: format!(
            "{} answers by code and by the command they came to",
            count(sum)
        ),
        bars: bars.collect(),
    }
}

/// The tenants with most messages as bars.
pub(super) fn tenants(outcome: &Outcome) -> Bars {
    let sent = tables::sent(outcome).max(1) as f64;
    let astray: Vec<&Option<String>> = outcome
        .correctness
        .iter()
        .flat_map(|found| &found.tenants)
        .filter(|row| row.wrong > 0)
        .map(|row| &row.name)
        .collect();
    let rows = tables::most_messages(outcome).into_iter().take(BARS);
    let bars = rows.map(|row| Bar {
        name: tables::name(row.name.as_deref()),
        value: row.sent as f64,
        words: format!(
            "{} ({}), p99 {}",
            count(row.sent),
            share(row.sent as f64 / sent),
            tables::quantile(&row.latency, 0.99)
        ),
        tone: if astray.contains(&&row.name) {
            Tone::Bad
        } else {
            Tone::Good
        },
    });
    let bars: Vec<Bar> = bars.collect();
    Bars {
        id: "tenants",
        title: "Messages by tenant".to_owned(),
        description: format!(
            "the {} tenants of {} with most messages",
            bars.len(),
            count(outcome.tenants.len() as u64)
        ),
        bars,
    }
}

/// All tenants from the one with most messages to the one with fewest, when bars cannot show them.
pub(super) fn ranks(outcome: &Outcome) -> Option<[Chart; 2]> {
    if outcome.tenants.len() <= BARS {
        return None;
    }
    let rows = tables::most_messages(outcome);
    let ranks = ranks_shown(rows.len());
    let points = |value: &dyn Fn(&tenantry_load::result::TenantRow) -> u64| {
        let shown = ranks.iter().filter_map(|rank| {
            let value = value(rows.get(rank - 1)?);
            Some((*rank as f64, (value > 0).then_some(value as f64)))
        });
        shown.collect::<Vec<_>>()
    };
    let messages = vec![line("messages", points(&|row| row.sent))];
    let latency = vec![
        line("p50", points(&|row| row.latency.quantile(0.5))),
        line("p99", points(&|row| row.latency.quantile(0.99))),
    ];
    let x = || {
        let scale = Scale::log(1.0, rows.len() as f64);
        Axis::new("rank of the tenant", scale, tick)
    };
    let all = count(rows.len() as u64);
    let y = Scale::holding(Kind::Log, values(&messages));
    Some([
        Chart {
            id: "tenants-by-rank",
            title: "Messages of every tenant, by rank".to_owned(),
            description: format!("how many messages each of {all} tenants had, the busiest first"),
            x: x(),
            y: Axis::new("messages", y, tick),
            lines: messages,
            shaded: None,
        },
        Chart {
            id: "tenant-latency-by-rank",
            title: "Latency of every tenant, by rank".to_owned(),
            description: format!("p50 and p99 of the latency of {all} tenants, the busiest first"),
            x: x(),
            y: durations(&latency),
            lines: latency,
            shaded: None,
        },
    ])
}

/// At most [`POINTS`] ranks, evenly over a logarithmic axis, the first and the last among them.
fn ranks_shown(most: usize) -> Vec<usize> {
    let steps = POINTS.min(most).max(2) - 1;
    let end = (most as f64).ln();
    let ranks = (0..=steps).map(|step| (end * step as f64 / steps as f64).exp().round() as usize);
    let mut ranks: Vec<usize> = ranks.map(|rank| rank.clamp(1, most)).collect();
    ranks.dedup();
    ranks
}

/// Latency by offered rate: the trials of a search, or the steps of an open loop.
pub(super) fn trials(outcome: &Outcome) -> Option<Chart> {
    let knee = outcome.knee.as_ref()?;
    let line_of = |name: &str, held: bool| {
        let trials = knee.trials.iter().filter(|trial| trial.held == held);
        let mut points: Vec<(f64, Option<f64>)> = trials
            .take(POINTS)
            .map(|trial| (trial.offered, Some(micros(trial.p99_us))))
            .collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        line(name, points)
    };
    let lines = vec![line_of("held", true), line_of("did not hold", false)];
    let most = knee
        .trials
        .iter()
        .map(|trial| trial.offered)
        .fold(0.0, f64::max);
    Some(Chart {
        id: "trials",
        title: "p99 of the latency by offered rate".to_owned(),
        description: format!(
            "{} trials of the search for the highest rate",
            knee.trials.len()
        ),
        x: Axis::new("messages offered per second", Scale::linear(most), tick),
        y: durations(&lines),
        lines,
        shaded: None,
    })
}

pub(super) fn line(name: &str, points: Vec<(f64, Option<f64>)>) -> Line {
    Line {
        name: name.to_owned(),
        points,
    }
}

pub(super) fn values(lines: &[Line]) -> impl Iterator<Item = f64> + '_ {
    let points = lines.iter().flat_map(|line| &line.points);
    points.filter_map(|(_, value)| *value)
}

pub(super) fn durations(lines: &[Line]) -> Axis {
    let scale = Scale::holding(Kind::Log, values(lines));
    Axis::new("latency", scale, |value| {
        trimmed(duration(value.round() as u64))
    })
}

/// On a logarithmic axis nothing is as short as nothing.
pub(super) fn micros(value: u64) -> f64 {
    value.max(1) as f64
}

pub(super) fn tick(value: f64) -> String {
    trimmed(rate(value))
}

/// Ticks are round: `1.00 ms` is `1 ms`.
fn trimmed(text: String) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    };
    format!("{number} {unit}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn each_further_nine_has_the_same_room() {
        assert!((place(0.9) - 1.0).abs() < 1e-9);
        assert!((place(0.999) - 3.0).abs() < 1e-9);
        assert!(place(1.0).is_finite());
    }

    #[test]
    fn a_line_of_percentiles_ends_at_the_longest_and_never_falls() {
        let mut histogram = Histogram::new(3);
        for value in 1..=100_000_u64 {
            histogram.record(value * 7 % 100_003);
        }
        let line = percentile_line(&histogram);
        assert!(line.len() <= POINTS + 2, "{}", line.len());
        assert!(line.is_sorted_by(|one, other| one.0 <= other.0 && one.1 <= other.1));
        let longest = micros(histogram.max());
        assert_eq!(line.last().unwrap().1, Some(longest));
        let median = line.iter().find(|(x, _)| *x >= place(0.5)).unwrap();
        assert!(
            (median.1.unwrap() / 50_000.0 - 1.0).abs() < 0.05,
            "{median:?}"
        );
    }

    #[test]
    fn ranks_are_few_and_have_both_ends() {
        for most in [21, 240, 10_000, 1_000_000] {
            let ranks = ranks_shown(most);
            assert!(ranks.len() <= POINTS);
            assert_eq!((ranks.first(), ranks.last()), (Some(&1), Some(&most)));
            assert!(ranks.is_sorted_by(|one, other| one < other));
        }
    }

    #[test]
    fn ticks_have_no_needless_zeros() {
        let expected = [("1.00 ms", "1 ms"), ("0.50", "0.5"), ("10,000", "10,000")];
        for (long, short) in expected {
            assert_eq!(trimmed(long.to_owned()), short);
        }
        assert_eq!(trimmed("100 ms".to_owned()), "100 ms");
    }
}
