//! One thread that sends, with a runtime of its own: nothing is shared while messages are under
//! way but a few counters.

mod closed;
mod delivery;
mod open;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tenantry_net::LoadTls;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Fault, FaultKind, Letter, Timings};
use crate::content::Contents;
use crate::identity::Roster;
use crate::mix::{Credential, Draw, Mixer, SessionDraw, Sessions};
use crate::pace::{Profile, duration};
use crate::plan::{Pace, Plan};
use crate::record::{Begun, Interval, Recorder};
use crate::template::Template;

/// What all workers of a run have.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) profile: Profile,
    pub(crate) roster: Arc<Roster>,
    pub(crate) mixer: Mixer,
    pub(crate) sessions: Mutex<Sessions>,
    pub(crate) contents: Arc<Contents>,
    pub(crate) sender: Template,
    pub(crate) recipient: Template,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) host: String,
    pub(crate) tls: Arc<TlsOf>,
    pub(crate) run: u32,
    pub(crate) start: Instant,
    pub(crate) workers: u32,
    /// The next number of a closed loop.
    pub(crate) numbers: AtomicU64,
    /// Messages that are still to be begun, for plans that count them.
    pub(crate) quota: Option<AtomicU64>,
    /// How many those were at first.
    pub(crate) planned: Option<u64>,
    /// Nothing new is begun.
    pub(crate) over: CancellationToken,
    /// What is under way is given up.
    pub(crate) abort: CancellationToken,
}

/// TLS by what is presented.
#[derive(Debug)]
pub(crate) struct TlsOf {
    pub(crate) tenants: Vec<Option<Arc<LoadTls>>>,
    pub(crate) peer: Arc<LoadTls>,
    pub(crate) untrusted: Option<Arc<LoadTls>>,
}

/// What a worker tells.
#[derive(Debug)]
pub(crate) enum Report {
    /// A second has passed.
    Interval {
        /// Whose it is.
        worker: u32,
        /// What happened in it.
        interval: Box<Interval>,
    },
    /// It has ended.
    Final {
        /// What it saw.
        recorder: Box<Recorder>,
        /// When it had its last reply.
        last: Duration,
    },
}

/// One worker.
struct Worker {
    shared: Arc<Shared>,
    index: u32,
    recorder: RefCell<Recorder>,
    resumption: Cell<f64>,
    last: Cell<Duration>,
    doors: Cell<usize>,
    /// Seconds that were reported.
    reported: Cell<u64>,
}

/// A place for a connection, and what is needed to send over it.
#[derive(Default)]
struct Seat {
    client: Option<Client>,
    credential: Option<Credential>,
    used: u64,
    letter: Letter,
    timings: Timings,
    failures: u32,
}

/// Sends until the run is over.
pub(crate) fn work(shared: Arc<Shared>, index: u32, reports: mpsc::Sender<Report>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let plan = &shared.plan;
    let tenants = shared.roster.tenants.len();
    let recorder = Recorder::new(tenants, shared.profile.steps.len(), plan.check.is_some());
    let worker = Rc::new(Worker {
        shared,
        index,
        recorder: RefCell::new(recorder),
        resumption: Cell::new(0.5),
        last: Cell::default(),
        doors: Cell::new(index as usize),
        reported: Cell::default(),
    });
    match runtime {
        Ok(runtime) => {
            let local = LocalSet::new();
            let whole = Rc::clone(&worker).whole(reports.clone());
            local.block_on(&runtime, whole);
            // What was given up is dropped inside its runtime.
            let _inside = runtime.enter();
            drop(local);
        }
        Err(error) => {
            let what = format!("a worker has no runtime: {error}");
            let fault = Fault::new(FaultKind::Unfinished, what);
            worker.recorder.borrow_mut().fault(&fault);
        }
    }
    let recorder = worker.recorder.replace(Recorder::new(0, 0, false));
    // It fails only when nobody wants to know any more.
    let _ = reports.blocking_send(Report::Final {
        recorder: Box::new(recorder),
        last: worker.last.get(),
    });
}

