//! What one worker saw, counted without locks and given away once a second.

use std::collections::HashMap;
use std::time::Duration;

use tenantry_smtp::{EnhancedCode, Reply, Severity};

use crate::client::{Ended, Fault, Timings};
use crate::result::{At, ErrorRow, Histogram, Phase, Point, ReplyClasses, ReplyRow, Totals};

/// Everything about one worker's messages.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) phases: Vec<Histogram>,
    pub(crate) lateness: Histogram,
    pub(crate) totals: Totals,
    pub(crate) classes: ReplyClasses,
    /// What came of each tenant's messages; the last one stands for nobody.
    pub(crate) tenants: Vec<TenantTally>,
    pub(crate) steps: Vec<StepTally>,
    pub(crate) replies: HashMap<(At, u16, Option<EnhancedCode>), (u64, String)>,
    pub(crate) errors: HashMap<&'static str, (u64, String)>,
    /// Numbers of accepted messages, when they will be looked for.
    pub(crate) accepted: Option<Numbers>,
    pub(crate) gauges: Gauges,
    recent: Vec<Histogram>,
    point: Counts,
    tenants_recent: HashMap<u32, u32>,
    problem: Option<String>,
}

/// What came of one tenant's messages.
#[derive(Debug, Clone)]
pub(crate) struct TenantTally {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) deferred: u64,
    pub(crate) failed: u64,
    pub(crate) octets: u64,
    pub(crate) latency: Histogram,
    /// Accepted, warm-up included: what a journal has to have.
    pub(crate) expected: u64,
}

/// What came of one step.
#[derive(Debug, Clone)]
pub(crate) struct StepTally {
    pub(crate) intended: u64,
    pub(crate) accepted: u64,
    pub(crate) latency: Histogram,
}

/// How much there is of what comes and goes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauges {
    pub(crate) connections: u64,
    pub(crate) in_flight: u64,
    pub(crate) queued: u64,
}

/// What happened since the last report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) intended: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) deferred: u64,
    pub(crate) failed: u64,
    pub(crate) octets: u64,
}

/// A message under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) number: u64,
    /// Index among the tallies.
    pub(crate) tenant: usize,
    /// It counts: the warm-up is over.
    pub(crate) measured: bool,
    pub(crate) step: Option<usize>,
}

/// One second of one worker.
#[derive(Debug)]
pub(crate) struct Interval {
    pub(crate) second: u64,
    pub(crate) counts: Counts,
    /// Phases that happened.
    pub(crate) phases: Vec<(Phase, Histogram)>,
    /// Messages per tenant.
    pub(crate) tenants: Vec<(u32, u32)>,
    pub(crate) gauges: Gauges,
    pub(crate) totals: Totals,
    pub(crate) classes: ReplyClasses,
    pub(crate) problem: Option<String>,
}

/// A set of numbers, dense from 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers(Vec<u64>);

impl Gauges {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.in_flight += other.in_flight;
        self.queued += other.queued;
    }
}

impl Recorder {
    pub(crate) fn new(tenants: usize, steps: usize, looked_for: bool) -> Self {
        let histograms = |digits| vec![Histogram::new(digits); Phase::ALL.len()];
        let tally = TenantTally {
            sent: 0,
            accepted: 0,
            refused: 0,
            deferred: 0,
            failed: 0,
            octets: 0,
            latency: Histogram::new(1),
            expected: 0,
        };
        let step = StepTally {
            intended: 0,
            accepted: 0,
            latency: Histogram::new(3),
        };
        Self {
            phases: histograms(3),
            lateness: Histogram::new(3),
            totals: Totals::default(),
            classes: ReplyClasses::default(),
            tenants: vec![tally; tenants + 1],
            steps: vec![step; steps],
            replies: HashMap::new(),
            errors: HashMap::new(),
            accepted: looked_for.then(Numbers::default),
            gauges: Gauges::default(),
            recent: histograms(2),
            point: Counts::default(),
            tenants_recent: HashMap::new(),
            problem: None,
        }
    }

    /// A message is due.
    pub(crate) fn due(&mut self, measured: bool, step: Option<usize>) {
        self.point.intended += 1;
        if measured {
            self.totals.intended += 1;
        } else {
            self.totals.warm_up += 1;
        }
        if let Some(step) = step.and_then(|step| self.steps.get_mut(step)) {
            step.intended += 1;
        }
    }

