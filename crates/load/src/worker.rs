//! One thread that sends, with a runtime of its own: nothing is shared while messages are under
//! way but a few counters.

mod closed;
mod open;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tenantry_net::{LoadTls, Resume};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{CLOSING, Client, Door, Ended, Fault, FaultKind, Letter, Then, Timings};
use crate::content::Contents;
use crate::id::MessageId;
use crate::identity::Roster;
use crate::mix::{Credential, Draw, Mixer, SessionDraw, Sessions, Whose};
use crate::pace::{Profile, duration};
use crate::plan::{Pace, Plan};
use crate::record::{Begun, Interval, Recorder};
use crate::result::{At, Phase};
use crate::template::{Template, Values};

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
        let second = self.now() as u64;
        self.report(&reports, second).await;
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
        for second in 0_u64.. {
            let at = self.shared.start + Duration::from_secs(second + 1);
            tokio::time::sleep_until(at.into()).await;
            self.report(&reports, second).await;
        }
    }

    async fn report(&self, reports: &mpsc::Sender<Report>, second: u64) {
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

    /// Sends one message over a seat, on a new connection when there has to be one.
    async fn deliver(&self, seat: &mut Seat, draw: &Draw, message: Begun, since: Instant) {
        self.recorder.borrow_mut().begun(message);
        let mut again = false;
        let (ended, octets) = loop {
            if let Err(ended) = self.ready(seat, draw).await {
                break (ended, 0);
            }
            let Some(mut client) = seat.client.take() else {
                break (lost(), 0);
            };
            let session = self.shared.plan.session;
            self.write(&mut seat.letter, draw, message.number, &client);
            let octets = seat.letter.body.len();
            let (ended, then) = client.send(&seat.letter, &session, &mut seat.timings).await;
            self.recorder
                .borrow_mut()
                .phases(&mut seat.timings, message.measured);
            let first = seat.used == 0;
            seat.used += 1;
            if then == Then::Usable {
                seat.client = Some(client);
            } else {
                drop(client);
                self.closed(seat, &ended);
            }
            // A target that takes no more on this connection takes it on another.
            if !first && !again && closes(&ended) {
                again = true;
                continue;
            }
            break (ended, octets);
        };
        seat.failures = match ended {
            Ended::Failed(_) => seat.failures.saturating_add(1),
            Ended::Accepted { .. } | Ended::Reply(..) => 0,
        };
        self.last.set(self.shared.start.elapsed());
        let took = since.elapsed();
        let mut recorder = self.recorder.borrow_mut();
        recorder.ended(message, &ended, took, octets);
    }

    /// A connection with the right certificate.
    async fn ready(&self, seat: &mut Seat, draw: &Draw) -> Result<(), Ended> {
        if let Some(client) = &mut seat.client {
            if seat.credential == Some(draw.credential) && client.is_quiet() {
                return Ok(());
            }
            self.leave(seat).await;
        }
        let shared = &self.shared;
        let tls = shared.tls.of(draw.credential).ok_or_else(|| {
            let what = "there is no certificate for it";
            Ended::Failed(Fault::new(FaultKind::Tls, what))
        })?;
        let door = Door {
            address: self.address()?,
            host: &shared.host,
            hello: &shared.plan.target.hello,
            mode: shared.plan.target.tls,
            tls,
            resume: self.resume(),
            session: shared.plan.session,
        };
        let opened = Client::open(door, &mut seat.timings).await;
        let mut recorder = self.recorder.borrow_mut();
        // Connections count during the warm-up, too: those that last are opened in it.
        let shook = |phase| seat.timings.0.iter().any(|(seen, _)| *seen == phase);
        recorder.totals.tls_full += u64::from(shook(Phase::TlsFull));
        recorder.totals.tls_resumed += u64::from(shook(Phase::TlsResumed));
        recorder.phases(&mut seat.timings, true);
        match opened {
            Ok(client) => {
                recorder.totals.connections += 1;
                recorder.gauges.connections += 1;
                let peak = recorder.gauges.connections;
                recorder.totals.connections_peak = recorder.totals.connections_peak.max(peak);
                seat.client = Some(client);
                seat.credential = Some(draw.credential);
                seat.used = 0;
                Ok(())
            }
            Err(ended) => {
                recorder.totals.connections_failed += 1;
                Err(ended)
            }
        }
    }

    /// Leaves a connection properly.
    async fn leave(&self, seat: &mut Seat) {
        if let Some(client) = seat.client.take() {
            client.quit().await;
            let mut recorder = self.recorder.borrow_mut();
            recorder.gauges.connections = recorder.gauges.connections.saturating_sub(1);
        }
    }

    /// A connection is gone.
    fn closed(&self, seat: &mut Seat, ended: &Ended) {
        seat.client = None;
        let mut recorder = self.recorder.borrow_mut();
        recorder.gauges.connections = recorder.gauges.connections.saturating_sub(1);
        if matches!(ended, Ended::Failed(_)) {
            recorder.totals.connections_failed += 1;
        }
    }

    /// Leaves a connection after its last message.
    async fn use_up(&self, seat: &mut Seat) {
        let most = self.shared.plan.session.messages_per_connection;
        if most > 0 && seat.used >= most {
            self.leave(seat).await;
        }
    }

    /// Addresses and content.
    fn write(&self, letter: &mut Letter, draw: &Draw, number: u64, client: &Client) {
        let shared = &self.shared;
        let envelope = &shared.plan.envelope;
        let id = MessageId {
            run: shared.run,
            number,
            tenant: draw.intended,
        };
        let whose = |whose: Whose, foreign| match whose {
            Whose::Tenant(tenant) => match shared.roster.tenants.get(tenant as usize) {
                Some(member) => (&*member.domain, &*member.name),
                None => (foreign, "nobody"),
            },
            Whose::Nobody | Whose::Null => (foreign, "nobody"),
        };
        letter.sender.clear();
        if draw.sender != Whose::Null {
            let (domain, tenant) = whose(draw.sender, &envelope.foreign_sender);
            let values = Values {
                id,
                domain,
                tenant,
                recipient: 1,
            };
            shared.sender.write(&values, &mut letter.sender);
        }
        let (domain, tenant) = whose(draw.recipient, &envelope.foreign_recipient);
        letter
            .recipients
            .resize_with(envelope.recipients as usize, Default::default);
        for (recipient, out) in (1..).zip(&mut letter.recipients) {
            out.clear();
            let values = Values {
                id,
                domain,
                tenant,
                recipient,
            };
            shared.recipient.write(&values, out);
        }
        let how = client.transfer(shared.plan.session.transfer);
        shared.contents.fill(id, draw.luck, how, &mut letter.body);
    }

    /// The target's addresses in turns.
    fn address(&self) -> Result<SocketAddr, Ended> {
        let turn = self.doors.get();
        self.doors.set(turn.wrapping_add(1));
        let addresses = &self.shared.addresses;
        let at = turn.checked_rem(addresses.len()).unwrap_or(0);
        addresses.get(at).copied().ok_or_else(lost)
    }

    /// Exactly the share of handshakes that is asked for.
    fn resume(&self) -> Resume {
        let credit = self.resumption.get() + self.shared.plan.target.resumption;
        if credit >= 1.0 {
            self.resumption.set(credit - 1.0);
            Resume::Offer
        } else {
            self.resumption.set(credit);
            Resume::Never
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

impl TlsOf {
    fn of(&self, credential: Credential) -> Option<&Arc<LoadTls>> {
        match credential {
            Credential::Tenant(tenant) => self.tenants.get(tenant as usize)?.as_ref(),
            Credential::Peer => Some(&self.peer),
            Credential::Untrusted => self.untrusted.as_ref(),
        }
    }
}

/// Whether a target ended the connection instead of taking a message: nothing of it was sent.
fn closes(ended: &Ended) -> bool {
    matches!(ended, Ended::Reply(At::Mail, reply) if reply.code() == CLOSING)
}

fn lost() -> Ended {
    Ended::Failed(Fault::new(FaultKind::Connect, "there is no address"))
}

#[expect(clippy::cast_precision_loss, reason = "connections are few")]
const fn whole(number: u64) -> f64 {
    number as f64
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
