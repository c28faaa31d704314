//! What a plan needs in memory: certificates, contents, addresses.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenantry_net::{Identity, LoadTls, LoadTlsSettings, LoadVersions, Trust};
use tenantry_settings::values::host_and_port;
use tenantry_settings::{Place, Problem, closest, quoted};

use super::{Goal, RunError};
use crate::content::Contents;
use crate::identity::{Complaints, Roster, complaint, members};
use crate::mix::weights;
use crate::plan::{EvidenceMix, Pace, Plan, TenantMix, TlsMode, TlsVersions};
use crate::template::Template;
use crate::verify::Presented;
use crate::worker::TlsOf;

/// Everything that does not change from trial to trial.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) roster: Arc<Roster>,
    pub(crate) contents: Arc<Contents>,
    pub(crate) tls: Arc<TlsOf>,
    pub(crate) sender: Template,
    pub(crate) recipient: Template,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) host: String,
    pub(crate) presented: Presented,
}

impl Prepared {
    pub(super) fn load(plan: &Plan) -> Result<Self, RunError> {
        let mut complaints = Complaints::default();
        let roster = Roster::load(&plan.identities, &mut complaints);
        let contents = Contents::load(&plan.content, &plan.target.hello, &mut complaints);
        let trust = trust(plan, &mut complaints);
        let presented = presented(plan, &roster, &mut complaints);
        let template = |text: &str| Template::parse(text).ok();
        let sender = template(&plan.envelope.sender);
        let recipient = template(&plan.envelope.recipient);
        able(plan, &roster, &mut complaints);
        weighed(plan, &roster, &mut complaints);
        shared_out(plan, &mut complaints);
        let tls = tls(plan, &roster, trust.as_ref(), &mut complaints);
        let findable =
            |template: &Option<Template>| template.as_ref().is_some_and(Template::has_id);
        if plan.check.is_some() && !(findable(&sender) && findable(&recipient)) {
            complaints.push(of_plan(
                "envelope",
                "messages are to be found in a journal, but their addresses have no {id}",
                "write {id} into sender and recipient",
            ));
        }
        let (Some(sender), Some(recipient), Some(tls), true) =
            (sender, recipient, tls, !complaints.has_errors())
        else {
            return Err(RunError::Plan(complaints.into()));
        };
        let (host, addresses) = resolve(&plan.target.address)?;
        Ok(Self {
            roster: Arc::new(roster),
            contents: Arc::new(contents),
            tls: Arc::new(tls),
            sender,
            recipient,
            addresses,
            host,
            presented,
        })
    }
}

/// Whether there is what the mix of evidence needs.
fn able(plan: &Plan, roster: &Roster, complaints: &mut Complaints) {
    let EvidenceMix {
        certificate,
        sender,
        recipient,
        conflicting,
        ..
    } = plan.evidence;
    if roster.tenants.is_empty() && sender + recipient + certificate + conflicting > 0.0 {
        complaints.push(of_plan(
            "identities",
            "there are no tenants",
            "write identities.folder, or [[tenant]] with name and domain",
        ));
        return;
    }
    if conflicting > 0.0 && roster.tenants.len() < 2 {
        complaints.push(of_plan(
            "evidence.conflicting",
            "one tenant alone cannot be in conflict",
            "name a second tenant",
        ));
    }
    certified(plan, roster, complaints);
}

/// Whether there are the certificates that the mix of evidence needs, and a way to present them.
fn certified(plan: &Plan, roster: &Roster, complaints: &mut Complaints) {
    let by_tenants = plan.evidence.certificate + plan.evidence.conflicting;
    let untrusted = plan.evidence.untrusted;
    let mut identities = roster
        .tenants
        .iter()
        .filter_map(|one| one.identity.as_ref());
    if by_tenants > 0.0 && identities.next().is_none() {
        complaints.push(of_plan(
            "evidence",
            "no tenant has a certificate to be known by",
            "write identities.folder, or certificate and key of [[tenant]]",
        ));
    }
    if untrusted > 0.0 && roster.untrusted.is_none() {
        complaints.push(of_plan(
            "evidence.untrusted",
            "there is no certificate that is not trusted",
            "write identities.untrusted_certificate and identities.untrusted_key",
        ));
    }
    if plan.target.tls == TlsMode::Off && by_tenants + untrusted > 0.0 {
        complaints.push(of_plan(
            "target.tls",
            "is off, and without TLS there are no certificates",
            "write \"starttls\", or evidence by sender",
        ));
    }
}

/// Whether weights are those of tenants that there are, and say anything.
fn weighed(plan: &Plan, roster: &Roster, complaints: &mut Complaints) {
    let TenantMix::Weighted { weights: by_name } = &plan.tenants else {
        return;
    };
    let names: BTreeSet<&str> = roster.tenants.iter().map(|tenant| &*tenant.name).collect();
    // With a limit there may be more than are read.
    let all = plan.identities.limit == 0 || names.len() < plan.identities.limit as usize;
    for name in by_name.keys().filter(|_| all) {
        if !names.contains(name.as_str()) {
            let remedy = match closest(name, names.iter().copied()) {
                Some(known) => format!("did you mean {}?", quoted(known)),
                None => "name one of the tenants".to_owned(),
            };
            let what = format!("there is no tenant {}", quoted(name));
            complaints.push(of_plan("mix.weights", &what, &remedy));
        }
    }
    let by_tenants = plan.evidence.certificate + plan.evidence.conflicting;
    let counted = weights(&plan.tenants, &roster.tenants).into_iter();
    let counted = counted.zip(&roster.tenants).filter(|(weight, tenant)| {
        *weight > 0.0 && (by_tenants <= 0.0 || tenant.identity.is_some())
    });
    if counted.count() == 0 && !names.is_empty() {
        complaints.push(of_plan(
            "mix.weights",
            "no tenant that could come has a weight above 0",
            "write a weight above 0",
        ));
    }
}

