//! Starts the workers, gathers what they report, and makes the result of it.

mod outcome;
mod view;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use super::{Prepared, RunError, Signal};
use crate::mix::{Mixer, Sessions};
use crate::pace::{Profile, duration};
use crate::plan::{Length, Pace, Plan};
use crate::record::{Gauges, Interval, Recorder};
use crate::result::{Histogram, Live, Outcome, Phase, ReplyClasses, Stage, Timeline, Totals};
use crate::timer::processor_time;
use crate::verify::Journal;
use crate::worker::{self, Report, Shared};

pub(super) use view::nothing_yet;

/// How a run is ended from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends {
    /// Nothing new is begun.
    pub(crate) stop: Signal,
    /// What is under way is given up.
    pub(crate) give_up: Signal,
}

/// Runs a plan once; `stage` is what a view shows instead of the plan's own stages.
pub(super) fn measure(
    prepared: &Arc<Prepared>,
    plan: Plan,
    ends: &Ends,
    live: &watch::Sender<Arc<Live>>,
    stage: Option<Stage>,
) -> Result<Outcome, RunError> {
    let journal = plan.check.as_ref().map(Journal::open).transpose()?;
    let started = jiff::Timestamp::now();
    let shared = Arc::new(shared(prepared, plan));
    let (sender, reports) = mpsc::channel(WAITING_REPORTS);
    let mut threads = Vec::new();
    for index in 0..shared.workers {
        let (own, reports) = (Arc::clone(&shared), sender.clone());
        let spawned = std::thread::Builder::new()
            .name(format!("load-{index}"))
            .spawn(move || worker::work(own, index, reports));
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                shared.over.cancel();
                shared.abort.cancel();
                return Err(RunError::Thread(error));
            }
        }
    }
    drop(sender);
    let mut gathered = Gathered::new(&shared, stage);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(RunError::Thread)?;
    runtime.block_on(gathered.all(&shared, ends, reports, live));
    for thread in threads {
        thread.join().map_err(|_| RunError::Panicked)?;
    }
    let mut outcome = gathered.outcome(&shared, started);
    if let Some(journal) = journal {
        gathered.shown.stage = Stage::Check;
        gathered.publish(&shared, live);
        let recorder = &gathered.recorder;
        let settled = &ends.give_up;
        let found = journal.verify(prepared, shared.run, recorder, settled);
        outcome.correctness = Some(runtime.block_on(found)?);
    }
    Ok(outcome)
}

/// How many threads send: as the plan says, or one for each processor. Each of an open loop has a
/// connection and a message at least.
fn workers(plan: &Plan) -> u32 {
    let workers = match plan.workers {
        0 => std::thread::available_parallelism().map_or(1, |count| {
            u32::try_from(count.get())
                .unwrap_or(u32::MAX)
                .min(MOST_WORKERS)
        }),
        workers => workers,
    };
    match plan.pace {
        Pace::Closed { .. } => workers,
        Pace::Open {
            connections,
            outstanding,
            ..
        } => {
            let most = plan.shard.part(connections.min(outstanding));
            u32::try_from(most).map_or(workers, |most| workers.min(most))
        }
    }
}

fn shared(prepared: &Arc<Prepared>, plan: Plan) -> Shared {
    let workers = workers(&plan);
    let mixer = Mixer::new(&plan, &prepared.roster.tenants);
    let sessions = Mutex::new(Sessions::new(&mixer, plan.shard));
    let planned = match plan.length {
        Length::Seconds(_) => None,
        Length::Messages(messages) => Some(part(messages, plan.shard.index, plan.shard.count)),
    };
    let over = Signal::new();
    if planned == Some(0) {
        over.cancel();
    }
    Shared {
        profile: Profile::new(&plan),
        roster: Arc::clone(&prepared.roster),
        mixer,
        sessions,
        contents: Arc::clone(&prepared.contents),
        sender: prepared.sender.clone(),
        recipient: prepared.recipient.clone(),
        addresses: prepared.addresses.clone(),
        host: prepared.host.clone(),
        tls: Arc::clone(&prepared.tls),
        // Not from the seed: runs with one seed send the same, and are told apart.
        run: fastrand::u32(..),
        start: Instant::now() + HEAD_START,
        workers: workers.max(1),
        numbers: AtomicU64::new(0),
        quota: planned.map(AtomicU64::new),
        planned,
        over,
        abort: Signal::new(),
        plan,
    }
}

/// The `index`-th of `count` parts of a number, from 1; the first ones take what does not go up.
pub(crate) fn part(number: u64, index: u32, count: u32) -> u64 {
    let count = u64::from(count.max(1));
    number / count + u64::from(u64::from(index) <= number % count)
}

/// What the workers reported so far.
struct Gathered {
    recorder: Recorder,
    timeline: Timeline,
    latest: Vec<Latest>,
    recent: Vec<(Phase, Histogram)>,
    sent_by_tenant: Vec<u64>,
    shown: Shown,
    /// When nothing new was begun any more.
    over_at: Duration,
    /// Whether that was before the plan said so.
    interrupted: bool,
    last: Duration,
    cpu: (Duration, Duration),
}

