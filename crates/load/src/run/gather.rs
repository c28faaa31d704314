//! Starts the workers, gathers what they report, and makes the result of it.

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
use crate::result::{
    FORMAT, Generator, Histogram, Live, LivePhase, Machine, Outcome, Phase, PhaseRow, ReplyClasses,
    Stage, Step, TenantRow, TenantShare, Timeline, Totals, share,
};
use crate::timer::processor_time;
use crate::verify::Journal;
use crate::worker::{self, Report, Shared};

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

fn shared(prepared: &Arc<Prepared>, plan: Plan) -> Shared {
    let workers = match plan.workers {
        0 => std::thread::available_parallelism().map_or(1, |count| {
            u32::try_from(count.get())
                .unwrap_or(u32::MAX)
                .min(MOST_WORKERS)
        }),
        workers => workers,
    };
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
            },
            over_at: Duration::ZERO,
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
        let mut since_publishing = 0;
        loop {
            // Each arm that loses starts anew with nothing lost: moments and signals stay.
            tokio::select! {
                report = reports.recv() => match report {
                    None => break,
                    Some(Report::Interval { worker, interval }) => {
                        self.interval(worker, *interval);
                        since_publishing += 1;
                        if since_publishing >= shared.workers {
                            since_publishing = 0;
                            self.publish(shared, live);
                        }
                    }
                    Some(Report::Final { recorder, last }) => {
                        self.recorder.add(*recorder);
                        self.last = self.last.max(last);
                    }
                },
                () = sleep_until(begins.into()), if !measuring => {
                    measuring = true;
                    self.cpu.0 = processor_time();
                }
                () = sleep_until(time_is_over.into()), if !over => shared.over.cancel(),
                () = ends.stop.cancelled(), if !over => shared.over.cancel(),
                () = ends.give_up.cancelled(), if !shared.abort.is_cancelled() => {
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

    /// Tells a view, if there is one.
    fn publish(&mut self, shared: &Shared, live: &watch::Sender<Arc<Live>>) {
        let elapsed = shared.start.elapsed();
        let mut recent = std::mem::take(&mut self.recent);
        recent.sort_by_key(|(phase, _)| *phase);
        let mut totals = Totals::default();
        let mut classes = ReplyClasses::default();
        let mut gauges = Gauges::default();
        for latest in &self.latest {
            totals.add(&latest.totals);
            classes.accepted += latest.classes.accepted;
            classes.deferred += latest.classes.deferred;
            classes.refused += latest.classes.refused;
            classes.failed += latest.classes.failed;
            gauges.connections += latest.gauges.connections;
            gauges.in_flight += latest.gauges.in_flight;
            gauges.queued += latest.gauges.queued;
        }
        let moment = elapsed.as_secs_f64();
        let measured = moment.min(shared.profile.ends.unwrap_or(moment));
        totals.seconds = (measured - shared.profile.measured_from).max(0.0);
        totals.rate = per_second(totals.accepted, totals.seconds);
        let span = elapsed.saturating_sub(self.shown.at).as_secs_f64();
        let rate = per_second(classes.accepted.saturating_sub(self.shown.accepted), span);
        self.shown.accepted = classes.accepted;
        self.shown.at = elapsed;
        let view = Live {
            elapsed,
            planned: shared.profile.ends.map(duration),
            planned_messages: match shared.plan.length {
                Length::Messages(messages) => Some(messages),
                Length::Seconds(_) => None,
            },
            stage: self.stage(shared, moment),
            offered: match shared.plan.pace {
                Pace::Open { .. } => {
                    let part = f64::from(shared.plan.shard.count);
                    Some(shared.profile.at(moment) / part)
                }
                Pace::Closed { .. } => None,
            },
            rate,
            totals,
            in_flight: gauges.in_flight,
            queued: gauges.queued,
            connections: gauges.connections,
            phases: recent
                .iter()
                .map(|(phase, seen)| live_phase(*phase, seen))
                .collect(),
            replies: classes,
            tenants: self.shares(shared),
            tenants_total: shared.roster.tenants.len(),
            last_problem: self.shown.problem.clone(),
        };
        live.send_replace(Arc::new(view));
    }

    fn stage(&self, shared: &Shared, moment: f64) -> Stage {
        if self.shown.fixed || self.shown.stage == Stage::Check {
            return self.shown.stage;
        }
        if shared.over.is_cancelled() {
            return Stage::Drain;
        }
        let ramp = shared.plan.ramp.as_secs_f64();
        if moment < shared.profile.measured_from {
            return if moment < ramp {
                Stage::Ramp
            } else {
                Stage::WarmUp
            };
        }
        let of = shared.profile.steps.len();
        match shared.profile.step_at(moment) {
            Some(step) => Stage::Step {
                number: step + 1,
                of,
            },
            None => Stage::Ramp,
        }
    }

    fn shares(&self, shared: &Shared) -> Vec<TenantShare> {
        let all: u64 = self.sent_by_tenant.iter().sum();
        let sent = self.sent_by_tenant.iter().copied().enumerate();
        let mut most: Vec<(usize, u64)> = sent.filter(|(_, sent)| *sent > 0).collect();
        most.sort_by_key(|(index, sent)| (std::cmp::Reverse(*sent), *index));
        let shown = most.into_iter().take(MOST_SHOWN);
        shown
            .map(|(index, sent)| TenantShare {
                name: name(shared, index),
                sent,
                share: share(sent, all),
            })
            .collect()
    }

    fn outcome(&self, shared: &Shared, started: jiff::Timestamp) -> Outcome {
        let recorder = &self.recorder;
        let from = shared.profile.measured_from;
        let until = match shared.plan.length {
            Length::Messages(_) => self.last.as_secs_f64(),
            Length::Seconds(_) => {
                let over = self.over_at.as_secs_f64();
                over.min(shared.profile.ends.unwrap_or(over))
            }
        };
        let mut totals = recorder.totals;
        totals.seconds = (until - from).max(0.0);
        totals.rate = per_second(totals.accepted, totals.seconds);
        let phases = Phase::ALL.into_iter().zip(&recorder.phases);
        let started = started.to_string();
        let run = format!("{:08x}", shared.run);
        let mut outcome = Outcome {
            format: FORMAT,
            program: format!("tenantry {}", env!("CARGO_PKG_VERSION")),
            run: run.clone(),
            started: started.clone(),
            generators: vec![self.generator(shared, &totals, run, started)],
            totals,
            phases: phases
                .filter(|(_, histogram)| !histogram.is_empty())
                .map(|(phase, histogram)| PhaseRow {
                    phase,
                    histogram: histogram.clone(),
                })
                .collect(),
            timeline: self.timeline.clone(),
            steps: self.steps(shared, until),
            knee: None,
            replies: recorder.reply_rows(),
            errors: recorder.error_rows(),
            tenants: self.tenants(shared),
            correctness: None,
            plan: shared.plan.clone(),
            notes: Vec::new(),
        };
        outcome.notes = outcome.remarks();
        outcome
    }

    fn generator(
        &self,
        shared: &Shared,
        totals: &Totals,
        run: String,
        started: String,
    ) -> Generator {
        let cpu = self.cpu.1.saturating_sub(self.cpu.0).as_secs_f64();
        let answered = totals.accepted + totals.refused + totals.deferred;
        Generator {
            shard: shared.plan.shard,
            run,
            started,
            machine: Machine::here(),
            workers: shared.workers,
            cpu_seconds: cpu,
            cpu_us_per_message: if answered == 0 {
                0.0
            } else {
                cpu * 1e6 / float(answered)
            },
            peak_memory_kib: crate::result::peak_memory_kib(),
            lateness: self.recorder.lateness.clone(),
        }
    }

    fn steps(&self, shared: &Shared, until: f64) -> Vec<Step> {
        let part = f64::from(shared.plan.shard.count);
        let spans = shared.profile.steps.iter().zip(&self.recorder.steps);
        let begun = spans.filter(|(span, _)| span.begins < until);
        begun
            .map(|(span, tally)| {
                let seconds = span.ends.min(until) - span.begins;
                Step {
                    pace: span.pace / part,
                    begins: span.begins,
                    seconds,
                    intended: tally.intended,
                    accepted: tally.accepted,
                    not_accepted: tally.intended.saturating_sub(tally.accepted),
                    rate: per_second(tally.accepted, seconds),
                    latency: tally.latency.clone(),
                }
            })
            .collect()
    }

    fn tenants(&self, shared: &Shared) -> Vec<TenantRow> {
        let planned = shared.mixer.planned();
        let tallies = self.recorder.tenants.iter().enumerate();
        let seen =
            tallies.filter(|(index, tally)| *index < shared.roster.tenants.len() || tally.sent > 0);
        seen.map(|(index, tally)| TenantRow {
            name: name(shared, index),
            planned: planned.get(index).copied(),
            sent: tally.sent,
            accepted: tally.accepted,
            refused: tally.refused,
            deferred: tally.deferred,
            failed: tally.failed,
            octets: tally.octets,
            latency: tally.latency.clone(),
        })
        .collect()
    }
}

/// What a view is told before there is anything to tell.
pub(super) fn nothing_yet() -> Live {
    Live {
        elapsed: Duration::ZERO,
        planned: None,
        planned_messages: None,
        stage: Stage::WarmUp,
        offered: None,
        rate: 0.0,
        totals: Totals::default(),
        in_flight: 0,
        queued: 0,
        connections: 0,
        phases: Vec::new(),
        replies: ReplyClasses::default(),
        tenants: Vec::new(),
        tenants_total: 0,
        last_problem: None,
    }
}

fn live_phase(phase: Phase, seen: &Histogram) -> LivePhase {
    LivePhase {
        phase,
        count: seen.count(),
        p50: seen.quantile(0.5),
        p90: seen.quantile(0.9),
        p99: seen.quantile(0.99),
        max: seen.max(),
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
const MOST_SHOWN: usize = 20;