    /// A message is due that cannot be sent.
    pub(crate) fn overflowed(&mut self, measured: bool) {
        self.point.failed += 1;
        self.totals.overflowed += u64::from(measured);
    }

    /// A message was due, and never begun.
    pub(crate) fn unsent(&mut self, measured: bool) {
        self.point.failed += 1;
        self.totals.unsent += u64::from(measured);
    }

    /// A message was begun.
    pub(crate) fn begun(&mut self, message: Begun) {
        self.gauges.in_flight += 1;
        self.outstanding();
        self.totals.sent += u64::from(message.measured);
        let index = u32::try_from(message.tenant).unwrap_or(u32::MAX);
        *self.tenants_recent.entry(index).or_default() += 1;
        if let Some(tally) = self
            .tenants
            .get_mut(message.tenant)
            .filter(|_| message.measured)
        {
            tally.sent += 1;
        }
    }

    /// A message waits for a connection.
    pub(crate) fn queued(&mut self) {
        self.gauges.queued += 1;
        self.outstanding();
    }

    fn outstanding(&mut self) {
        let outstanding = self.gauges.in_flight + self.gauges.queued;
        self.totals.outstanding_peak = self.totals.outstanding_peak.max(outstanding);
    }

    /// The phases of a connection or a message.
    pub(crate) fn phases(&mut self, timings: &mut Timings, measured: bool) {
        for (phase, took) in timings.0.drain(..) {
            self.phase(phase, took, measured);
        }
    }

    pub(crate) fn phase(&mut self, phase: Phase, took: Duration, measured: bool) {
        let took = microseconds(took);
        let index = phase as usize;
        if let Some(recent) = self.recent.get_mut(index) {
            recent.record(took);
        }
        if let Some(whole) = self.phases.get_mut(index).filter(|_| measured) {
            whole.record(took);
        }
    }

    /// A message has ended, so long after it was due.
    pub(crate) fn ended(&mut self, message: Begun, ended: &Ended, took: Duration, octets: u64) {
        self.gauges.in_flight = self.gauges.in_flight.saturating_sub(1);
        match ended {
            Ended::Accepted { recipients, reply } => {
                self.accepted(message, took, octets, *recipients);
                if message.measured {
                    self.count(At::Content, reply);
                }
            }
            Ended::Reply(at, reply) => {
                self.phase(Phase::Refused, took, message.measured);
                self.replied(message, *at, reply);
            }
            Ended::Failed(fault) => {
                self.classes.failed += 1;
                self.point.failed += 1;
                if message.measured {
                    self.totals.failed += 1;
                    self.tally(message, |tally| tally.failed += 1);
                }
                self.fault(fault);
            }
        }
    }

    fn accepted(&mut self, message: Begun, took: Duration, octets: u64, recipients: u32) {
        self.phase(Phase::Latency, took, message.measured);
        self.classes.accepted += 1;
        self.point.accepted += 1;
        self.point.octets += octets;
        self.tally(message, |tally| tally.expected += 1);
        if let Some(numbers) = &mut self.accepted {
            numbers.insert(message.number);
        }
        if !message.measured {
            return;
        }
        self.totals.accepted += 1;
        self.totals.octets += octets;
        self.totals.recipients += u64::from(recipients);
        let took = microseconds(took);
        self.tally(message, |tally| {
            tally.accepted += 1;
            tally.octets += octets;
            tally.latency.record(took);
        });
        if let Some(step) = message.step.and_then(|step| self.steps.get_mut(step)) {
            step.accepted += 1;
            step.latency.record(took);
        }
    }

    fn replied(&mut self, message: Begun, at: At, reply: &Reply) {
        let measured = u64::from(message.measured);
        if reply.severity() == Severity::Transient {
            self.classes.deferred += 1;
            self.point.deferred += 1;
            self.totals.deferred += measured;
            self.tally(message, |tally| tally.deferred += measured);
        } else {
            self.classes.refused += 1;
            self.point.refused += 1;
            self.totals.refused += measured;
            self.tally(message, |tally| tally.refused += measured);
        }
        self.reply(at, reply);
    }

    /// A reply that refused something, in the table and as the last problem.
    pub(crate) fn reply(&mut self, at: At, reply: &Reply) {
        if self.problem.is_none() {
            self.problem = Some(format!("{}: {reply}", at.as_str()));
        }
        self.count(at, reply);
    }

