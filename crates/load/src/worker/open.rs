//! The open loop: messages are due at moments that the target has no say in. What finds no
//! connection waits, and its latency runs.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Instant;

use fastrand::Rng;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Seat, Worker, whole};
use crate::client::{Fault, FaultKind};
use crate::mix::{Credential, Draw};
use crate::plan::{Arrivals, Pace};
use crate::record::Begun;
use crate::result::Phase;
use crate::run::part;
use crate::timer::Timer;

/// A message that is due.
#[derive(Clone, Copy)]
struct Arrival {
    message: Begun,
    draw: Draw,
    intended: Instant,
}

/// Where due messages and idle connections meet.
pub(super) struct Desk {
    waiting: RefCell<VecDeque<Arrival>>,
    idle: RefCell<HashMap<Credential, Vec<Rc<Chair>>>>,
    /// Connections, idle or not.
    taken: Cell<u64>,
    most: u64,
    /// Messages that are due and not answered.
    outstanding: Cell<u64>,
    most_outstanding: u64,
    /// How often the oldest waiting message was passed over for one that fits a connection.
    passed: Cell<u32>,
}

/// An idle connection's place to be called at.
struct Chair {
    call: Notify,
    given: Cell<Option<Arrival>>,
}

/// The moments of one worker's messages.
struct Moments {
    arrivals: Arrivals,
    rng: Rng,
    index: u64,
    /// What the worker's own arrivals have summed up to, for those that come by chance.
    sum: f64,
    /// Measured messages that are still to come, for plans that count them: each worker has its
    /// part, since which messages are sent must not depend on which worker is the fastest.
    left: Option<u64>,
}

impl Worker {
    /// Makes messages due until the run is over, and gives the desk back for what is left.
    pub(super) async fn arrivals(self: Rc<Self>, tasks: &mut JoinSet<()>) -> Rc<Desk> {
        let desk = Rc::new(Desk::new(&self));
        let timer = match Timer::new() {
            Ok(timer) => timer,
            Err(error) => {
                let fault = Fault::new(FaultKind::Unfinished, format!("no timer: {error}"));
                self.recorder.borrow_mut().fault(&fault);
                self.shared.over.cancel();
                return desk;
            }
        };
        let mut moments = Moments::new(&self);
        while let Some((number, moment)) = moments.next(&self) {
            let intended = self.shared.instant(moment);
            if !self.is_time(&timer, intended).await {
                self.too_late(&mut moments, moment);
                break;
            }
            if self.is_measured(moment) && !moments.take(&self) {
                break;
            }
            let draw = self.shared.mixer.message(number);
            let arrival = Arrival {
                message: self.begun(&draw, number, moment),
                draw,
                intended,
            };
            self.arrived(&desk, arrival, tasks);
            // Others on this thread get their turn also when much is due at once.
            if number % 64 == 0 {
                tokio::task::yield_now().await;
            }
            while tasks.try_join_next().is_some() {}
        }
        self.shared.over.cancelled().await;
        desk.dismiss();
        desk
    }

    /// Waits until a message is due; `false` when it never is, since the run is over before.
    async fn is_time(&self, timer: &Timer, intended: Instant) -> bool {
        if intended <= Instant::now() {
            return !self.shared.over.is_cancelled();
        }
        // Being over ends the wait; what is not due yet is never due.
        let due = timer.until(intended);
        self.shared.over.run_until_cancelled(due).await.is_some()
    }

    /// What was due when the run was over, and was not even looked at: the machine was too busy.
    fn too_late(&self, moments: &mut Moments, first: f64) {
        let now = Instant::now();
        let mut recorder = self.recorder.borrow_mut();
        let mut next = Some(first);
        while let Some(moment) = next.filter(|moment| self.shared.instant(*moment) <= now) {
            let measured = self.is_measured(moment);
            if measured && !moments.take(self) {
                break;
            }
            recorder.due(measured, self.shared.profile.step_at(moment));
            recorder.unsent(measured);
            next = moments.next(self).map(|(_, moment)| moment);
        }
    }

    /// A message is due: an idle connection, a new one, another's, or waiting.
    fn arrived(self: &Rc<Self>, desk: &Rc<Desk>, arrival: Arrival, tasks: &mut JoinSet<()>) {
        let late = arrival.intended.elapsed();
        let mut recorder = self.recorder.borrow_mut();
        recorder.due(arrival.message.measured, arrival.message.step);
        if arrival.message.measured {
            let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            recorder.lateness.record(late);
        }
        if desk.outstanding.get() >= desk.most_outstanding {
            recorder.overflowed(arrival.message.measured);
            return;
        }
        desk.outstanding.set(desk.outstanding.get() + 1);
        if desk.give(arrival, Some(arrival.draw.credential)) {
            return;
        }
        if desk.taken.get() < desk.most {
            desk.taken.set(desk.taken.get() + 1);
            tasks.spawn_local(Rc::clone(self).serve(Rc::clone(desk), arrival));
            return;
        }
        if desk.give(arrival, None) {
            return;
        }
        desk.waiting.borrow_mut().push_back(arrival);
        recorder.queued();
    }

    /// One connection, with whatever certificate its next message needs.
    async fn serve(self: Rc<Self>, desk: Rc<Desk>, first: Arrival) {
        let mut seat = Seat::default();
        let mut next = Some(first);
        while let Some(arrival) = next.take() {
            let measured = arrival.message.measured;
            let waited = arrival.intended.elapsed();
            self.recorder
                .borrow_mut()
                .phase(Phase::Wait, waited, measured);
            self.deliver(&mut seat, &arrival.draw, arrival.message, arrival.intended)
                .await;
            let outstanding = desk.outstanding.get().saturating_sub(1);
            desk.outstanding.set(outstanding);
            self.use_up(&mut seat).await;
            self.pause(&seat).await;
            next = desk.fitting(seat.credential, &self);
            if next.is_none() && seat.client.is_some() && !self.shared.over.is_cancelled() {
                if let Some(client) = &mut seat.client {
                    client.rest();
                }
                next = desk.sit(seat.credential).await;
            }
        }
        desk.taken.set(desk.taken.get().saturating_sub(1));
        self.leave(&mut seat).await;
    }

