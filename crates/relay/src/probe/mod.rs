//! `probe`: connects to the real upstreams of tenants as the relay would, and says what it found, step by step.
//!
//! Not a second way of connecting: `upstream` opens the connection, with the tenant's identity, trust, names
//! and deadlines, and a `Trace` looks on. Then an envelope may be tried: MAIL, RCPT, RSET. There is nothing
//! here that could send content, so no probe ever becomes a message. Failures are what it is for: each is a step with
//! an outcome, whose fault it is and what to do; nothing here is an error but a bug.

mod certificates;
mod envelope;
mod failure;
mod offer;
mod replies;
mod report;
mod steps;
mod text;
mod trace;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use self::envelope::{Envelope, EnvelopeError};
pub use self::replies::{EXPLANATIONS, Explanation, explain};
pub use self::report::{
    Address, Attempt, ClientCertificateFacts, Extension, Facts, Fault, Offered, OurIdentity,
    Outcome, PresentedCertificate, ServerCertificateFacts, Step, StepName, TenantReport,
    UpstreamReply, UpstreamReport,
};
use self::steps::Probed;
use self::trace::Trace;
use crate::config::{Config, Tenant, Timeouts};
use crate::route::{Route, Target};
use crate::upstream::connection::Connection;
use crate::upstream::error::UpstreamError;
use crate::upstream::pool::Pool;
use crate::upstream::rehearsal::rehearse;

/// How to probe.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// An envelope to try, and to take back, once a connection stands.
    pub envelope: Option<Envelope>,
    /// No single wait is longer, whatever the configuration says.
    pub longest_wait: Option<Duration>,
}

/// A probe ended by a panic: a bug.
#[derive(Debug, thiserror::Error)]
#[error("a probe did not end as it should: {0}")]
pub struct ProbeError(String);

/// What all probes of a run share.
#[derive(Debug)]
struct Run {
    hostname: String,
    timeouts: Timeouts,
    options: Options,
    turns: Semaphore,
}

/// Probes the upstreams of these tenants, several tenants at a time, each tenant's upstreams in the order of the
/// configuration. Reports are handed out in the order of the tenants.
///
/// # Errors
/// Only by a bug.
pub async fn probe(
    config: &Config,
    tenants: &[Arc<Tenant>],
    options: Options,
    mut report: impl FnMut(TenantReport),
) -> Result<(), ProbeError> {
    let run = Arc::new(Run {
        hostname: config.hostname.clone(),
        timeouts: capped(&config.timeouts, options.longest_wait),
        options,
        turns: Semaphore::new(AT_ONCE),
    });
    // Nothing is kept in it: every connection of a probe is new, and closed at its end.
    let pool = Pool::default();
    let mut probes = JoinSet::new();
    for (number, tenant) in tenants.iter().enumerate() {
        let (run, route) = (Arc::clone(&run), Route::new(config, tenant, &pool));
        probes.spawn(async move { (number, run.tenant(&route).await) });
    }
    let mut finished = BTreeMap::new();
    let mut next = 0;
    while let Some(done) = probes.join_next().await {
        let (number, found) = done.map_err(|error| ProbeError(error.to_string()))?;
        finished.insert(number, found);
        while let Some(found) = finished.remove(&next) {
            report(found);
            next += 1;
        }
    }
    Ok(())
}

impl Run {
    async fn tenant(&self, route: &Route) -> TenantReport {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let mut upstreams = Vec::with_capacity(route.targets.len());
        for target in &route.targets {
            upstreams.push(self.upstream(route, target).await);
        }
        TenantReport::new(&route.tenant, upstreams)
    }

    async fn upstream(&self, route: &Route, target: &Target) -> UpstreamReport {
        let mut trace = Trace::new();
        let opened = Connection::open(target, &self.timeouts, NOBODY, &mut trace).await;
        let failure = match opened {
            Ok(connection) => {
                self.try_envelope(route, target, connection, &mut trace)
                    .await
            }
            Err(error) => Some(error),
        };
        let probed = Probed {
            tenant: &route.tenant,
            target,
            hostname: &self.hostname,
            envelope: self.options.envelope.as_ref(),
            trace: &trace,
            failure: failure.as_ref(),
            now: SystemTime::now(),
        };
        UpstreamReport::new(target, probed.steps())
    }

    async fn try_envelope(
        &self,
        route: &Route,
        target: &Target,
        mut connection: Connection,
        trace: &mut Trace,
    ) -> Option<UpstreamError> {
        let mut failure = None;
        if let Some(envelope) = &self.options.envelope {
            let message = (&envelope.mail, envelope.recipients.as_slice());
            let tried = rehearse(
                &mut connection,
                (route, target),
                message,
                &self.timeouts,
                trace,
            );
            failure = tried.await.err();
        }
        connection.quit().await;
        failure
    }
}

/// The configuration's timeouts, none longer than this.
fn capped(timeouts: &Timeouts, longest: Option<Duration>) -> Timeouts {
    let longest = longest.unwrap_or(Duration::MAX);
    let mut capped = timeouts.clone();
    for timeout in [
        &mut capped.handshake,
        &mut capped.upstream_connect,
        &mut capped.upstream_greeting,
        &mut capped.upstream_ehlo,
        &mut capped.upstream_mail,
        &mut capped.upstream_rcpt,
        &mut capped.upstream_quit,
    ] {
        *timeout = longest.min(*timeout);
    }
    capped
}

/// Tenants that are probed at one time.
const AT_ONCE: usize = 16;
/// The instance that no greeting can show: which relays run elsewhere on this host a probe does not know.
const NOBODY: &str = "\u{0}";