    fn count(&mut self, at: At, reply: &Reply) {
        let mut key = (at, reply.code(), reply.enhanced());
        if self.replies.len() >= MOST_KINDS && !self.replies.contains_key(&key) {
            key = (at, 0, None);
        }
        let first = || (0, reply.text().chars().take(200).collect());
        self.replies.entry(key).or_insert_with(first).0 += 1;
    }

    /// A failure without reply.
    pub(crate) fn fault(&mut self, fault: &Fault) {
        if self.problem.is_none() {
            self.problem = Some(fault.text.clone());
        }
        let text = || (0, fault.text.clone());
        self.errors
            .entry(fault.kind.as_str())
            .or_insert_with(text)
            .0 += 1;
    }

    /// What happened since the last time.
    pub(crate) fn interval(&mut self, second: u64) -> Interval {
        let mut phases = Vec::new();
        for (phase, recent) in Phase::ALL.into_iter().zip(&mut self.recent) {
            if !recent.is_empty() {
                phases.push((phase, std::mem::replace(recent, Histogram::new(2))));
            }
        }
        Interval {
            second,
            counts: std::mem::take(&mut self.point),
            phases,
            tenants: self.tenants_recent.drain().collect(),
            gauges: self.gauges,
            totals: self.totals,
            classes: self.classes,
            problem: self.problem.take(),
        }
    }

    fn tally(&mut self, message: Begun, change: impl FnOnce(&mut TenantTally)) {
        if let Some(tally) = self.tenants.get_mut(message.tenant) {
            change(tally);
        }
    }

    /// Adds what another worker saw.
    pub(crate) fn add(&mut self, other: Self) {
        for (own, other) in self.phases.iter_mut().zip(&other.phases) {
            own.add(other);
        }
        self.lateness.add(&other.lateness);
        self.totals.add(&other.totals);
        for (own, other) in self.tenants.iter_mut().zip(&other.tenants) {
            own.sent += other.sent;
            own.accepted += other.accepted;
            own.refused += other.refused;
            own.deferred += other.deferred;
            own.failed += other.failed;
            own.octets += other.octets;
            own.expected += other.expected;
            own.latency.add(&other.latency);
        }
        for (own, other) in self.steps.iter_mut().zip(&other.steps) {
            own.intended += other.intended;
            own.accepted += other.accepted;
            own.latency.add(&other.latency);
        }
        for (key, (count, text)) in other.replies {
            self.replies.entry(key).or_insert((0, text)).0 += count;
        }
        for (key, (count, text)) in other.errors {
            self.errors.entry(key).or_insert((0, text)).0 += count;
        }
        if let (Some(own), Some(other)) = (&mut self.accepted, other.accepted) {
            own.add(&other);
        }
    }

    /// The replies as rows, the most frequent first.
    pub(crate) fn reply_rows(&self) -> Vec<ReplyRow> {
        let rows = self
            .replies
            .iter()
            .map(|((at, code, enhanced), (count, text))| ReplyRow {
                at: *at,
                code: *code,
                enhanced: enhanced.map(|code| code.to_string()),
                count: *count,
                text: text.clone(),
            });
        let mut rows: Vec<ReplyRow> = rows.collect();
        rows.sort_by(|a, b| (b.count, a.at, a.code).cmp(&(a.count, b.at, b.code)));
        rows
    }

    /// The failures as rows.
    pub(crate) fn error_rows(&self) -> Vec<ErrorRow> {
        let rows = self.errors.iter().map(|(kind, (count, text))| ErrorRow {
            kind: (*kind).to_owned(),
            count: *count,
            text: text.clone(),
        });
        let mut rows: Vec<ErrorRow> = rows.collect();
        rows.sort_by(|a, b| (b.count, &a.kind).cmp(&(a.count, &b.kind)));
        rows
    }
}

impl Counts {
    pub(crate) fn add_to(self, point: &mut Point) {
        point.intended += self.intended;
        point.accepted += self.accepted;
        point.refused += self.refused;
        point.deferred += self.deferred;
        point.failed += self.failed;
        point.octets += self.octets;
    }
}

impl Numbers {
    pub(crate) fn insert(&mut self, number: u64) {
        let Ok(word) = usize::try_from(number / 64) else {
            return;
        };
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (number % 64);
        }
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok();
        let bits = word.and_then(|word| self.0.get(word)).copied().unwrap_or(0);
        bits >> (number % 64) & 1 == 1
    }

    fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own |= other;
        }
    }
}

fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// Kinds of replies that are kept apart.
const MOST_KINDS: usize = 200;