    /// This worker's part of a number for all shards, at least 1.
    fn part(&self, all: u32) -> u64 {
        let all = self.shared.plan.shard.part(all);
        part(all, self.index + 1, self.shared.workers).max(1)
    }
}

impl Desk {
    fn new(worker: &Worker) -> Self {
        let (most, outstanding) = match worker.shared.plan.pace {
            Pace::Open {
                connections,
                outstanding,
                ..
            } => (connections, outstanding),
            Pace::Closed { connections } => (connections, u32::MAX),
        };
        Self {
            waiting: RefCell::default(),
            idle: RefCell::default(),
            taken: Cell::new(0),
            most: worker.part(most),
            outstanding: Cell::new(0),
            most_outstanding: worker.part(outstanding),
            passed: Cell::new(0),
        }
    }

    /// Gives a message to an idle connection, of this certificate or of any; the one that was used
    /// last, so that few are kept warm and not all of them lukewarm.
    fn give(&self, arrival: Arrival, credential: Option<Credential>) -> bool {
        let mut idle = self.idle.borrow_mut();
        let credential = credential.or_else(|| idle.keys().next().copied());
        let Some(credential) = credential else {
            return false;
        };
        let Some(chairs) = idle.get_mut(&credential) else {
            return false;
        };
        let chair = chairs.pop();
        if chairs.is_empty() {
            idle.remove(&credential);
        }
        if let Some(chair) = &chair {
            chair.given.set(Some(arrival));
            chair.call.notify_one();
        }
        chair.is_some()
    }

    /// The waiting message that a connection takes next: one for its certificate if that is near
    /// the front, unless the oldest was passed over too often; else the oldest.
    fn fitting(&self, credential: Option<Credential>, worker: &Worker) -> Option<Arrival> {
        let mut waiting = self.waiting.borrow_mut();
        let fits = |arrival: &Arrival| Some(arrival.draw.credential) == credential;
        let place = match self.passed.get() < MOST_PASSED {
            true => waiting.iter().take(LOOKED_AT).position(fits).unwrap_or(0),
            false => 0,
        };
        let arrival = waiting.remove(place)?;
        self.passed
            .set(if place == 0 { 0 } else { self.passed.get() + 1 });
        let mut recorder = worker.recorder.borrow_mut();
        recorder.gauges.queued = recorder.gauges.queued.saturating_sub(1);
        Some(arrival)
    }

    /// Waits to be called; `None` when everybody is sent home.
    async fn sit(&self, credential: Option<Credential>) -> Option<Arrival> {
        let chair = Rc::new(Chair {
            call: Notify::new(),
            given: Cell::new(None),
        });
        let place = credential?;
        self.idle
            .borrow_mut()
            .entry(place)
            .or_default()
            .push(Rc::clone(&chair));
        chair.call.notified().await;
        chair.given.take()
    }

    /// Sends all idle connections home.
    fn dismiss(&self) {
        for chair in self
            .idle
            .borrow_mut()
            .drain()
            .flat_map(|(_, chairs)| chairs)
        {
            chair.call.notify_one();
        }
    }

    /// Counts what was due and is still waiting.
    pub(super) fn leftovers(&self, worker: &Worker) {
        let mut recorder = worker.recorder.borrow_mut();
        for arrival in self.waiting.borrow_mut().drain(..) {
            recorder.unsent(arrival.message.measured);
        }
        recorder.gauges.queued = 0;
    }
}

impl Moments {
    fn new(worker: &Worker) -> Self {
        let plan = &worker.shared.plan;
        let arrivals = match plan.pace {
            Pace::Open { arrivals, .. } => arrivals,
            Pace::Closed { .. } => Arrivals::Constant,
        };
        let own = u64::from(plan.shard.index) << 32 | u64::from(worker.index);
        Self {
            arrivals,
            rng: Rng::with_seed(plan.seed ^ own.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            index: 0,
            sum: 0.0,
            left: worker
                .shared
                .planned
                .map(|all| part(all, worker.index + 1, worker.shared.workers)),
        }
    }

    /// Whether one more measured message may come.
    fn take(&mut self, worker: &Worker) -> bool {
        let Some(left) = &mut self.left else {
            return true;
        };
        let Some(fewer) = left.checked_sub(1) else {
            return false;
        };
        *left = fewer;
        // The last one of all workers ends the run.
        worker.take_quota();
        true
    }

    /// The next message's number among all shards' and workers', and its moment.
    fn next(&mut self, worker: &Worker) -> Option<(u64, f64)> {
        let shard = worker.shared.plan.shard;
        let workers = u64::from(worker.shared.workers);
        let turn = self.index * workers + u64::from(worker.index);
        let number = turn * u64::from(shard.count) + u64::from(shard.index - 1);
        self.index += 1;
        let sum = match self.arrivals {
            Arrivals::Constant => whole(number),
            Arrivals::Poisson => {
                // Parts of a stream of independent arrivals are such streams, too.
                let parts = whole(workers * u64::from(shard.count));
                self.sum -= (1.0 - self.rng.f64()).ln();
                self.sum * parts
            }
        };
        let moment = worker.shared.profile.moment_of(sum)?;
        Some((number, moment))
    }
}

/// Waiting messages that are looked at for one that fits a connection.
const LOOKED_AT: usize = 64;
const MOST_PASSED: u32 = 64;
