//! A tenant's folder: `tenant.toml`, and beside it the files that administrators already have.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::slice;
use std::thread;

use tenantry_settings::{Collected, Document, Place, Problem, Report, Severity, Table, quoted};

use super::load::{TENANT, read_text, unreadable};
use super::tenant::{self, Draft};
use crate::export::{self, ExportError, Object};
use crate::world::{AcceptedDomain, DomainName, InboundConnector, Organization};

/// Reads many folders, on all processors; the tenants come in the folders' order.
pub(super) fn read_all(folders: &BTreeSet<PathBuf>, report: &Report) -> Vec<Draft> {
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = folders.len().div_ceil(workers).max(FEWEST);
    let parts = thread::scope(|scope| {
        let started: Vec<_> = folders
            .chunks(share)
            .map(|part| {
                let worker = thread::Builder::new().spawn_scoped(scope, || read_part(part));
                worker.map_err(|_no_thread| part)
            })
            .collect();
        let parts = started.into_iter().map(|worker| match worker {
            Ok(worker) => worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(part) => read_part(part),
        });
        parts.collect::<Vec<_>>()
    });
    let mut drafts = Vec::with_capacity(folders.len());
    for (read, problems) in parts {
        drafts.extend(read);
        report.borrow_mut().append(problems);
    }
    drafts
}

/// A thread for fewer folders is not worth its start.
const FEWEST: usize = 50;

fn read_part(folders: &[&Path]) -> (Vec<Draft>, Collected) {
    let report = Report::default();
    let drafts = folders.iter().filter_map(|folder| read(folder, &report));
    (drafts.collect(), report.into_inner())
}

/// Reads a folder; without a `tenant.toml` it is no tenant, which is a problem.
fn read(folder: &Path, report: &Report) -> Option<Draft> {
    let file = folder.join(TENANT);
    if !may_be_tenant(folder) {
        let what = "is missing: exports do not tell a tenant's region";
        let remedy = "write this file with at least region = \"EUR\", or the region it is";
        report
            .borrow_mut()
            .push(Problem::error(Place::whole(&file), what, remedy));
        return None;
    }
    if fs::metadata(&file).is_ok_and(|metadata| !metadata.is_file()) {
        let problem = Problem::error(
            Place::whole(&file),
            "is no file",
            "write the tenant into a file",
        );
        report.borrow_mut().push(problem);
        return None;
    }
    let text = read_text(&file, report)?;
    let document = Document::parse(&file, &text, report);
    let table = Table::new(slice::from_ref(&document), report);
    let mut draft = tenant::read(table, Some(folder));
    draft.tenant.place = Place::whole(&file);
    let mut adding = Adding::to(&mut draft, report);
    for export in exports(folder, report) {
        adding.file(&export);
    }
    Some(draft)
}

/// Whether a folder has a `tenant.toml`; one that cannot be looked into may have one.
pub(super) fn may_be_tenant(folder: &Path) -> bool {
    match fs::symlink_metadata(folder.join(TENANT)) {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    }
}

/// What is to be said of a folder that has no `tenant.toml`: nothing if no export is in it, a
/// problem if one is, and a notice if something may be one that cannot be read.
pub(super) fn no_tenant(folder: &Path, severity: Severity) -> Option<Problem> {
    let mut unreadable = None;
    for file in entries(folder).ok()? {
        match export::read_file(&file) {
            Ok(documents) if documents.iter().any(is_known) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let what = format!(
                    "holds exports ({}) but no tenant.toml: exports do not tell a tenant's region",
                    quoted(&name)
                );
                let remedy = "write a tenant.toml there with at least region = \"EUR\", or the \
                              region it is; if it is no tenant, move the exports elsewhere";
                return Some(Problem {
                    severity,
                    ..Problem::error(Place::whole(folder), what, remedy)
                });
            }
            Ok(_) => {}
            Err(_errors) => unreadable = Some(file),
        }
    }
    let file = unreadable?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let what = format!(
        "has no tenant.toml and is left out; {}, which cannot be read, may be an export",
        quoted(&name)
    );
    let remedy = "if it is a tenant, write a tenant.toml there with its region";
    Some(Problem::notice(Place::whole(folder), what, remedy))
}

fn is_known(document: &export::Document) -> bool {
    !matches!(document.object(), Ok(Object::Other(_)))
}

/// By the end of the name only: what a file is, its content tells.
fn is_export(path: &Path) -> bool {
    const ENDINGS: [&str; 4] = ["json", "xml", "clixml", "ps1"];
    let ending = path.extension().unwrap_or_default();
    let name = path.file_name().unwrap_or_default();
    let hidden = name.as_encoded_bytes().starts_with(b".");
    !hidden
        && ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
        && !path.is_dir()
}

fn exports(folder: &Path, report: &Report) -> Vec<PathBuf> {
    entries(folder).unwrap_or_else(|error| {
        report.borrow_mut().push(unreadable(folder, &error));
        Vec::new()
    })
}

/// The files that may be exports, in the order of their names.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths.filter(|path| is_export(path)).collect();
    files.sort();
    Ok(files)
}

