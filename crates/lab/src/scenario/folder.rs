//! A scenario as a folder of files, ready to run.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{Scenario, When, certificates, exports, relay, sample, world};
use crate::pki::PkiError;
use crate::world::DomainNameError;

/// What to make, and where it is to listen.
#[derive(Debug, Clone)]
pub struct InitPlan {
    /// What to make.
    pub scenario: Scenario,
    /// The address of lab and relay.
    pub address: IpAddr,
    /// The port of the first region's endpoint; the others follow.
    pub first_port: u16,
    /// The relay's port.
    pub relay_port: u16,
}

/// A folder that was made.
///
/// ```text
/// world.toml                 the lab: regions' endpoints, profile, faults
/// tenants/NAME/tenant.toml   what exports lack; beside it InboundConnector.json,
///                            AcceptedDomain.json and OrganizationConfig.json
/// relay.toml                 Tenantry in front of it
/// sample.jsonl               questions to "tenantry lab explain", and in expected.jsonl what
///                            the rules lead to; after.jsonl and expected-after.jsonl hold
///                            once the events in events.txt have happened
/// pki/authority.pem          the throw-away authority; intermediate.pem signs what is sent
///                            without it
/// pki/lab.pem, relay.pem     server certificates; every .pem has its .key
/// pki/lab-expired.pem        what the fault expired-certificate presents
/// pki/clients/, pki/tenants/ certificates of senders, and what Tenantry presents
/// ```
#[derive(Debug, Clone)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// How many tenants it has.
    pub tenants: usize,
    /// Where what listens.
    pub layout: Layout,
    /// Its questions' file has something in it.
    pub has_sample: bool,
}

/// Where what listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The regions' endpoints.
    pub endpoints: Vec<(String, SocketAddr)>,
    /// The relay's listener.
    pub relay: SocketAddr,
    /// Loopback addresses, and those that the lab takes them for.
    pub addresses: Vec<(IpAddr, IpAddr)>,
}

/// Why there is no folder.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is something already, which is never overwritten.
    #[error("{} is not empty; choose a folder that is, or a new one", .0.display())]
    NotEmpty(PathBuf),
    /// The world would have nobody in it.
    #[error("a world without tenants; ask for at least one")]
    NoTenants,
    /// The ports do not suffice.
    #[error(
        "ports from {first} on do not suffice for {regions} regions beside the relay's {relay}"
    )]
    Ports {
        /// The first port.
        first: u16,
        /// How many are needed.
        regions: usize,
        /// The relay's.
        relay: u16,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The scenario has a name that is none.
    #[error(transparent)]
    Name(#[from] DomainNameError),
}

impl Folder {
    /// Makes the folder and everything in it. Nothing is ever overwritten.
    ///
    /// # Errors
    /// When something is there already or cannot be written, or the plan cannot be.
    pub fn create(path: &Path, plan: &InitPlan) -> Result<Self, InitError> {
        let scenario = &plan.scenario;
        let layout = Layout::of(plan)?;
        let tenants = world::tenants(&scenario.world).count();
        if tenants == 0 {
            return Err(InitError::NoTenants);
        }
        make_empty(path)?;
        let identities = certificates::identities(scenario);
        let relay_s_own = |folder| identities.iter().any(|own| own.stem.starts_with(folder));
        make(&path.join("pki"))?;
        make(&path.join("tenants"))?;
        if !scenario.certificates.is_empty() {
            make(&path.join("pki/clients"))?;
        }
        if relay_s_own("pki/tenants") {
            make(&path.join("pki/tenants"))?;
        }
        certificates::make(scenario, &layout, path)?;
        for tenant in world::tenants(&scenario.world) {
            let folder = path.join("tenants").join(world::text(tenant, "name"));
            make(&folder)?;
            write(&folder.join("tenant.toml"), &world::tenant_file(tenant))?;
            for (name, text) in exports::files(tenant)? {
                write(&folder.join(name), &text)?;
            }
        }
        let questions = sample::questions(scenario, When::Before);
        let mut events = scenario.events.join("\n");
        if !events.is_empty() {
            events.push('\n');
        }
        let has_sample = !questions.is_empty();
        let files = [
            ("world.toml", world::file(scenario, &layout)),
            ("relay.toml", relay::file(scenario, &layout)),
            ("sample.jsonl", questions),
            ("expected.jsonl", sample::answers(scenario, When::Before)),
            ("after.jsonl", sample::questions(scenario, When::After)),
            (
                "expected-after.jsonl",
                sample::answers(scenario, When::After),
            ),
            ("events.txt", events),
            ("relay-sample.jsonl", sample::relay_questions(scenario)),
        ];
        for (name, text) in files.iter().filter(|(_, text)| !text.is_empty()) {
            write(&path.join(name), text)?;
        }
        Ok(Self {
            path: path.to_owned(),
            tenants,
            layout,
            has_sample,
        })
    }
}

impl Layout {
    fn of(plan: &InitPlan) -> Result<Self, InitError> {
        let regions = world::regions(&plan.scenario);
        let few = || InitError::Ports {
            first: plan.first_port,
            regions: regions.len(),
            relay: plan.relay_port,
        };
        let ports = plan.first_port..=u16::MAX;
        let endpoints: Vec<(String, SocketAddr)> = regions
            .iter()
            .cloned()
            .zip(ports.map(|port| SocketAddr::new(plan.address, port)))
            .collect();
        let clash = |(_, address): &(String, SocketAddr)| address.port() == plan.relay_port;
        if endpoints.len() < regions.len()
            || plan.first_port == 0
            || plan.relay_port == 0
            || endpoints.iter().any(clash)
        {
            return Err(few());
        }
        Ok(Self {
            endpoints,
            relay: SocketAddr::new(plan.address, plan.relay_port),
            addresses: world::addresses(&plan.scenario),
        })
    }

    /// Where a region's endpoint is reached from this machine.
    pub(super) fn reachable(&self, region: &str) -> String {
        let found = self.endpoints.iter().find(|(name, _)| name == region);
        found.map_or_else(String::new, |(_, address)| {
            let ip = match address.ip() {
                ip if !ip.is_unspecified() => ip,
                IpAddr::V4(_) => [127, 0, 0, 1].into(),
                IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            SocketAddr::new(ip, address.port()).to_string()
        })
    }
}

/// Makes the folder for its owner alone, or takes an empty one.
fn make_empty(path: &Path) -> Result<(), InitError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path))?;
    let mut entries = fs::read_dir(path).map_err(failed(path))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(InitError::NotEmpty(path.to_owned())),
    }
}

fn make(path: &Path) -> Result<(), InitError> {
    fs::create_dir(path).map_err(failed(path))
}

fn write(path: &Path, text: &str) -> Result<(), InitError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> InitError {
    |source| InitError::Write {
        path: path.to_owned(),
        source,
    }
}
