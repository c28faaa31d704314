//! Whose mail it is: tenants with their certificates, from folders and lists.

mod relay;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenantry_net::Identity;
use tenantry_settings::{Collected, Place, Problem};

use crate::plan::{Identities, KeyPair};

/// Everybody that a run has mail of.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) tenants: Vec<Member>,
    pub(crate) peer: Option<Arc<Identity>>,
    pub(crate) untrusted: Option<Arc<Identity>>,
}

/// A tenant with its certificate in memory.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) domain: Arc<str>,
    pub(crate) weight: f64,
    pub(crate) identity: Option<Arc<Identity>>,
}

/// What is wrong with files that a plan names.
pub(crate) type Complaints = Collected;

impl Roster {
    /// Reads all certificates; what cannot be used is added to the complaints.
    pub(crate) fn load(plan: &Identities, complaints: &mut Complaints) -> Self {
        let mut tenants: Vec<Member> = Vec::new();
        for tenant in &plan.list {
            let pair = tenant.certificate.as_ref();
            tenants.push(Member {
                name: tenant.name.as_str().into(),
                domain: tenant.domain.as_str().into(),
                weight: tenant.weight,
                identity: pair.and_then(|pair| identity(pair, complaints)),
            });
        }
        let mut peer = plan.peer.clone();
        if let Some(folder) = &plan.folder {
            let room = match plan.limit {
                0 => MOST_TENANTS,
                limit => (limit as usize).saturating_sub(tenants.len()),
            };
            tenants.extend(members(folder, room, complaints));
            let client = pair(&folder.join("client"));
            peer = peer.or(client.filter(is_there));
        }
        if plan.limit > 0 {
            tenants.truncate(plan.limit as usize);
        }
        unique(&tenants, complaints);
        Self {
            tenants,
            peer: peer.and_then(|pair| identity(&pair, complaints)),
            untrusted: plan
                .untrusted
                .as_ref()
                .and_then(|pair| identity(pair, complaints)),
        }
    }
}

/// The tenants of a folder, in the order of their names.
pub(crate) fn members(folder: &Path, room: usize, complaints: &mut Complaints) -> Vec<Member> {
    let relay = folder.join("relay.toml");
    if relay.is_file() {
        return relay::members(&relay, room, complaints);
    }
    let tenants = folder.join("tenants");
    let place = if tenants.is_dir() { &tenants } else { folder };
    let pairs = match pairs(place) {
        Ok(pairs) => pairs,
        Err(error) => {
            complaints.push(complaint(
                place,
                format!("cannot be read: {error}"),
                "name a folder as `tenantry pki` or `tenantry lab init` make it",
            ));
            return Vec::new();
        }
    };
    if pairs.is_empty() {
        complaints.push(complaint(
            place,
            "has no certificates".to_owned(),
            "put pairs of NAME.pem and NAME.key there, as `tenantry pki` does",
        ));
    }
    let mut members = Vec::new();
    for (name, pair) in pairs.into_iter().take(room) {
        let Some(identity) = identity(&pair, complaints) else {
            continue;
        };
        let Some(domain) = identity.names().iter().find_map(|name| domain_of(name)) else {
            complaints.push(complaint(
                &pair.certificate,
                "has no DNS name".to_owned(),
                "name the tenant and its domain in the plan: [[tenant]]",
            ));
            continue;
        };
        members.push(Member {
            name: name.into(),
            domain: domain.into(),
            weight: 1.0,
            identity: Some(identity),
        });
    }
    members
}

/// The domain of a tenant whose mail server has this name: `mail.contoso.example` is of
/// `contoso.example`.
fn domain_of(name: &str) -> Option<String> {
    let name = name.strip_prefix("*.").unwrap_or(name);
    match name.split_once('.') {
        Some((_, rest)) if rest.contains('.') => Some(rest.to_owned()),
        Some(_) => Some(name.to_owned()),
        None => None,
    }
}

fn pairs(folder: &Path) -> std::io::Result<Vec<(String, KeyPair)>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_certificate = path.extension().is_some_and(|extension| extension == "pem");
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            && is_certificate
            && path.with_extension("key").is_file()
        {
            names.insert(stem.to_owned());
        }
    }
    let found = names.into_iter().filter_map(|name| {
        let pair = pair(&folder.join(&name))?;
        Some((name, pair))
    });
    Ok(found.collect())
}

fn pair(stem: &Path) -> Option<KeyPair> {
    let name = stem.file_name()?.to_str()?;
    let with = |ending: &str| stem.with_file_name(format!("{name}.{ending}"));
    Some(KeyPair {
        certificate: with("pem"),
        key: with("key"),
    })
}

fn is_there(pair: &KeyPair) -> bool {
    pair.certificate.is_file() && pair.key.is_file()
}

fn identity(pair: &KeyPair, complaints: &mut Complaints) -> Option<Arc<Identity>> {
    match Identity::load(&pair.certificate, &pair.key) {
        Ok(identity) => Some(identity),
        Err(error) => {
            let path: &PathBuf = &pair.certificate;
            complaints.push(complaint(path, error.to_string(), "name another pair"));
            None
        }
    }
}

/// Names and domains are what messages are told apart by.
fn unique(tenants: &[Member], complaints: &mut Complaints) {
    let mut names = BTreeSet::new();
    let mut domains = BTreeSet::new();
    for tenant in tenants {
        for (what, text, seen) in [
            ("name", &tenant.name, &mut names),
            ("domain", &tenant.domain, &mut domains),
        ] {
            if !seen.insert(text.to_ascii_lowercase()) {
                let what = format!("two tenants have the {what} {text:?}");
                complaints.push(complaint(
                    Path::new("identities"),
                    what,
                    "give each tenant its own",
                ));
            }
        }
    }
}

pub(crate) fn complaint(place: &Path, what: String, remedy: &str) -> Problem {
    Problem::error(Place::whole(place), what, remedy)
}

const MOST_TENANTS: usize = 1_000_000;
