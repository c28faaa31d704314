//! A scene with everything running: the lab's front end, the relay, and clients.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tempfile::TempDir;
use tenantry_lab::file::{Endpoint, Lab, ServerSettings};
use tenantry_lab::journal::Record;
use tenantry_lab::service::{LabService, ServiceOptions};
use tenantry_lab::world::Region;
use tenantry_net::MinVersion;
use tenantry_relay::Relay;
use tenantry_relay::telemetry::ClosedTransaction;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::message::message;
use super::super::relay::configuration;
use super::super::scene::{Message, RELAY, Scene};
use super::super::sound::REGIONS;
use super::certificates::Certificates;
use super::sending::{Told, message_id, number_of, session, tagged};
use crate::client::PATIENCE;
use crate::world::load;

/// A scene with everything running.
pub(super) struct Stage {
    pub(super) scene: Scene,
    _folder: TempDir,
    certificates: Arc<Certificates>,
    /// Of each tenant, what the relay presents for it.
    identities: Vec<String>,
    relay: Relay,
    lab: LabService,
}

/// A message that the relay sent on.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) message: Message,
    /// The tenant, as the relay's closing line has it.
    pub(super) tenant: usize,
    /// The fingerprint of the certificate that the relay says it presented.
    pub(super) identity: String,
    /// The recipients that are left, in order.
    pub(super) recipients: Vec<String>,
    /// What the client was told in the end.
    pub(super) code: u16,
    /// What the lab wrote down under its Message-ID.
    pub(super) records: Vec<Arc<Record>>,
}

/// Messages of a client connection.
const PER_CONNECTION: usize = 4;
/// Clients at one time.
const CLIENTS: usize = 6;

impl Stage {
    pub(super) async fn start(scene: Scene) -> Self {
        let folder = TempDir::new().unwrap();
        let certificates = Certificates::new(&folder);
        let lab = LabService::start(lab(&scene, &folder), ServiceOptions::default())
            .await
            .unwrap();
        let mut identities = Vec::new();
        for (number, route) in scene.routes.iter().enumerate() {
            let identity = certificates.identity(&route.identity, route.problem);
            identity
                .write(folder.path(), &format!("identity-{number}"))
                .unwrap();
            identities.push(identity.fingerprint());
        }
        let config = configuration(&scene, |tenant| {
            let port = lab.address(&scene.routes[tenant].endpoint).unwrap().port();
            format!(
                "upstream = \"localhost:{port}\"\ncertificate = \"identity-{tenant}.pem\"\nkey = \"identity-{tenant}.key\""
            )
        });
        let relay = Relay::start(load(folder.path(), &config).unwrap()).unwrap();
        Stage {
            scene,
            _folder: folder,
            certificates: Arc::new(certificates),
            identities,
            relay,
            lab,
        }
    }

    /// Sends messages until so many have been sent on, and gives these.
    pub(super) async fn play(&self, wanted: usize) -> Vec<Sent> {
        let mut rng = fastrand::Rng::with_seed(!self.scene.seed);
        let (mut sent, mut next) = (Vec::new(), 0);
        while sent.len() < wanted {
            let mut transactions = Transactions::of(&self.relay);
            let mut clients = JoinSet::new();
            for _client in 0..CLIENTS {
                let messages = (next..next + PER_CONNECTION)
                    .map(|number| tagged(message(&mut rng, &self.scene), number));
                let messages: Vec<_> = messages.collect();
                let certificates = Arc::clone(&self.certificates);
                clients.spawn(session(
                    self.listener(&messages[0].1),
                    certificates,
                    messages,
                ));
                next += PER_CONNECTION;
            }
            while let Some(told) = clients.join_next().await {
                for told in told.unwrap() {
                    let closed = transactions.of_message(told.number).await;
                    sent.push(self.sent(told, &closed));
                }
            }
        }
        sent.truncate(wanted);
        sent
    }

    /// Ends everything.
    pub(super) async fn stop(self) {
        assert_eq!(self.relay.load().panics, 0, "a session panicked");
        timeout(PATIENCE, self.relay.stop())
            .await
            .expect("the relay does not stop");
        timeout(PATIENCE, self.lab.stop())
            .await
            .expect("the lab does not stop");
    }

    fn listener(&self, message: &Message) -> SocketAddr {
        let name = if message.ignore_untrusted {
            "ignoring"
        } else {
            "refusing"
        };
        let addresses = self.relay.addresses();
        addresses
            .iter()
            .find(|(listener, _)| **listener == *name)
            .unwrap()
            .1
    }

    /// Puts together what the client, the relay and the lab say of one message.
    fn sent(&self, told: Told, closed: &ClosedTransaction) -> Sent {
        let name = closed.tenant.as_ref().unwrap();
        let tenant = self
            .scene
            .world
            .tenants
            .iter()
            .position(|tenant| tenant.name == *name);
        let tenant = tenant.unwrap();
        assert_eq!(
            closed.identity.as_ref(),
            Some(&self.identities[tenant]),
            "{closed:?}"
        );
        let id = message_id(told.number);
        let records = self.lab.journal().records();
        let of_it = records
            .into_iter()
            .filter(|record| record.message_id.as_ref() == Some(&id));
        Sent {
            tenant,
            identity: self.identities[tenant].clone(),
            message: told.message,
            recipients: told.recipients,
            code: told.code,
            records: of_it.collect(),
        }
    }
}

/// The relay's transactions of some messages, which close in any order.
struct Transactions {
    receiver: Receiver<ClosedTransaction>,
    seen: HashMap<usize, ClosedTransaction>,
}

impl Transactions {
    fn of(relay: &Relay) -> Self {
        Transactions {
            receiver: relay.transactions(),
            seen: HashMap::new(),
        }
    }

    async fn of_message(&mut self, number: usize) -> ClosedTransaction {
        loop {
            if let Some(found) = self.seen.remove(&number) {
                return found;
            }
            let next = timeout(PATIENCE, self.receiver.recv()).await;
            let closed = next.expect("no transaction closed").unwrap();
            if let Some(number) = closed
                .recipients
                .iter()
                .find_map(|recipient| number_of(recipient))
            {
                self.seen.insert(number, closed);
            }
        }
    }
}

/// The scene's world with a front end: an endpoint for each region, and this host taken for the relay's.
fn lab(scene: &Scene, folder: &TempDir) -> Lab {
    let path = |name: &str| folder.path().join(name);
    let endpoint = |region: &&str| Endpoint {
        region: Region::new(region),
        address: "127.0.0.1:0".parse().unwrap(),
        hostname: None,
    };
    let mut lab = Lab {
        world: scene.world.clone(),
        seed: scene.seed,
        server: Some(ServerSettings {
            certificate: path("relay.pem"),
            key: path("relay.key"),
            expired: None,
            trust: vec![path("servers-ca.pem")],
            tls_min_version: MinVersion::default(),
            maildir: None,
            drain: PATIENCE,
        }),
        endpoints: REGIONS.iter().map(endpoint).collect(),
        ..Lab::default()
    };
    lab.addresses.insert("127.0.0.0/8".parse().unwrap(), RELAY);
    lab
}
