//! One message over a seat: a connection with the right certificate, what is written over it, and
//! what comes of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tenantry_net::{LoadTls, Resume};

use super::{Seat, TlsOf, Worker};
use crate::client::{CLOSING, Client, Door, Ended, Fault, FaultKind, Letter, Then};
use crate::id::MessageId;
use crate::mix::{Credential, Draw, Whose};
use crate::record::Begun;
use crate::result::{At, Phase};
use crate::template::Values;

impl Worker {
    /// Sends one message over a seat, on a new connection when there has to be one.
    pub(super) async fn deliver(
        &self,
        seat: &mut Seat,
        draw: &Draw,
        message: Begun,
        since: Instant,
    ) {
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
    pub(super) async fn leave(&self, seat: &mut Seat) {
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
    pub(super) async fn use_up(&self, seat: &mut Seat) {
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
