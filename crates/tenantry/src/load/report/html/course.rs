//! The plots over time: what happened when, in a bounded number of pieces.

use tenantry_load::result::{Histogram, Outcome, Point, Timeline};

use super::chart::{Axis, Chart};
use super::plots::{POINTS, durations, line, micros, tick, values};
use super::scale::{Kind, Scale};
use crate::load::report::numbers::{count, digits, duration, rate};
use crate::load::report::table::Table;

/// Some of a timeline's points together.
struct Piece {
    /// When it begins, in seconds since the run did.
    at: f64,
    /// How long it lasted: the last one ends with the run.
    seconds: f64,
    intended: u64,
    accepted: u64,
    not_accepted: u64,
    /// At its end; absent when they were closed with the run.
    connections: Option<u64>,
    outstanding: u64,
    latency: Histogram,
}

impl Piece {
    fn of(at: f64, points: &[Point], interval: f64) -> Self {
        let mut piece = Self {
            at,
            seconds: points.len() as f64 * interval,
            intended: 0,
            accepted: 0,
            not_accepted: 0,
            connections: points.iter().map(|point| point.connections).max(),
            outstanding: points
                .iter()
                .map(|point| point.outstanding)
                .max()
                .unwrap_or(0),
            latency: Histogram::new(2),
        };
        points.iter().for_each(|point| piece.add(point));
        piece
    }

    fn add(&mut self, point: &Point) {
        self.intended = self.intended.saturating_add(point.intended);
        self.accepted = self.accepted.saturating_add(point.accepted);
        for missed in [point.refused, point.deferred, point.failed] {
            self.not_accepted = self.not_accepted.saturating_add(missed);
        }
        self.latency.add(&point.latency);
    }

    /// Ends it where the run ended; the last replies came a little later.
    fn end(&mut self, end: f64) {
        let longest = micros(self.latency.max()) / 1e6;
        let lasted = end - self.at + longest;
        if end > self.at && lasted < self.seconds {
            self.seconds = lasted;
        }
    }

    /// Where what happened in it stands.
    fn middle(&self) -> f64 {
        self.at + self.seconds / 2.0
    }

    /// Where levels at its end stand.
    fn ends(&self) -> f64 {
        self.at + self.seconds
    }
}

/// What happened when, in at most [`POINTS`] pieces.
pub(super) struct Course {
    pieces: Vec<Piece>,
    unit: Unit,
    warm_up: f64,
}

/// The unit of a horizontal axis of time.
#[derive(Clone, Copy)]
struct Unit {
    name: &'static str,
    seconds: f64,
}

impl Course {
    /// The course of a run.
    pub(super) fn of(outcome: &Outcome) -> Self {
        let timeline = &outcome.timeline;
        let end = timeline.measured_from + outcome.totals.seconds;
        let interval = f64::from(timeline.interval.max(1));
        let (points, last) = busy(timeline, end);
        let together = points.len().div_ceil(POINTS).max(1);
        let pieces = points.chunks(together).enumerate();
        let pieces = pieces.map(|(index, points)| {
            Piece::of((index * together) as f64 * interval, points, interval)
        });
        let mut pieces: Vec<Piece> = pieces.collect();
        if let Some(piece) = pieces.last_mut() {
            last.into_iter().for_each(|point| piece.add(point));
            piece.end(end);
            // A run closes its connections, all or some of them before this was counted.
            let closing = piece.ends() >= end;
            piece.connections = piece.connections.filter(|number| *number > 0 && !closing);
        }
        if let [only] = pieces.as_mut_slice() {
            only.connections = Some(outcome.totals.connections_peak);
        }
        let length = pieces.last().map_or(0.0, Piece::ends);
        Self {
            pieces,
            unit: Unit::of(length),
            warm_up: timeline.measured_from,
        }
    }

