//! TLS sessions towards one upstream under one identity, and whether our certificate was sent.
//!
//! A ticket resumes the authenticated session that it came from, so a ticket must never be
//! offered under another identity. Every [`crate::UpstreamTls`] owns one [`Sessions`] value.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;

use crate::upstream::HandshakeWitness;

/// The sessions that one upstream TLS value may resume.
#[derive(Default)]
pub(crate) struct Sessions {
    servers: Mutex<HashMap<ServerName<'static>, Server>>,
}

/// The view that one connection has of the sessions. It marks each session that it stores with
/// whether the server had asked for our certificate on this very connection.
pub(crate) struct ConnectionSessions {
    shared: Arc<Sessions>,
    progress: Arc<Progress>,
    resumed_presented: AtomicBool,
}

/// What the callbacks of one handshake saw.
#[derive(Default)]
pub(crate) struct Progress {
    /// The server's certificate was verified: a full handshake, nothing was resumed.
    pub(crate) full: AtomicBool,
    /// The server asked for our certificate, and it was sent.
    pub(crate) presented: AtomicBool,
    /// Who wants to know more.
    witness: Option<Arc<HandshakeWitness>>,
}

#[derive(Default)]
struct Server {
    group: Option<NamedGroup>,
    tls12: Option<Remembered<Tls12ClientSessionValue>>,
    tls13: VecDeque<Remembered<Tls13ClientSessionValue>>,
}

#[derive(Clone)]
struct Remembered<T> {
    session: T,
    presented: bool,
}

impl Progress {
    pub(crate) fn watched_by(witness: Option<Arc<HandshakeWitness>>) -> Self {
        Self {
            witness,
            ..Self::default()
        }
    }

    pub(crate) fn tell(&self, what: impl FnOnce(&HandshakeWitness)) {
        if let Some(witness) = &self.witness {
            what(witness);
        }
    }
}

impl ConnectionSessions {
    pub(crate) fn new(shared: Arc<Sessions>, progress: Arc<Progress>) -> Self {
        Self {
            shared,
            progress,
            resumed_presented: AtomicBool::new(false),
        }
    }

    /// Whether the server has our certificate: sent now in a full handshake, or sent in the one
    /// that this connection resumes.
    pub(crate) fn presented(&self) -> bool {
        if self.progress.full.load(Ordering::Relaxed) {
            self.progress.presented.load(Ordering::Relaxed)
        } else {
            self.resumed_presented.load(Ordering::Relaxed)
        }
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<ServerName<'static>, Server>> {
        self.shared
            .servers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, name: ServerName<'static>, change: impl FnOnce(&mut Server)) {
        let mut servers = self.servers();
        if servers.len() >= MAX_SERVERS && !servers.contains_key(&name) {
            servers.clear();
        }
        change(servers.entry(name).or_default());
    }

    fn offer<T>(&self, remembered: Option<Remembered<T>>) -> Option<T> {
        let found = remembered?;
        self.resumed_presented
            .store(found.presented, Ordering::Relaxed);
        Some(found.session)
    }
}

impl ClientSessionStore for ConnectionSessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.edit(name, |server| server.group = Some(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.servers().get(name)?.group
    }

    fn set_tls12_session(&self, name: ServerName<'static>, session: Tls12ClientSessionValue) {
        let presented = self.presented();
        self.edit(name, |server| {
            server.tls12 = Some(Remembered { session, presented });
        });
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let found = self
            .servers()
            .get(name)
            .and_then(|server| server.tls12.clone());
        self.offer(found)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        if let Some(server) = self.servers().get_mut(name) {
            server.tls12 = None;
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, session: Tls13ClientSessionValue) {
        let presented = self.presented();
        self.edit(name, |server| {
            if server.tls13.len() >= MAX_TICKETS {
                server.tls13.pop_front();
            }
            server.tls13.push_back(Remembered { session, presented });
        });
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let found = self
            .servers()
            .get_mut(name)
            .and_then(|server| server.tls13.pop_back());
        self.offer(found)
    }
}

impl fmt::Debug for ConnectionSessions {
    /// Sessions are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionSessions")
    }
}

/// Server names per value: one upstream has one, or a few addresses.
const MAX_SERVERS: usize = 16;
const MAX_TICKETS: usize = 8;
