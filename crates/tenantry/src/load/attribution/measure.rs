//! Timing decisions: many between two looks at the clock, on one thread and on several at once.

use std::hint::black_box;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tenantry_attribution::{Directory, Evidence, SessionEvidence, attribute};
use tenantry_load::result::Histogram;
use thiserror::Error;

use super::evidence::{Message, Messages};

/// How to measure.
#[derive(Debug, Clone)]
pub(super) struct Threads {
    /// Numbers of threads, one measurement each.
    pub(super) numbers: Vec<u16>,
    /// How long each lasts.
    pub(super) seconds: f64,
    /// Decisions between two looks at the clock.
    pub(super) batch: u32,
}

/// What is worked out for each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Work {
    /// Everything, certificate names and peers included: a new connection for each message.
    Session,
    /// The envelope alone: a lasting connection.
    Transaction,
}

/// One measurement.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    /// What was done for each message.
    pub(super) work: Work,
    /// Threads at once.
    pub(super) threads: u16,
    /// How long it lasted.
    pub(super) seconds: f64,
    /// Decisions of all threads.
    pub(super) decisions: u64,
    /// The same per second.
    pub(super) decisions_per_second: f64,
    /// The mean time of one decision on its thread, in nanoseconds.
    pub(super) mean_ns: f64,
    /// Half of the batches took no longer for a decision.
    pub(super) p50_ns: f64,
    /// 99 % of the batches took no longer for a decision.
    pub(super) p99_ns: f64,
    /// Processor time of one decision, in nanoseconds: what it costs however busy the machine is.
    pub(super) cpu_ns: f64,
    /// Decisions per second against those of the first measurement with fewest threads.
    pub(super) speed_up: f64,
}

/// All measurements.
#[derive(Debug, Serialize)]
pub(super) struct Runs {
    /// What looking at the clock twice takes, in nanoseconds: the least of many.
    pub(super) clock_ns: f64,
    /// The measurements.
    pub(super) measured: Vec<Measured>,
}

/// Why something cannot be measured.
#[derive(Debug, Error)]
pub(super) enum MeasureError {
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A thread ended by a panic.
    #[error("a measuring thread ended by a panic")]
    Panicked,
}

/// The numbers of threads to measure with: those asked for, or 1, 2, 4, ... and all processors.
pub(super) fn numbers(wanted: &[u16]) -> Vec<u16> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let processors = u16::try_from(processors).unwrap_or(u16::MAX).min(512);
    let mut numbers = match wanted {
        [] => {
            let powers = (0..16).map(|power| 1_u16 << power);
            let below = powers.take_while(|number| *number < processors);
            below.chain([processors]).collect()
        }
        wanted => wanted.to_vec(),
    };
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Measures both kinds of work with every number of threads.
pub(super) fn all(
    directory: &Directory,
    messages: &Messages,
    wanted: &Threads,
) -> Result<Runs, MeasureError> {
    let mut measured: Vec<Measured> = Vec::new();
    for work in [Work::Session, Work::Transaction] {
        let mut base = None;
        for threads in &wanted.numbers {
            let mut one = measure(directory, messages, wanted, work, *threads)?;
            let base = *base.get_or_insert(one.decisions_per_second);
            one.speed_up = one.decisions_per_second / base;
            measured.push(one);
        }
    }
    Ok(Runs {
        clock_ns: clock_ns(),
        measured,
    })
}

/// What one thread did.
struct Share {
    decisions: u64,
    busy: Duration,
    cpu: Duration,
    /// Tenths of nanoseconds for a decision, batch by batch.
    batches: Histogram,
}

fn measure(
    directory: &Directory,
    messages: &Messages,
    wanted: &Threads,
    work: Work,
    threads: u16,
) -> Result<Measured, MeasureError> {
    let over = &AtomicBool::new(false);
    let gate = &RwLock::new(());
    let mut elapsed = Duration::ZERO;
    let shares = thread::scope(|scope| {
        let closed = gate.write();
        let (warm, warmed) = sync_channel(usize::from(threads));
        let mut running = Vec::new();
        let step = messages.all.len() / usize::from(threads);
        for index in 0..usize::from(threads) {
            let warm = warm.clone();
            let turn = move || {
                let first = index * step;
                warm_up(directory, &messages.all, first, work);
                // Nobody waits for it when another thread could not be started.
                let _ = warm.send(());
                drop(gate.read());
                run(directory, &messages.all, first, wanted, work, over)
            };
            let started = thread::Builder::new().spawn_scoped(scope, turn);
            // Dropping the gate lets the others run; there is nothing left for them to do.
            running.push(started.inspect_err(|_| over.store(true, Ordering::Relaxed))?);
        }
        drop(warm);
        warmed.iter().take(usize::from(threads)).for_each(drop);
        drop(closed);
        let start = Instant::now();
        let end = Duration::from_secs_f64(wanted.seconds);
        while let Some(left) = end.checked_sub(start.elapsed()) {
            thread::park_timeout(left);
        }
        over.store(true, Ordering::Relaxed);
        let shares = running.into_iter();
        let shares = shares.map(|thread| thread.join().map_err(|_| MeasureError::Panicked));
        let shares = shares.collect::<Result<Vec<Share>, MeasureError>>();
        elapsed = start.elapsed();
        shares
    })?;
    Ok(summed(work, threads, elapsed, &shares))
}