    /// Latency over time.
    pub(super) fn latency(&self) -> Chart {
        let quantile = |share: f64| {
            let points = self.pieces.iter().map(move |piece| {
                let some = !piece.latency.is_empty();
                let value = some.then(|| micros(piece.latency.quantile(share)));
                (piece.middle() / self.unit.seconds, value)
            });
            points.collect::<Vec<_>>()
        };
        let lines = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("longest", 1.0)];
        let lines = lines.map(|(name, share)| line(name, quantile(share)));
        let longest = self.pieces.iter().map(|piece| piece.latency.max()).max();
        Chart {
            id: "latency-over-time",
            title: "Latency of accepted messages over time".to_owned(),
            description: format!(
                "p50, p90, p99 and the longest latency in {} intervals; the longest of all is {}",
                self.pieces.len(),
                duration(longest.unwrap_or(0))
            ),
            x: self.time(),
            y: durations(&lines),
            lines: lines.into(),
            shaded: self.shaded(),
        }
    }

    /// Throughput over time.
    pub(super) fn throughput(&self) -> Chart {
        let per_second = |number: fn(&Piece) -> u64| {
            let points = self.pieces.iter().map(move |piece| {
                let value = number(piece) as f64 / piece.seconds;
                (piece.middle() / self.unit.seconds, Some(value))
            });
            points.collect::<Vec<_>>()
        };
        let lines = vec![
            line("accepted", per_second(|piece| piece.accepted)),
            line("due", per_second(|piece| piece.intended)),
            line("not accepted", per_second(|piece| piece.not_accepted)),
        ];
        let y = Scale::holding(Kind::Linear, values(&lines));
        Chart {
            id: "throughput-over-time",
            title: "Messages per second over time".to_owned(),
            description: format!(
                "accepted, due and not accepted messages per second in {} intervals; at most {} per second",
                self.pieces.len(),
                rate(y.most())
            ),
            x: self.time(),
            y: Axis::new("messages per second", y, tick),
            lines,
            shaded: self.shaded(),
        }
    }

    /// Connections and outstanding messages over time.
    pub(super) fn levels(&self) -> Chart {
        let level = |number: fn(&Piece) -> Option<u64>| {
            let points = self.pieces.iter();
            let points = points.map(|piece| {
                let value = number(piece).map(|number| number as f64);
                (piece.ends() / self.unit.seconds, value)
            });
            points.collect::<Vec<_>>()
        };
        let lines = vec![
            line("connections", level(|piece| piece.connections)),
            line("due and unanswered", level(|piece| Some(piece.outstanding))),
        ];
        let y = Scale::holding(Kind::Linear, values(&lines));
        Chart {
            id: "levels-over-time",
            title: "Connections and unanswered messages over time".to_owned(),
            description: format!(
                "open connections, and messages that were due and not answered; at most {}",
                rate(y.most())
            ),
            x: self.time(),
            y: Axis::new("number", y, tick),
            lines,
            shaded: self.shaded(),
        }
    }

    /// The same as a table.
    pub(super) fn table(&self) -> Table {
        let columns = [
            &format!("#{} since the run began", self.unit.name),
            "#due",
            "#accepted",
            "#not accepted",
            "#accepted/s",
            "#p50",
            "#p90",
            "#p99",
            "#longest",
            "#connections",
            "#unanswered",
        ];
        let mut table = Table::new("what happened when", &columns);
        for piece in &self.pieces {
            let latency = |share: f64| {
                if piece.latency.is_empty() {
                    String::new()
                } else {
                    duration(piece.latency.quantile(share))
                }
            };
            table.row([
                digits(piece.at / self.unit.seconds),
                count(piece.intended),
                count(piece.accepted),
                count(piece.not_accepted),
                rate(piece.accepted as f64 / piece.seconds),
                latency(0.5),
                latency(0.9),
                latency(0.99),
                latency(1.0),
                piece.connections.map_or_else(String::new, count),
                count(piece.outstanding),
            ]);
        }
        table
    }

    fn time(&self) -> Axis {
        let end = self.pieces.last().map_or(1.0, Piece::ends);
        let label = format!("{} since the run began", self.unit.name);
        Axis::new(&label, Scale::linear(end / self.unit.seconds), tick)
    }

    fn shaded(&self) -> Option<(f64, f64, &'static str)> {
        (self.warm_up > 0.0).then(|| (0.0, self.warm_up / self.unit.seconds, "warm-up"))
    }
}