/// A tenant to which exports are added.
struct Adding<'a> {
    draft: &'a mut Draft,
    /// Where connectors and domains stand in the draft, by their names in lower case.
    connectors: HashMap<String, usize>,
    domains: HashMap<DomainName, usize>,
    report: &'a Report,
}

impl<'a> Adding<'a> {
    fn to(draft: &'a mut Draft, report: &'a Report) -> Self {
        let connectors = draft.tenant.inbound_connectors.iter().enumerate();
        let domains = draft.tenant.accepted_domains.iter().enumerate();
        Self {
            connectors: connectors
                .map(|(at, known)| (known.name.to_lowercase(), at))
                .collect(),
            domains: domains
                .map(|(at, known)| (known.domain.clone(), at))
                .collect(),
            draft,
            report,
        }
    }

    fn complain(&self, problem: Problem) {
        self.report.borrow_mut().push(problem);
    }

    /// Adds what one file describes.
    fn file(&mut self, file: &Path) {
        let documents = match export::read_file(file) {
            Ok(documents) => documents,
            Err(errors) => return self.errors(errors),
        };
        for document in documents {
            match document.object() {
                Ok(Object::InboundConnector(connector)) => self.connector(connector),
                Ok(Object::AcceptedDomain(domain)) => self.domain(domain),
                Ok(Object::Organization(organization)) => {
                    self.organization(organization, document.node.place);
                }
                // They are what administrators have, too; attribution has no use for them.
                Ok(Object::OutboundConnector(_) | Object::SendConnector(_)) => {}
                Ok(Object::Other(node)) => self.complain(Problem::notice(
                    node.place,
                    "is nothing the lab knows: it is left out",
                    "if it was meant, export it with all its properties",
                )),
                Err(errors) => self.errors(errors),
            }
        }
    }

    fn errors(&self, errors: Vec<ExportError>) {
        for error in errors {
            self.complain(error.into());
        }
    }

    /// Two files may describe the same connector, as long as they agree. One that differs, or
    /// stands twice in one file, is found by the check.
    fn connector(&mut self, connector: InboundConnector) {
        let known = &mut self.draft.tenant.inbound_connectors;
        let name = connector.name.to_lowercase();
        let first = self.connectors.get(&name).and_then(|at| known.get(*at));
        if let Some(first) = first
            && first.place.file != connector.place.file
            && agree(first, &connector)
        {
            let what = format!("connector {}", quoted(&connector.name));
            let problem = twice(connector.place, &what, &first.place);
            return self.complain(problem);
        }
        self.connectors.entry(name).or_insert(known.len());
        known.push(connector);
    }

    fn domain(&mut self, domain: AcceptedDomain) {
        let known = &mut self.draft.tenant.accepted_domains;
        let what = format!("accepted domain {}", domain.domain);
        let at = self.domains.get(&domain.domain);
        let first = at.and_then(|at| known.get_mut(*at));
        match first.filter(|first| first.place.file != domain.place.file) {
            Some(first) if self.draft.plain.remove(&domain.domain) => {
                // By hand it has only its name; the export knows more.
                let problem = twice(first.place.clone(), &what, &domain.place);
                *first = domain;
                self.complain(problem);
            }
            Some(first) if alike(first, &domain) => {
                let problem = twice(domain.place, &what, &first.place);
                self.complain(problem);
            }
            Some(_) | None => {
                self.domains
                    .entry(domain.domain.clone())
                    .or_insert(known.len());
                known.push(domain);
            }
        }
    }

    /// What is written by hand goes before what was exported; two exports have to agree.
    fn organization(&mut self, organization: Organization, place: Place) {
        let Some(first) = &self.draft.organization else {
            self.draft.tenant.organization = organization;
            self.draft.organization = Some(place);
            return;
        };
        if self.draft.tenant.organization == organization {
            return;
        }
        let by_hand = first
            .file
            .as_deref()
            .and_then(Path::file_name)
            .is_some_and(|name| name == TENANT);
        let what = format!("organisation settings differ from those in {first}");
        self.complain(if by_hand {
            Problem::notice(place, what, "nothing, if they are meant to: those win")
        } else {
            Problem::error(place, what, "keep the newer export")
        });
    }
}

fn agree(left: &InboundConnector, right: &InboundConnector) -> bool {
    let values = |connector: &InboundConnector| {
        let mut plain = connector.clone();
        plain.name = connector.name.to_lowercase();
        plain.connector_source = String::new();
        plain.other.clear();
        plain.place = Place::default();
        format!("{plain:?}")
    };
    values(left) == values(right)
}

fn alike(left: &AcceptedDomain, right: &AcceptedDomain) -> bool {
    let values = |domain: &AcceptedDomain| {
        let mut plain = domain.clone();
        plain.other.clear();
        plain.place = Place::default();
        format!("{plain:?}")
    };
    values(left) == values(right)
}

fn twice(place: Place, what: &str, other: &Place) -> Problem {
    let said = format!("{what} stands in {other}, too");
    Problem::notice(place, said, "keep one of the two")
}
