//! The world of a test: authorities, upstreams, and the relay in front of them, as its [`Plan`] says.
//!
//! A world lives in a folder and on ports of its own, so that tests run side by side. [`World::stop`] ends every test:
//! it fails when anything is left over.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, Issued};
use tenantry_lab::upstream::{Journal, Record, RecordingUpstream, UpstreamSettings};
use tenantry_relay::Relay;
use tenantry_relay::config::Config;
use tenantry_relay::telemetry::ClosedTransaction;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, timeout};

use crate::client::{Client, PATIENCE, Tls};
pub(crate) use crate::plan::{ASKING, Plan, TenantPlan};

/// A running lab with the relay in front.
#[derive(Debug)]
pub(crate) struct World {
    /// Where configuration, certificates and keys are; the configuration is `relay.toml`.
    pub(crate) folder: TempDir,
    /// Who signs what.
    pub(crate) pki: Pki,
    /// In the order of the plan.
    pub(crate) upstreams: Vec<RecordingUpstream>,
    /// The relay.
    pub(crate) relay: Relay,
    /// The configuration in force.
    pub(crate) config: String,
    pub(crate) tenants: Vec<(String, Issued)>,
}

/// The authorities of a world, apart as they should be.
pub(crate) struct Pki {
    /// Signs clients' certificates; the relay's listeners trust it.
    pub(crate) clients: Authority,
    /// Signs the relay's and the upstreams' server certificates, and the tenants' identities.
    pub(crate) servers: Authority,
    /// A certificate for servers on this host.
    pub(crate) server: Issued,
}

impl Pki {
    pub(crate) fn new(folder: &Path) -> Self {
        let clients = Authority::new("Authority of Clients").unwrap();
        let servers = Authority::new("Authority of Servers").unwrap();
        let server = servers.server(&["localhost", "127.0.0.1"]).unwrap();
        clients.write(folder, "clients-ca").unwrap();
        servers.write(folder, "servers-ca").unwrap();
        server.write(folder, "relay").unwrap();
        Pki {
            clients,
            servers,
            server,
        }
    }

    /// An upstream with STARTTLS that demands the tenants' certificates.
    pub(crate) fn upstream(&self) -> UpstreamSettings {
        UpstreamSettings::starttls(&self.server, &[&self.servers])
    }

    /// The same with TLS from the first octet.
    pub(crate) fn implicit_upstream(&self) -> UpstreamSettings {
        UpstreamSettings::implicit(&self.server, &[&self.servers])
    }

    /// A client's TLS without a certificate.
    pub(crate) fn anonymous(&self) -> Tls {
        Tls::anonymous(&self.servers)
    }

    /// A client's TLS with a good certificate of these names.
    pub(crate) fn client(&self, names: &[&str]) -> Tls {
        self.with(&self.clients.client(names).unwrap())
    }

    /// A client's TLS with any certificate.
    pub(crate) fn with(&self, certificate: &Issued) -> Tls {
        Tls::with(&self.servers, certificate)
    }
}

impl World {
    /// Where a listener is.
    pub(crate) fn at(&self, listener: &str) -> SocketAddr {
        let addresses = self.relay.addresses();
        let found = addresses.iter().find(|(name, _)| **name == *listener);
        found.unwrap_or_else(|| panic!("no listener {listener}")).1
    }

    /// A client on the plain listener that has said EHLO.
    pub(crate) async fn plain(&self, from: &str) -> Client {
        Client::ehlo(from, self.at("plain")).await
    }

    /// A client inside TLS by STARTTLS that has said EHLO.
    pub(crate) async fn starttls(&self, from: &str, tls: &Tls) -> Client {
        Client::starttls(from, self.at("starttls"), tls).await
    }

    /// The fingerprint of a tenant's identity.
    pub(crate) fn identity(&self, tenant: &str) -> String {
        let found = self.tenants.iter().find(|(name, _)| name == tenant);
        found
            .unwrap_or_else(|| panic!("no tenant {tenant}"))
            .1
            .fingerprint()
    }

    /// What an upstream has seen.
    pub(crate) fn journal(&self, upstream: usize) -> &Journal {
        self.upstreams[upstream].journal()
    }

    /// Waits until an upstream has so many messages, and gives them all.
    pub(crate) async fn messages(&self, upstream: usize, count: u64) -> Vec<Arc<Record>> {
        let messages = self
            .journal(upstream)
            .await_messages(count, PATIENCE)
            .await
            .unwrap();
        assert_eq!(messages.len() as u64, count, "more messages than expected");
        messages
    }

    /// Connections that the upstreams have accepted so far, all together.
    pub(crate) fn upstream_connections(&self) -> u64 {
        let connections = |upstream: &RecordingUpstream| upstream.journal().totals().connections;
        self.upstreams.iter().map(connections).sum()
    }

    /// Messages that the upstreams have taken so far, all together.
    pub(crate) fn delivered(&self) -> u64 {
        let delivered = |upstream: &RecordingUpstream| upstream.journal().totals().delivered;
        self.upstreams.iter().map(delivered).sum()
    }

    /// The transactions that close from now on.
    pub(crate) fn transactions(&self) -> Transactions {
        Transactions(self.relay.transactions())
    }

    /// Puts another configuration in force, as a reload of the file does. An error is what an operator would read.
    pub(crate) fn reload(&mut self, config: &str) -> Result<(), String> {
        let loaded = load(self.folder.path(), config)?;
        self.relay
            .reload(loaded)
            .map_err(|error| error.to_string())?;
        self.config = config.to_owned();
        Ok(())
    }

    /// Fails unless a clean message on a new connection goes through (O3).
    pub(crate) async fn is_alive(&self) {
        let before = self.delivered();
        let mut client = self.plain(crate::client::PEER).await;
        let envelope = crate::client::Envelope {
            sender: "probe@tenant-a.example",
            recipients: &["probe@elsewhere.example"],
        };
        let answer = client
            .message(envelope, "Subject: alive\r\n\r\n.\r\n")
            .await;
        assert_eq!(answer.code, 250, "{answer:?}");
        assert_eq!(self.delivered(), before + 1);
        client.quit().await;
    }

    /// Waits until no client session is left.
    pub(crate) async fn at_rest(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.relay.load().sessions > 0 {
            assert!(
                Instant::now() < deadline,
                "sessions are left: {:?}",
                self.relay.load()
            );
            // Nothing announces the end of a session.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends everything; fails when a session, a panic or an upstream connection is left.
    pub(crate) async fn stop(self) {
        self.at_rest().await;
        assert_eq!(self.relay.load().panics, 0, "a session panicked");
        timeout(PATIENCE, self.relay.stop())
            .await
            .expect("the relay does not stop");
        for upstream in self.upstreams {
            let closed =
                upstream
                    .journal()
                    .await_totals("no open connection", PATIENCE, |totals| totals.open == 0);
            closed.await.unwrap();
            upstream.stop().await;
        }
    }
}

/// Transactions as they close.
#[derive(Debug)]
pub(crate) struct Transactions(Receiver<ClosedTransaction>);

impl Transactions {
    /// The next one.
    pub(crate) async fn next(&mut self) -> ClosedTransaction {
        timeout(PATIENCE, self.0.recv())
            .await
            .expect("no transaction closed")
            .unwrap()
    }
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pki")
    }
}

pub(crate) fn load(folder: &Path, config: &str) -> Result<Config, String> {
    let path = folder.join("relay.toml");
    std::fs::write(&path, config).unwrap();
    Config::load(&path).map_err(|problems| problems.to_string())
}
