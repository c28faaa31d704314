//! The sockets that are bound, and what becomes of them when the configuration changes.
//!
//! A reload binds what is new before anything changes, keeps what stays (under a new name, if it has one), and closes
//! the rest. Running sessions are not touched.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenantry_net::{ConnectionLimits, Listener};
use tokio_util::sync::CancellationToken;

use crate::accept;
use crate::config::{self, Config};
use crate::relay::{Shared, StartError};
use crate::telemetry::events;

/// All listeners of a relay.
#[derive(Debug)]
pub(crate) struct Listeners {
    listening: Mutex<Vec<Listening>>,
    /// Of all listeners together.
    limits: Arc<ConnectionLimits>,
}

/// A listener's name, which a reload may change.
#[derive(Clone, Debug)]
pub(crate) struct ListenerName(Arc<Mutex<Arc<str>>>);

/// What a configuration asks of the sockets; nothing has changed yet.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Which of the listeners stay, and their names.
    kept: Vec<(usize, Arc<str>)>,
    bound: Vec<Bound>,
}

#[derive(Debug)]
struct Listening {
    name: ListenerName,
    configured: SocketAddr,
    at: SocketAddr,
    stop: CancellationToken,
}

/// A listener that is bound and not yet served.
#[derive(Debug)]
struct Bound {
    name: Arc<str>,
    configured: SocketAddr,
    at: SocketAddr,
    socket: Listener,
}

impl Listeners {
    /// None yet.
    pub(crate) fn new(config: &Config) -> Self {
        let limits = &config.limits;
        Listeners {
            listening: Mutex::default(),
            limits: ConnectionLimits::new(
                limits.connections as usize,
                limits.connections_per_source as usize,
            ),
        }
    }

    /// Where they are, by name.
    pub(crate) fn addresses(&self) -> Vec<(Arc<str>, SocketAddr)> {
        let mut addresses: Vec<_> = self
            .locked()
            .iter()
            .map(|listening| (listening.name.current(), listening.at))
            .collect();
        addresses.sort();
        addresses
    }

    /// Binds what the configuration has and we have not.
    ///
    /// # Errors
    /// An address cannot be bound; everything stays as it is.
    pub(crate) fn plan(&self, config: &Config) -> Result<Plan, StartError> {
        let listening = self.locked();
        let mut plan = Plan {
            kept: Vec::new(),
            bound: Vec::new(),
        };
        let mut missing = Vec::new();
        for wanted in &config.listeners {
            let same = |at: &Listening| {
                at.configured == wanted.address && *at.name.current() == *wanted.name
            };
            if !plan.keep(&listening, wanted, same) {
                missing.push(wanted);
            }
        }
        for wanted in missing {
            let renamed = |at: &Listening| at.configured == wanted.address;
            if !plan.keep(&listening, wanted, renamed) {
                plan.bound.push(self.bind(wanted)?);
            }
        }
        Ok(plan)
    }

    /// Makes it so.
    pub(crate) fn apply(&self, plan: Plan, shared: &Arc<Shared>) {
        let snapshot = shared.snapshot();
        let limits = &snapshot.config.limits;
        self.limits.change(
            limits.connections as usize,
            limits.connections_per_source as usize,
        );
        let mut listening = self.locked();
        let mut index = 0;
        listening.retain(|at| {
            let kept = plan.kept.iter().find(|(kept, _name)| *kept == index);
            index += 1;
            match kept {
                Some((_kept, name)) => at.name.change(name),
                None => at.stop.cancel(),
            }
            kept.is_some()
        });
        for bound in plan.bound {
            listening.push(bound.serve(shared));
        }
    }

    fn bind(&self, wanted: &config::Listener) -> Result<Bound, StartError> {
        let failed = |error| StartError::Bind {
            listener: wanted.name.to_string(),
            address: wanted.address,
            error,
        };
        let socket = Listener::bind(wanted.address, BACKLOG, Arc::clone(&self.limits));
        let socket = socket.map_err(failed)?;
        Ok(Bound {
            name: Arc::clone(&wanted.name),
            configured: wanted.address,
            at: socket.local_addr().map_err(failed)?,
            socket,
        })
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Listening>> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// Takes the first listener that fits and is not taken yet.
    fn keep(
        &mut self,
        listening: &[Listening],
        wanted: &config::Listener,
        fits: impl Fn(&Listening) -> bool,
    ) -> bool {
        let free = |index: usize| self.kept.iter().all(|(kept, _name)| *kept != index);
        let found = listening
            .iter()
            .enumerate()
            .position(|(index, at)| free(index) && fits(at));
        if let Some(index) = found {
            self.kept.push((index, Arc::clone(&wanted.name)));
        }
        found.is_some()
    }
}

impl Bound {
    fn serve(self, shared: &Arc<Shared>) -> Listening {
        let stop = shared.stopping().child_token();
        let name = ListenerName(Arc::new(Mutex::new(Arc::clone(&self.name))));
        events::listening(&self.name, self.at);
        let accepting = accept::accept(Arc::clone(shared), name.clone(), self.socket, stop.clone());
        shared.tasks().spawn(accepting);
        Listening {
            name,
            configured: self.configured,
            at: self.at,
            stop,
        }
    }
}

impl ListenerName {
    /// The name now.
    pub(crate) fn current(&self) -> Arc<str> {
        Arc::clone(&self.locked())
    }

    fn change(&self, name: &Arc<str>) {
        *self.locked() = Arc::clone(name);
    }

    fn locked(&self) -> MutexGuard<'_, Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;
