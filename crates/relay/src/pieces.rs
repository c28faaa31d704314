//! Hot pieces of the path for `benches/`, so that a regression shows where it is. Nobody else is
//! meant to use them.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::BytesMut;
use jiff::Timestamp;

use crate::config::Config;
use crate::content::header::{Firewall, HeaderGate, HeaderLimits};
use crate::content::received::{Trace, With};
use crate::route::Route;
use crate::snapshot::Snapshot;
use crate::upstream::pool::{Freshness, Pool};

/// Looks through a header section as for a client whose protected fields are removed; how many
/// octets are left of it, or nothing when it is refused.
#[must_use]
pub fn header(mut content: BytesMut) -> Option<usize> {
    let limits = HeaderLimits {
        octets: 256 * 1024,
        fields: 1_000,
        hops: 100,
    };
    let mut gate = HeaderGate::new();
    gate.push(&mut content, &limits).ok()?;
    let header = gate.finish(&limits, Firewall::Remove, INSTANCE).ok()?;
    Some(header.octets.len())
}

/// Writes a `Received` field as for a message over TLS.
pub fn received(out: &mut BytesMut) {
    let trace = Trace {
        helo: "client.corp.example",
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        hostname: "relay.corp.example",
        instance: INSTANCE,
        with: With::Esmtps,
        cipher: Some("TLS_AES_256_GCM_SHA384"),
        id: "0123456789abcdef-1",
        at: Timestamp::UNIX_EPOCH,
    };
    trace.write_to(out);
}

/// The pool with a configuration's first upstream.
#[derive(Debug)]
pub struct Checkout {
    snapshot: Snapshot,
    route: Arc<Route>,
}

impl Checkout {
    /// Nothing when there is no tenant.
    #[must_use]
    pub fn new(config: Config) -> Option<Self> {
        let snapshot = Snapshot::new(config, &Pool::default());
        let first = snapshot.config.directory.tenant_ids().next()?;
        let route = Arc::clone(snapshot.route(first)?);
        Some(Self { snapshot, route })
    }

    /// Takes a connection, opening one if none is kept, and puts it back.
    ///
    /// # Errors
    /// No connection can be opened.
    pub async fn once(&self) -> io::Result<()> {
        let target = self.route.targets.first().ok_or(io::ErrorKind::NotFound)?;
        let timeouts = &self.snapshot.timeouts;
        let lease = target
            .slot
            .lease(target, timeouts, INSTANCE, Freshness::KeptOrNew);
        lease.await.map_err(io::Error::other)?.put_back();
        Ok(())
    }
}

/// What a process calls itself in its trace fields.
const INSTANCE: &str = "0123456789abcdef";
