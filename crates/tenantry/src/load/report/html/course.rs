//! The plots over time: what happened when, in a bounded number of pieces.

use tenantry_load::result::{Histogram, Point, Timeline};

use super::chart::{Axis, Chart};
use super::plots::{POINTS, durations, line, micros, tick, values};
use super::scale::{Kind, Scale};
use crate::load::report::numbers::{count, digits, duration, rate};
use crate::load::report::table::Table;

/// Some of a timeline's points together.
struct Piece {
    at: f64,
    seconds: f64,
    intended: u64,
    accepted: u64,
    not_accepted: u64,
    connections: u64,
    outstanding: u64,
    latency: Histogram,
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
    /// The course of a timeline.
    pub(super) fn of(timeline: &Timeline) -> Self {
        // The run's last moments, in which nothing happened any more, are no stand-still.
        let idle =
            |point: &&Point| point.intended == 0 && point.accepted == 0 && point.outstanding == 0;
        let end = timeline.points.iter().rev().take_while(idle).count();
        let points = timeline.points.len() - end;
        let together = points.div_ceil(POINTS).max(1);
        let interval = f64::from(timeline.interval.max(1));
        let mut pieces = Vec::new();
        let busy = timeline.points.get(..points).unwrap_or_default();
        for (index, points) in busy.chunks(together).enumerate() {
            let mut piece = Piece {
                at: (index * together) as f64 * interval,
                seconds: points.len() as f64 * interval,
                intended: 0,
                accepted: 0,
                not_accepted: 0,
                connections: 0,
                outstanding: 0,
                latency: Histogram::new(2),
            };
            for point in points {
                piece.intended = piece.intended.saturating_add(point.intended);
                piece.accepted = piece.accepted.saturating_add(point.accepted);
                for missed in [point.refused, point.deferred, point.failed] {
                    piece.not_accepted = piece.not_accepted.saturating_add(missed);
                }
                piece.connections = piece.connections.max(point.connections);
                piece.outstanding = piece.outstanding.max(point.outstanding);
                piece.latency.add(&point.latency);
            }
            pieces.push(piece);
        }
        let length = busy.len() as f64 * interval;
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
                (piece.at / self.unit.seconds, value)
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
                (piece.at / self.unit.seconds, Some(value))
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
        let level = |number: fn(&Piece) -> u64| {
            let points = self.pieces.iter();
            let points = points.map(|piece| {
                let value = number(piece) as f64;
                (piece.at / self.unit.seconds, Some(value))
            });
            points.collect::<Vec<_>>()
        };
        let lines = vec![
            line("connections", level(|piece| piece.connections)),
            line("due and unanswered", level(|piece| piece.outstanding)),
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
                count(piece.connections),
                count(piece.outstanding),
            ]);
        }
        table
    }

    fn time(&self) -> Axis {
        let last = self.pieces.last();
        let end = last.map_or(1.0, |piece| piece.at.max(piece.seconds));
        let label = format!("{} since the run began", self.unit.name);
        Axis::new(&label, Scale::linear(end / self.unit.seconds), tick)
    }

    fn shaded(&self) -> Option<(f64, f64, &'static str)> {
        (self.warm_up > 0.0).then(|| (0.0, self.warm_up / self.unit.seconds, "warm-up"))
    }
}

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