/// Whether this shard has a part of the connections.
fn shared_out(plan: &Plan, complaints: &mut Complaints) {
    let (Pace::Closed { connections } | Pace::Open { connections, .. }) = plan.pace;
    let most = match plan.pace {
        Pace::Closed { .. } => {
            let steps = plan.steps.iter().copied();
            steps.fold(f64::from(connections), f64::max)
        }
        Pace::Open { .. } => f64::from(connections),
    };
    if most <= f64::from(plan.shard.index - 1) {
        let what = format!("shard {} has none of {connections}", plan.shard);
        complaints.push(of_plan(
            "pace.connections",
            &what,
            "take as many connections as there are shards, or fewer shards",
        ));
    }
}

fn trust(plan: &Plan, complaints: &mut Complaints) -> Option<Arc<Trust>> {
    if plan.target.trust.is_empty() {
        return None;
    }
    let mut builder = Trust::builder();
    for path in &plan.target.trust {
        if let Err(error) = builder.add_pem_file(path) {
            complaints.push(complaint(
                path,
                error.to_string(),
                "name an authority's file",
            ));
        }
    }
    match builder.build() {
        Ok(trust) => Some(trust),
        Err(error) => {
            complaints.push(of_plan(
                "target.trust",
                &error.to_string(),
                "name authorities",
            ));
            None
        }
    }
}

fn presented(plan: &Plan, roster: &Roster, complaints: &mut Complaints) -> Presented {
    let folder = plan
        .check
        .as_ref()
        .and_then(|check| check.presented.as_deref());
    match folder {
        Some(folder) => Presented::new(&members(folder, usize::MAX, complaints)),
        None => Presented::new(&roster.tenants),
    }
}

fn tls(
    plan: &Plan,
    roster: &Roster,
    trust: Option<&Arc<Trust>>,
    complaints: &mut Complaints,
) -> Option<TlsOf> {
    let versions = match plan.target.tls_versions {
        TlsVersions::Both => LoadVersions::Both,
        TlsVersions::Tls12 => LoadVersions::Tls12,
        TlsVersions::Tls13 => LoadVersions::Tls13,
    };
    let make = |identity: Option<&Arc<Identity>>| {
        LoadTls::new(LoadTlsSettings {
            identity: identity.cloned(),
            trust: trust.cloned(),
            server_name: plan.target.server_name.clone(),
            versions,
        })
    };
    let peer = match make(roster.peer.as_ref()) {
        Ok(peer) => peer,
        Err(error) => {
            complaints.push(of_plan(
                "target.server_name",
                &error.to_string(),
                "correct it",
            ));
            return None;
        }
    };
    let of = |identity: &Option<Arc<Identity>>| make(Some(identity.as_ref()?)).ok();
    Some(TlsOf {
        tenants: roster
            .tenants
            .iter()
            .map(|tenant| of(&tenant.identity))
            .collect(),
        peer,
        untrusted: of(&roster.untrusted),
    })
}

fn resolve(target: &str) -> Result<(String, Vec<SocketAddr>), RunError> {
    let (host, port) = host_and_port(target).unwrap_or((target, 25));
    let failed = |error| RunError::Resolve {
        host: host.to_owned(),
        error,
    };
    let found = (host, port).to_socket_addrs().map_err(failed)?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(failed(error));
    }
    Ok((host.to_owned(), addresses))
}

/// Asks the system for as many open files as there will be connections.
pub(super) fn open_files(plan: &Plan, goal: Goal) -> Result<(), RunError> {
    let connections = match (plan.pace, goal) {
        (Pace::Closed { connections }, Goal::Measure) => {
            let most = plan
                .steps
                .iter()
                .copied()
                .fold(f64::from(connections), f64::max);
            most.ceil()
        }
        (Pace::Closed { connections } | Pace::Open { connections, .. }, _) => {
            f64::from(connections)
        }
    };
    let wanted = (connections / f64::from(plan.shard.count)).ceil() as u64;
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted + SPARE_FILES;
    let Some(current) = limit.current.filter(|current| *current < needed) else {
        return Ok(());
    };
    let raised = Rlimit {
        current: Some(limit.maximum.map_or(needed, |maximum| maximum.min(needed))),
        maximum: limit.maximum,
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current.unwrap_or(needed),
        Err(_) => current,
    };
    if allowed < needed {
        return Err(RunError::OpenFiles { wanted, allowed });
    }
    Ok(())
}

fn of_plan(key: &str, what: &str, remedy: &str) -> Problem {
    let place = Place {
        path: key.to_owned(),
        ..Place::whole(Path::new("plan"))
    };
    Problem::error(place, what, remedy)
}

/// Files that a process has open beside its connections.
const SPARE_FILES: u64 = 64;
