//! Which certificate the relay presents for a tenant: the only one given that fits, or nobody guesses.

use std::collections::HashMap;

use jiff::Timestamp;
use tenantry_attribution::Pattern;
use tenantry_lab::world::{DomainName, Wildcard};

use super::diff::takes;
use super::draft::{Decided, Draft, Identity, Question};
use super::text::listed;
use crate::inventory::{Certificate, CertificateFile, KeyBeside, Purpose};
use crate::model::{Model, Origin};

/// Chooses each tenant's certificate file: the only one that fits it and nobody else.
pub(super) fn choose(model: &Model<'_>, drafts: &mut [Draft]) {
    let usable = Usable::of(model);
    let fits: Vec<Vec<usize>> = drafts.iter().map(|draft| usable.fitting(draft)).collect();
    let mut users: HashMap<usize, Vec<String>> = HashMap::new();
    for (draft, files) in drafts.iter().zip(&fits) {
        for file in files {
            users.entry(*file).or_default().push(draft.name.clone());
        }
    }
    for (draft, files) in drafts.iter_mut().zip(&fits) {
        draft.identity = usable.choose(draft, files, &users, model);
    }
}

/// A file with its number in the inventory.
#[derive(Clone, Copy)]
struct File<'a> {
    number: usize,
    file: &'a CertificateFile,
    leaf: &'a Certificate,
}

/// The certificate files that could be presented, by the names in them.
struct Usable<'a> {
    files: Vec<File<'a>>,
    hosts: HashMap<(Wildcard, &'a DomainName), Vec<usize>>,
    /// By every domain that the name is at or below.
    within: HashMap<DomainName, Vec<usize>>,
    /// Why others with a fitting name are out of the question.
    spoilt: Vec<(&'a CertificateFile, &'a Certificate, String)>,
}

impl<'a> Usable<'a> {
    fn of(model: &Model<'a>) -> Self {
        let inventory = model.inventory();
        let mut usable = Self {
            files: Vec::new(),
            hosts: HashMap::new(),
            within: HashMap::new(),
            spoilt: Vec::new(),
        };
        for (number, file) in inventory.certificates.iter().enumerate() {
            let leaf = file.chain.first().filter(|_| may_be_presented(file));
            let Some(leaf) = leaf else { continue };
            match spoilt(file, leaf, inventory.now) {
                Some(reason) => usable.spoilt.push((file, leaf, reason)),
                None => usable.add(File { number, file, leaf }),
            }
        }
        usable
    }

    fn add(&mut self, file: File<'a>) {
        let number = self.files.len();
        self.files.push(file);
        for (wildcard, name) in &file.leaf.names {
            self.hosts
                .entry((*wildcard, name))
                .or_default()
                .push(number);
            let mut above = Some(name.clone());
            while let Some(domain) = above {
                above = domain.parent();
                let files = self.within.entry(domain).or_default();
                if files.last() != Some(&number) {
                    files.push(number);
                }
            }
        }
    }

