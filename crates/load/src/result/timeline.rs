//! What happened when: one point for each second, or for several where a run is long.

use serde::{Deserialize, Serialize};

use super::Histogram;

/// The points of a run in their order, without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// Seconds of one point: 1, and twice as much whenever there would be more than an hour's
    /// worth of points.
    pub interval: u32,
    /// When the warm-up was over, in seconds since the run began.
    pub measured_from: f64,
    /// The points, warm-up included.
    pub points: Vec<Point>,
}

/// What happened in one interval, by the time of the last reply; of what is due, by when it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When it begins, in seconds since the run did.
    pub at: f64,
    /// Messages that were due; in a closed loop, that were begun.
    pub intended: u64,
    /// Accepted.
    pub accepted: u64,
    /// Refused for good.
    pub refused: u64,
    /// Refused for now.
    pub deferred: u64,
    /// Not answered, or not sent.
    pub failed: u64,
    /// Octets of content of accepted messages.
    pub octets: u64,
    /// Open connections at its end.
    pub connections: u64,
    /// Messages that were due and not answered at its end.
    pub outstanding: u64,
    /// The latency of accepted messages, in microseconds, to two digits.
    pub latency: Histogram,
}

impl Timeline {
    /// One without points.
    #[must_use]
    pub const fn new(measured_from: f64) -> Self {
        Self {
            interval: 1,
            measured_from,
            points: Vec::new(),
        }
    }

    /// Changes the point of a second since the run began; points up to it come into being.
    pub(crate) fn at(&mut self, second: u64, change: impl FnOnce(&mut Point)) {
        while self.index(second) >= MOST_POINTS {
            self.coarsen();
        }
        let index = self.index(second);
        while self.points.len() <= index {
            let begins = self.points.len() as u64 * u64::from(self.interval);
            self.points.push(Point::new(begins));
        }
        if let Some(point) = self.points.get_mut(index) {
            change(point);
        }
    }

    /// Makes points twice as wide.
    pub(crate) fn coarsen(&mut self) {
        self.interval = self.interval.saturating_mul(2);
        let mut old = std::mem::take(&mut self.points).into_iter();
        while let Some(mut point) = old.next() {
            if let Some(next) = old.next() {
                point.add(&next);
                point.connections = next.connections;
                point.outstanding = next.outstanding;
            }
            self.points.push(point);
        }
    }

    fn index(&self, second: u64) -> usize {
        usize::try_from(second / u64::from(self.interval.max(1))).unwrap_or(usize::MAX)
    }
}

impl Point {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a run are few")]
    fn new(begins: u64) -> Self {
        Self {
            at: begins as f64,
            intended: 0,
            accepted: 0,
            refused: 0,
            deferred: 0,
            failed: 0,
            octets: 0,
            connections: 0,
            outstanding: 0,
            latency: Histogram::new(2),
        }
    }

    /// Adds what happened at the same time elsewhere; levels are added like counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.intended += other.intended;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.deferred += other.deferred;
        self.failed += other.failed;
        self.octets += other.octets;
        self.connections += other.connections;
        self.outstanding += other.outstanding;
        self.latency.add(&other.latency);
    }
}

const MOST_POINTS: usize = 3_600;
