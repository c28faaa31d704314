//! Starting: certificates, addresses, journal and maildir, or why not.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tenantry_net::{
    ConnectionLimits, IdentityError, Listener, ServerTls, TlsSettingsError, TrustError,
};
use tokio_util::task::TaskTracker;

use super::faults::Faults;
use super::host::Host;
use super::quota::Quotas;
use super::rules::Rules;
use super::shared::{Door, Shared};
use super::timeline::Happenings;
use super::{LabService, ServiceOptions, Tokens, accept, timeline, tls};
use crate::events::Event;
use crate::file::{Endpoint, FaultAction, Lab, ServerSettings};
use crate::journal::{Journal, JournalError, Maildir};
use crate::pki::PkiError;
use crate::world::Region;

/// Why the front end cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The world has no `[server]`.
    #[error("the world has no [server]; a front end needs its certificate and key")]
    NoServer,
    /// The world has no `[[endpoint]]`.
    #[error("the world has no [[endpoint]]; name a region and an address")]
    NoEndpoint,
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {region}: {source}")]
    Listen {
        /// The endpoint's region.
        region: Region,
        /// Its address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server's certificate or key cannot be used.
    #[error("[server] certificate: {0}")]
    Identity(#[from] IdentityError),
    /// The certificate or key that has expired cannot be used.
    #[error("[server] expired_certificate: {0}")]
    ExpiredIdentity(#[source] IdentityError),
    /// An authority cannot be used.
    #[error("[server] trust: {0}")]
    Trust(#[from] TrustError),
    /// TLS cannot be set up.
    #[error("[server]: {0}")]
    Tls(#[from] TlsSettingsError),
    /// The certificate of a fault cannot be made.
    #[error("the certificate of a fault: {0}")]
    Pki(#[from] PkiError),
    /// The journal's file cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The maildir's folder cannot be made.
    #[error("[server] maildir: cannot make {path}: {source}", path = path.display())]
    Maildir {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

pub(super) async fn start(lab: Lab, options: ServiceOptions) -> Result<LabService, StartError> {
    let settings = lab.server.as_ref().ok_or(StartError::NoServer)?;
    if lab.endpoints.is_empty() {
        return Err(StartError::NoEndpoint);
    }
    let drain = settings.drain;
    let connections = limits(lab.limits.connections);
    let bound = bind(&lab.endpoints, &connections)?;
    let faults = Faults::new(lab.faults, lab.seed);
    let expired_tls = expired_tls(&faults, settings)?;
    let (journal, ending) = Journal::open(options.journal.as_deref(), options.kept_records).await?;
    let shared = Arc::new(Shared {
        quotas: Quotas::new(lab.world.tenants.len()),
        rules: Rules::new(lab.world),
        limits: lab.limits,
        timeouts: lab.timeouts,
        addresses: lab.addresses,
        faults,
        connections,
        tls: tls::current(settings)?,
        expired_tls,
        maildir: open_maildir(settings).await?,
        journal,
        happenings: Happenings::default(),
        last_id: AtomicU64::new(0),
    });
    let (tokens, tasks) = (Tokens::default(), TaskTracker::new());
    let mut addresses = Vec::new();
    for (door, listener, address) in bound {
        addresses.push((door.region.clone(), address));
        tasks.spawn(accept::run(
            Arc::clone(&shared),
            Arc::new(door),
            listener,
            tokens.clone(),
            tasks.clone(),
        ));
    }
    spawn_timeline(&shared, lab.events, &tokens, &tasks);
    tasks.close();
    Ok(LabService {
        shared,
        addresses,
        stop: tokens.stop.drop_guard(),
        cut_off: tokens.cut_off.drop_guard(),
        tasks,
        ending,
        drain,
    })
}

fn spawn_timeline(shared: &Arc<Shared>, events: Vec<Event>, tokens: &Tokens, tasks: &TaskTracker) {
    if !events.is_empty() {
        let stop = tokens.stop.clone();
        tasks.spawn(timeline::run(Arc::clone(shared), events, stop));
    }
}

/// Made only where a fault wants it.
fn expired_tls(
    faults: &Faults,
    settings: &ServerSettings,
) -> Result<Option<Arc<ServerTls>>, StartError> {
    match faults.include(FaultAction::ExpiredCertificate) {
        true => Ok(Some(tls::expired(settings)?)),
        false => Ok(None),
    }
}

/// One limit: load tests come from one address.
fn limits(connections: u32) -> Arc<ConnectionLimits> {
    let most = usize::try_from(connections).unwrap_or(usize::MAX);
    ConnectionLimits::new(most, most)
}

fn bind(
    endpoints: &[Endpoint],
    connections: &Arc<ConnectionLimits>,
) -> Result<Vec<Bound>, StartError> {
    let one = |endpoint: &Endpoint| {
        let listener = Listener::bind(endpoint.address, BACKLOG, Arc::clone(connections));
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|source| StartError::Listen {
            region: endpoint.region.clone(),
            address: endpoint.address,
            source,
        })?;
        let door = Door {
            region: endpoint.region.clone(),
            host: Host::new(&endpoint.region, endpoint.hostname.as_deref()),
        };
        Ok((door, listener, address))
    };
    endpoints.iter().map(one).collect()
}

async fn open_maildir(settings: &ServerSettings) -> Result<Option<Maildir>, StartError> {
    let Some(path) = &settings.maildir else {
        return Ok(None);
    };
    let opened = Maildir::open(path).await;
    let opened = opened.map_err(|source| StartError::Maildir {
        path: path.clone(),
        source,
    })?;
    Ok(Some(opened))
}

/// An endpoint with its listener and where that is.
type Bound = (Door, Listener, SocketAddr);

/// Load tests connect faster than any default allows.
const BACKLOG: u32 = 4096;