    /// The files of which some name is one of the tenant's, in their order.
    fn fitting(&self, draft: &Draft) -> Vec<usize> {
        let mut found = Vec::new();
        for claim in draft.certificate_claims() {
            let Ok(domain) = DomainName::parse(claim.pattern.domain().as_str()) else {
                continue;
            };
            let files = match &claim.pattern {
                Pattern::Exact(_) => self.hosts.get(&(Wildcard::No, &domain)),
                Pattern::Subtree(_) => self.within.get(&domain),
            };
            found.extend(files.into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn choose(
        &self,
        draft: &Draft,
        files: &[usize],
        users: &HashMap<usize, Vec<String>>,
        model: &Model<'_>,
    ) -> Decided<Identity> {
        let get = |number: &usize| self.files.get(*number).copied();
        let own: Vec<_> = files
            .iter()
            .filter(|number| users.get(number).is_none_or(|users| users.len() == 1))
            .filter_map(get)
            .collect();
        match own.as_slice() {
            [one] => identity(*one, "the only certificate that fits"),
            [] => Decided::Open(self.nothing(draft, files, users)),
            several => {
                let named: Vec<_> = several
                    .iter()
                    .filter(|file| is_sent(model, draft.tenant, file.number))
                    .collect();
                if let [one] = named.as_slice() {
                    let why =
                        "of those that fit, the one that the tenant's Send connector presents";
                    return identity(**one, why);
                }
                let paths = several
                    .iter()
                    .map(|one| one.file.path.display().to_string());
                let why = format!(
                    "{} certificates fit: {}; fill in the one that the relay is to present",
                    several.len(),
                    listed(paths)
                );
                Decided::Open(Question::new(placeholder(draft), why))
            }
        }
    }

    /// Why there is none.
    fn nothing(
        &self,
        draft: &Draft,
        files: &[usize],
        users: &HashMap<usize, Vec<String>>,
    ) -> Question {
        let shared = files.first().and_then(|number| {
            let file = self.files.get(*number)?.file;
            let others: Vec<&str> = users
                .get(number)?
                .iter()
                .map(String::as_str)
                .filter(|name| *name != draft.name)
                .collect();
            Some(format!(
                "{} fits {}, too, and each tenant needs a certificate of its own",
                file.path.display(),
                listed(others.iter().map(|name| format!("{name:?}")))
            ))
        });
        let spoilt = || {
            let (file, _, reason) = self.spoilt.iter().find(|(_, leaf, _)| {
                leaf.names.iter().any(|(wildcard, name)| {
                    draft
                        .certificate_claims()
                        .any(|claim| takes(&claim.pattern, *wildcard, name))
                })
            })?;
            Some(format!("{} fits, but {reason}", file.path.display()))
        };
        let names = listed(
            draft
                .certificate_claims()
                .map(|claim| claim.pattern.to_string()),
        );
        let why = shared.or_else(spoilt).unwrap_or_else(|| match names.as_str() {
            "" => "no connector of the tenant says which certificate it knows; fill in the one that the relay is to \
                   present, and make a connector with what `tenantry connectors` prints"
                .to_owned(),
            names => format!("no certificate for {names} was given; fill one in, or import with --certificates"),
        });
        Question::new(placeholder(draft), why)
    }
}

fn placeholder(draft: &Draft) -> String {
    let claim = draft.certificate_claims().next();
    claim.map_or_else(
        || "certificate".to_owned(),
        |claim| format!("certificate for {}", claim.pattern),
    )
}

fn identity(chosen: File<'_>, why: &str) -> Decided<Identity> {
    let KeyBeside::Matches(key) = &chosen.file.key else {
        // `Usable` has no others.
        return Decided::Open(Question::new("certificate", "its key is not known"));
    };
    let names = chosen.leaf.names.iter();
    let names = names.map(|(wildcard, name)| match wildcard {
        Wildcard::Yes => format!("*.{name}"),
        Wildcard::No => name.to_string(),
    });
    Decided::Known(Identity {
        certificate: chosen.file.path.clone(),
        key: key.clone(),
        origin: format!("{why}; its names: {}", listed(names)),
        place: chosen.leaf.place.clone(),
    })
}

/// Whether the tenant's Send connectors present this certificate.
fn is_sent(model: &Model<'_>, tenant: usize, file: usize) -> bool {
    model.routes_to(tenant).any(|route| {
        matches!(route.origin, Origin::SendConnector(_)) && route.certificate == Some(file)
    })
}

/// Not an authority's, not a server's: somebody's own, who is known by it.
fn may_be_presented(file: &CertificateFile) -> bool {
    match file.purpose {
        Purpose::Client | Purpose::Identity(_) => true,
        Purpose::Listener(_) | Purpose::Authority | Purpose::Lab => false,
    }
}

/// Why a certificate cannot be presented.
fn spoilt(file: &CertificateFile, leaf: &Certificate, now: Timestamp) -> Option<String> {
    if leaf.not_after < now {
        return Some(format!(
            "it has expired on {}",
            leaf.not_after.strftime("%Y-%m-%d")
        ));
    }
    if leaf.not_before > now {
        return Some(format!(
            "it is not valid before {}",
            leaf.not_before.strftime("%Y-%m-%d")
        ));
    }
    match &file.key {
        KeyBeside::Matches(_) => None,
        KeyBeside::Unknown => Some("its key is not beside it".to_owned()),
        KeyBeside::Mismatch(key) => Some(format!("{} is another certificate's key", key.display())),
        KeyBeside::Unusable(key, reason) => Some(format!("its key {} {reason}", key.display())),
    }
}