/// One worker's last report.
#[derive(Debug, Clone, Copy, Default)]
struct Latest {
    gauges: Gauges,
    totals: Totals,
    classes: ReplyClasses,
}

/// What a view was told.
struct Shown {
    stage: Stage,
    fixed: bool,
    accepted: u64,
    at: Duration,
    problem: Option<String>,
    /// Reports since then.
    reports: u32,
}

impl Gathered {
    fn new(shared: &Shared, stage: Option<Stage>) -> Self {
        let tenants = shared.roster.tenants.len();
        let looked_for = shared.plan.check.is_some();
        Self {
            recorder: Recorder::new(tenants, shared.profile.steps.len(), looked_for),
            timeline: Timeline::new(shared.profile.measured_from),
            latest: vec![Latest::default(); shared.workers as usize],
            recent: Vec::new(),
            sent_by_tenant: vec![0; tenants + 1],
            shown: Shown {
                stage: stage.unwrap_or(Stage::WarmUp),
                fixed: stage.is_some(),
                accepted: 0,
                at: Duration::ZERO,
                problem: None,
                reports: 0,
            },
            over_at: Duration::ZERO,
            interrupted: false,
            last: Duration::ZERO,
            cpu: (Duration::ZERO, Duration::ZERO),
        }
    }

    /// Takes reports until all workers have ended.
    async fn all(
        &mut self,
        shared: &Shared,
        ends: &Ends,
        mut reports: mpsc::Receiver<Report>,
        live: &watch::Sender<Arc<Live>>,
    ) {
        let begins = shared.start + duration(shared.profile.measured_from);
        let far = shared.start + FAR;
        let time_is_over = shared
            .profile
            .ends
            .map_or(far, |ends| shared.start + duration(ends));
        let (mut measuring, mut over) = (false, false);
        loop {
            // Each arm that loses starts anew with nothing lost: moments and signals stay.
            tokio::select! {
                report = reports.recv() => match report {
                    None => break,
                    Some(report) => self.report(report, shared, live),
                },
                () = sleep_until(begins.into()), if !measuring => {
                    measuring = true;
                    self.cpu.0 = processor_time();
                }
                () = sleep_until(time_is_over.into()), if !over => shared.over.cancel(),
                () = ends.stop.cancelled(), if !over => {
                    self.interrupted |= !shared.over.is_cancelled();
                    shared.over.cancel();
                }
                () = ends.give_up.cancelled(), if !shared.abort.is_cancelled() => {
                    self.interrupted |= !shared.over.is_cancelled();
                    shared.over.cancel();
                    shared.abort.cancel();
                }
                () = shared.over.cancelled(), if !over => {
                    over = true;
                    self.over_at = shared.start.elapsed();
                    self.cpu.1 = processor_time();
                }
            }
        }
        if !over {
            self.over_at = shared.start.elapsed();
        }
        if matches!(shared.plan.length, Length::Messages(_)) || !over {
            self.cpu.1 = processor_time();
        }
        if !measuring {
            self.cpu.0 = self.cpu.1;
        }
        self.publish(shared, live);
    }

    fn report(&mut self, report: Report, shared: &Shared, live: &watch::Sender<Arc<Live>>) {
        match report {
            Report::Interval { worker, interval } => {
                self.interval(worker, *interval);
                self.shown.reports += 1;
                if self.shown.reports >= shared.workers {
                    self.shown.reports = 0;
                    self.publish(shared, live);
                }
            }
            Report::Final { recorder, last } => {
                self.recorder.add(*recorder);
                self.last = self.last.max(last);
            }
        }
    }

    fn interval(&mut self, worker: u32, interval: Interval) {
        self.timeline.at(interval.second, |point| {
            interval.counts.add_to(point);
            point.connections += interval.gauges.connections;
            point.outstanding += interval.gauges.in_flight + interval.gauges.queued;
            let mut latency = interval.phases.iter();
            if let Some((_, latency)) = latency.find(|(phase, _)| *phase == Phase::Latency) {
                point.latency.add(latency);
            }
        });
        for (tenant, sent) in interval.tenants {
            if let Some(count) = self.sent_by_tenant.get_mut(tenant as usize) {
                *count += u64::from(sent);
            }
        }
        for (phase, histogram) in interval.phases {
            match self.recent.iter_mut().find(|(own, _)| *own == phase) {
                Some((_, own)) => own.add(&histogram),
                None => self.recent.push((phase, histogram)),
            }
        }
        if let Some(latest) = self.latest.get_mut(worker as usize) {
            *latest = Latest {
                gauges: interval.gauges,
                totals: interval.totals,
                classes: interval.classes,
            };
        }
        if interval.problem.is_some() {
            self.shown.problem = interval.problem;
        }
    }
}

/// A tenant's name; the index behind the last stands for nobody.
fn name(shared: &Shared, index: usize) -> Option<String> {
    let tenant = shared.roster.tenants.get(index);
    tenant.map(|tenant| (*tenant.name).to_owned())
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        float(count) / seconds
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is no exact number")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// Time for the threads to come up before anything is due.
const HEAD_START: Duration = Duration::from_millis(50);
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Reports that may wait; workers wait when there are more.
const WAITING_REPORTS: usize = 256;
const MOST_WORKERS: u32 = 64;
