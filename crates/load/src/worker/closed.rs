//! The closed loop: each connection sends its next message when the last was answered.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::time::sleep_until;

use super::{Seat, Worker};
use crate::mix::SessionDraw;

impl Worker {
    /// One connection after another, as long as the pace is above this level.
    pub(super) async fn sit(self: Rc<Self>, level: f64) {
        let mut seat = Seat::default();
        while self.active(level).await {
            let session = self.shared.session();
            while self.goes_on(level) && self.one(&mut seat, &session).await {
                self.use_up(&mut seat).await;
                if seat.client.is_none() {
                    break;
                }
            }
            // A connection of the same kind goes on as the next session.
            self.leave(&mut seat).await;
            self.pause(&seat).await;
        }
        self.leave(&mut seat).await;
    }

    /// One message; `false` when there is none left to send.
    async fn one(&self, seat: &mut Seat, session: &SessionDraw) -> bool {
        let now = self.now();
        if self.is_measured(now) && !self.take_quota() {
            return false;
        }
        let number = self.shared.numbers.fetch_add(1, Ordering::Relaxed);
        let draw = self.shared.mixer.in_session(session, number);
        let message = self.begun(&draw, number, now);
        self.recorder
            .borrow_mut()
            .due(message.measured, message.step);
        self.deliver(seat, &draw, message, Instant::now()).await;
        true
    }

    fn goes_on(&self, level: f64) -> bool {
        !self.shared.over.is_cancelled() && self.shared.profile.at(self.now()) > level
    }

    /// Waits until the pace is above the level; `false` when it never will be again.
    async fn active(&self, level: f64) -> bool {
        if self.shared.over.is_cancelled() {
            return false;
        }
        let Some(moment) = self.shared.profile.above(level, self.now()) else {
            return false;
        };
        let wait = sleep_until(self.shared.instant(moment).into());
        // Being over ends the wait; nothing is lost.
        self.shared.over.run_until_cancelled(wait).await.is_some()
    }
}