fn run(
    directory: &Directory,
    messages: &[Message],
    first: usize,
    wanted: &Threads,
    work: Work,
    over: &AtomicBool,
) -> Share {
    let mut share = Share {
        decisions: 0,
        busy: Duration::ZERO,
        cpu: Duration::ZERO,
        batches: Histogram::new(3),
    };
    let before = cpu();
    let mut next = messages.iter().cycle().skip(first);
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        for message in next.by_ref().take(wanted.batch as usize) {
            decide(directory, message, work);
        }
        let took = start.elapsed();
        share.busy += took;
        share.decisions += u64::from(wanted.batch);
        let each = took.as_secs_f64() * 1e10 / f64::from(wanted.batch);
        share.batches.record(each.round() as u64);
    }
    share.cpu = cpu().saturating_sub(before);
    share
}

/// Caches and branch predictors see every message before anything counts.
fn warm_up(directory: &Directory, messages: &[Message], first: usize, work: Work) {
    let all = messages.iter().cycle().skip(first);
    for message in all.take(messages.len().min(WARM_UP)) {
        decide(directory, message, work);
    }
}

/// The most messages decided before anything counts.
const WARM_UP: usize = 100_000;

fn decide(directory: &Directory, message: &Message, work: Work) {
    match work {
        Work::Transaction => {
            black_box(attribute(directory, black_box(&message.evidence)));
        }
        Work::Session => {
            let known = &message.evidence;
            let evidence = Evidence {
                session: SessionEvidence::new(
                    directory,
                    black_box(&message.certificate).clone(),
                    known.session.address(),
                    known.session.untrusted_certificate(),
                ),
                sender: known.sender.clone(),
                recipients: known.recipients.clone(),
            };
            black_box(attribute(directory, &evidence));
        }
    }
}

fn summed(work: Work, threads: u16, elapsed: Duration, shares: &[Share]) -> Measured {
    let decisions: u64 = shares.iter().map(|share| share.decisions).sum();
    let busy: Duration = shares.iter().map(|share| share.busy).sum();
    let spent: Duration = shares.iter().map(|share| share.cpu).sum();
    let mut batches = Histogram::new(3);
    shares.iter().for_each(|share| batches.add(&share.batches));
    let number = decisions.max(1) as f64;
    Measured {
        work,
        threads,
        seconds: elapsed.as_secs_f64(),
        decisions,
        decisions_per_second: decisions as f64 / elapsed.as_secs_f64(),
        mean_ns: busy.as_secs_f64() * 1e9 / number,
        p50_ns: batches.quantile(0.5) as f64 / 10.0,
        p99_ns: batches.quantile(0.99) as f64 / 10.0,
        cpu_ns: spent.as_secs_f64() * 1e9 / number,
        speed_up: 1.0,
    }
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// What two looks at the clock take.
fn clock_ns() -> f64 {
    let looks = (0..10_000).map(|_| {
        let start = Instant::now();
        start.elapsed().as_secs_f64() * 1e9
    });
    looks.fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]

    use tenantry_relay::explain::EvidenceLines;

    use super::*;
    use crate::load::attribution::directory::{Synthetic, build};
    use crate::load::attribution::evidence::Made;

    #[test]
    fn both_kinds_of_work_are_measured_with_every_number_of_threads() {
        let made = Made {
            shape: Synthetic {
                tenants: 10,
                names: 3,
                wildcards: 0.0,
            },
            mix: "certificate=1,sender=1".parse().unwrap(),
            zipf: Some(1.0),
            messages: 100,
            recipients: 1,
            seed: 1,
        };
        let (directory, _) = build(made.shape).unwrap();
        let messages = made
            .lines()
            .messages(&directory, EvidenceLines::under(&directory))
            .unwrap();
        let wanted = Threads {
            numbers: vec![1, 3],
            seconds: 0.05,
            batch: 7,
        };
        let runs = all(&directory, &messages, &wanted).unwrap();
        let rows: Vec<(Work, u16)> = runs
            .measured
            .iter()
            .map(|one| (one.work, one.threads))
            .collect();
        let expected = [
            (Work::Session, 1),
            (Work::Session, 3),
            (Work::Transaction, 1),
            (Work::Transaction, 3),
        ];
        assert_eq!(rows, expected);
        for one in &runs.measured {
            assert!(one.decisions > 0 && one.decisions % 7 == 0);
            assert!(one.p50_ns > 0.0 && one.p50_ns <= one.p99_ns);
            assert!(one.mean_ns > 0.0 && one.cpu_ns > 0.0);
        }
        assert!((runs.measured[0].speed_up - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn without_a_wish_every_power_of_two_up_to_all_processors_is_measured() {
        let found = numbers(&[]);
        assert_eq!(found.first(), Some(&1));
        assert!(found.is_sorted_by(|one, other| one < other));
        assert_eq!(numbers(&[4, 1, 4]), [1, 4]);
    }
}