/// The points in which something happened, and the one after the run's end in which only a few last
/// replies came: neither is a stand-still.
fn busy(timeline: &Timeline, end: f64) -> (&[Point], Option<&Point>) {
    let idle =
        |point: &&Point| point.intended == 0 && point.accepted == 0 && point.outstanding == 0;
    let idle = timeline.points.iter().rev().take_while(idle).count();
    let points = timeline.points.get(..timeline.points.len() - idle);
    let points = points.unwrap_or_default();
    let begins = (points.len() as f64 - 1.0) * f64::from(timeline.interval.max(1));
    match points {
        [before @ .., earlier, last]
            if begins >= end
                && last.intended == 0
                && last.outstanding == 0
                && last.accepted <= earlier.accepted / FEW =>
        {
            // Both, without the last.
            (
                points.get(..before.len() + 1).unwrap_or_default(),
                Some(last),
            )
        }
        _ => (points, None),
    }
}

/// So many times more happened before than in a point that is no point of its own.
const FEW: u64 = 5;

impl Unit {
    fn of(length: f64) -> Self {
        let (name, seconds) = match length {
            long if long > 7_200.0 => ("hours", 3_600.0),
            long if long > 240.0 => ("minutes", 60.0),
            _ => ("seconds", 1.0),
        };
        Self { name, seconds }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]

    use super::*;
    use crate::load::report::sample;

    /// A run with points of so many accepted messages, of which the first seconds were a warm-up.
    fn course(accepted: &[u64], warm_up: f64, measured: f64) -> Course {
        let mut outcome = sample::outcome(accepted.len() as u64, 1);
        outcome.timeline.measured_from = warm_up;
        outcome.totals.seconds = measured;
        let points = outcome.timeline.points.iter_mut().zip(accepted);
        for (point, accepted) in points {
            point.intended = *accepted;
            point.accepted = *accepted;
            point.outstanding = 0;
            point.latency = sample::latencies(2, 1, 1);
        }
        Course::of(&outcome)
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 0.001 * other.max(1.0)
    }

    #[test]
    fn a_part_of_a_second_is_divided_by_its_length() {
        let course = course(&[400, 100], 0.0, 1.25);
        let rates = course.throughput();
        let accepted = &rates.lines[0].points;
        assert!(near(accepted[0].1.unwrap(), 400.0), "{accepted:?}");
        assert!(near(accepted[1].1.unwrap(), 400.0), "{accepted:?}");
        let short = self::course(&[40], 0.0, 0.069).throughput();
        assert!(
            near(short.lines[0].points[0].1.unwrap(), 580.0),
            "{short:?}"
        );
    }

    #[test]
    fn what_was_measured_stands_beside_the_warm_up_and_the_axis_ends_with_the_run() {
        let course = course(&[100, 100], 1.0, 1.0);
        let places: Vec<f64> = course.throughput().lines[0]
            .points
            .iter()
            .map(|(x, _)| *x)
            .collect();
        assert!(near(places[0], 0.5) && near(places[1], 1.5), "{places:?}");
        assert!(near(course.time().scale.most(), 2.0));
        assert_eq!(course.shaded().unwrap().1, 1.0);
    }

    #[test]
    fn the_last_replies_are_no_second_of_their_own() {
        let mut outcome = sample::outcome(3, 1);
        outcome.timeline.measured_from = 0.0;
        outcome.totals.seconds = 2.0;
        for point in &mut outcome.timeline.points {
            point.outstanding = 0;
        }
        let last = outcome.timeline.points.last_mut().unwrap();
        (last.intended, last.accepted, last.connections) = (0, 3, 0);
        let course = Course::of(&outcome);
        assert_eq!(course.pieces.len(), 2);
        assert_eq!(course.pieces[1].accepted, 951 + 3);
        // A long drain is one.
        let last = outcome.timeline.points.last_mut().unwrap();
        last.accepted = 900;
        assert_eq!(Course::of(&outcome).pieces.len(), 3);
    }

    #[test]
    fn connections_that_were_closed_with_the_run_are_no_level() {
        let mut outcome = sample::outcome(2, 1);
        outcome.timeline.points[1].connections = 0;
        let levels = Course::of(&outcome).levels();
        assert_eq!(levels.lines[0].points[0].1, Some(32.0));
        assert_eq!(levels.lines[0].points[1].1, None);
        outcome.timeline.points.truncate(1);
        let levels = Course::of(&outcome).levels();
        assert_eq!(levels.lines[0].points[0].1, Some(32.0));
    }
}