impl Worker {
    async fn whole(self: Rc<Self>, reports: mpsc::Sender<Report>) {
        tokio::time::sleep_until(self.shared.start.into()).await;
        let ticking = tokio::task::spawn_local(Rc::clone(&self).tick(reports.clone()));
        let mut tasks = JoinSet::new();
        let desk = match self.shared.plan.pace {
            Pace::Closed { .. } => {
                self.seats(&mut tasks);
                self.shared.over.cancelled().await;
                None
            }
            Pace::Open { .. } => Some(Rc::clone(&self).arrivals(&mut tasks).await),
        };
        let drain = async {
            let all = async { while tasks.join_next().await.is_some() {} };
            // What is not answered by then is counted below.
            let _ = timeout(self.shared.plan.drain, all).await;
        };
        // Aborting loses nothing but replies that are awaited.
        let _ = self.shared.abort.run_until_cancelled(drain).await;
        if let Some(desk) = desk {
            desk.leftovers(&self);
        }
        self.give_up();
        ticking.abort();
        self.report(&reports).await;
    }

    /// One connection each, until the run is over.
    fn seats(self: &Rc<Self>, tasks: &mut JoinSet<()>) {
        let shard = self.shared.plan.shard;
        let mut local = u64::from(self.index);
        loop {
            let seat = local * u64::from(shard.count) + u64::from(shard.index - 1);
            let level = whole(seat);
            if level >= self.shared.profile.most {
                break;
            }
            tasks.spawn_local(Rc::clone(self).sit(level));
            local += u64::from(self.shared.workers);
        }
        // Nobody sits here: the others have all connections.
        if tasks.is_empty() {
            let over = self.shared.over.clone();
            tasks.spawn_local(async move { over.cancelled().await });
        }
    }

    async fn tick(self: Rc<Self>, reports: mpsc::Sender<Report>) {
        for second in 1_u64.. {
            let at = self.shared.start + Duration::from_secs(second);
            tokio::time::sleep_until(at.into()).await;
            self.report(&reports).await;
        }
    }

    /// Reports the second that began with the last report. The clock does not tell which one that
    /// is: a run that ends with a second ends before or after that is reported.
    async fn report(&self, reports: &mpsc::Sender<Report>) {
        let second = self.reported.get();
        self.reported.set(second + 1);
        let interval = self.recorder.borrow_mut().interval(second);
        // It fails only when nobody wants to know any more.
        let report = Report::Interval {
            worker: self.index,
            interval: Box::new(interval),
        };
        let _ = reports.send(report).await;
    }

    /// Seconds since the run began.
    fn now(&self) -> f64 {
        self.shared.start.elapsed().as_secs_f64()
    }

    fn is_measured(&self, moment: f64) -> bool {
        moment >= self.shared.profile.measured_from
    }

    /// Whether one more measured message may be begun. The last one ends the run.
    fn take_quota(&self) -> bool {
        let Some(quota) = &self.shared.quota else {
            return true;
        };
        let take = |left: u64| left.checked_sub(1);
        match quota.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(left) => {
                if left == 1 {
                    self.shared.over.cancel();
                }
                true
            }
            Err(_) => {
                self.shared.over.cancel();
                false
            }
        }
    }

    fn begun(&self, draw: &Draw, number: u64, moment: f64) -> Begun {
        let nobody = self.shared.roster.tenants.len();
        Begun {
            number,
            tenant: draw.intended.map_or(nobody, |tenant| tenant as usize),
            measured: self.is_measured(moment),
            step: self.shared.profile.step_at(moment),
        }
    }

    /// After a failure: longer and longer, so that a target that is away is not flooded.
    async fn pause(&self, seat: &Seat) {
        if seat.failures > 0 {
            let wait = FIRST_PAUSE * (1 << seat.failures.min(5).saturating_sub(1));
            // Being over ends the pause; nothing is lost.
            let _ = self.shared.over.run_until_cancelled(sleep(wait)).await;
        }
    }

    /// What is still under way when the time for it is over.
    fn give_up(&self) {
        let mut recorder = self.recorder.borrow_mut();
        let rest = recorder.gauges.in_flight;
        recorder.gauges.in_flight = 0;
        for _ in 0..rest {
            let what = "not answered when the run was over";
            recorder.fault(&Fault::new(FaultKind::Unfinished, what));
        }
        recorder.classes.failed += rest;
        let ended = recorder.totals.accepted
            + recorder.totals.refused
            + recorder.totals.deferred
            + recorder.totals.failed;
        let open = recorder.totals.sent.saturating_sub(ended);
        recorder.totals.failed += open;
    }
}

impl Shared {
    /// The next session of a closed loop.
    fn session(&self) -> SessionDraw {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.draw(&self.mixer)
    }

    /// When a moment of the run is.
    fn instant(&self, moment: f64) -> Instant {
        self.start + duration(moment)
    }
}

#[expect(clippy::cast_precision_loss, reason = "connections are few")]
const fn whole(number: u64) -> f64 {
    number as f64
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
