//! What a view shows while a run lasts: small, whole and about one second old.

use std::time::Duration;

use super::{Phase, Totals};

/// The state of a run, made anew every second.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// Since the beginning of the run.
    pub elapsed: Duration,
    /// How long it will last, warm-up and ramps included, when that is known.
    pub planned: Option<Duration>,
    /// How many messages it will send, when that is known.
    pub planned_messages: Option<u64>,
    /// What it is about.
    pub stage: Stage,
    /// Open loop: the rate that is offered at the moment, per second.
    pub offered: Option<f64>,
    /// Messages accepted per second over the last interval.
    pub rate: f64,
    /// Counts so far, without warm-up.
    pub totals: Totals,
    /// Messages that are on a connection.
    pub in_flight: u64,
    /// Open loop: messages that are due and wait for a connection.
    pub queued: u64,
    /// Open connections.
    pub connections: u64,
    /// Phases that happened, with quantiles over the last interval.
    pub phases: Vec<LivePhase>,
    /// How messages were answered so far, warm-up included.
    pub replies: ReplyClasses,
    /// The tenants with most messages so far, at most twenty.
    pub tenants: Vec<TenantShare>,
    /// How many tenants there are.
    pub tenants_total: usize,
    /// The last thing that failed or was refused, in words.
    pub last_problem: Option<String>,
}

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// Nothing is counted yet.
    WarmUp,
    /// The pace changes.
    Ramp,
    /// A step, from 1, of so many.
    Step {
        /// Which one.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// A trial of the search for the highest rate.
    Trial {
        /// Which one, from 1.
        number: usize,
        /// The rate that is tried.
        rate: f64,
    },
    /// Nothing new is begun.
    Drain,
    /// The journal is read.
    Check,
}

/// A phase over the last interval, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivePhase {
    /// Which one.
    pub phase: Phase,
    /// How often it happened.
    pub count: u64,
    /// The median.
    pub p50: u64,
    /// 90 % took no longer.
    pub p90: u64,
    /// 99 % took no longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// How messages were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyClasses {
    /// 2yz to the content.
    pub accepted: u64,
    /// 4yz somewhere.
    pub deferred: u64,
    /// 5yz somewhere.
    pub refused: u64,
    /// No reply.
    pub failed: u64,
}

impl ReplyClasses {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.deferred += other.deferred;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

/// A tenant's part of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantShare {
    /// Its name; absent for what must become nobody's.
    pub name: Option<String>,
    /// Messages so far.
    pub sent: u64,
    /// Its part of all messages, 0 to 1.
    pub share: f64,
}
