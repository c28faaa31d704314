//! Reading the main file and the files it includes into trees.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenantry_settings::{Mistake, Source, expand, quoted, reason};
use toml::Spanned;
use toml::de::{DeTable, Error};

use super::file::{
    AllowSection, FileSection, IncludedSection, LintSection, ListenerSection, PeerSection,
    TenantSection,
};
use super::problem::{Place, Problem};
use super::tree::{Heading, Reader, Section, Setting, Tables};
use super::values::RelativePath;

/// What all files say together.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The main file; absent when it cannot be read.
    pub(super) main: Option<FileSection>,
    /// Files with syntax errors: what is missing in them may stand in the part that was not read.
    pub(super) broken: Vec<Arc<Path>>,
    pub(super) listeners: Vec<ListenerSection>,
    pub(super) peers: Vec<PeerSection>,
    pub(super) tenants: Vec<TenantSection>,
    pub(super) allowances: Vec<AllowSection>,
}

/// Reads the main file and what it includes; every problem is reported, and what can be read is. A main file that
/// cannot be read is a problem of the key at the place that names it.
pub(super) fn read(
    path: &Path,
    named_at: &Place,
    named_by: &str,
    problems: &mut Vec<Problem>,
) -> Files {
    let mut files = Files::default();
    let read = section::<FileSection>(path, named_at, named_by, &mut files.broken, problems);
    let Some(mut main) = read else { return files };
    let patterns = main
        .include
        .take()
        .map(|setting| setting.value)
        .unwrap_or_default();
    files.listeners.append(&mut tables(main.listener.take()));
    files.peers.append(&mut tables(main.peer.take()));
    files.tenants.append(&mut tables(main.tenant.take()));
    let lint = main.lint.take().map(|setting| setting.value.0);
    files.allowances.append(&mut allowances(lint));
    files.main = Some(main);

    // A file that two patterns match is read once; the main file never again.
    let mut seen: HashSet<PathBuf> = path.canonicalize().into_iter().collect();
    for pattern in &patterns {
        for found in matches(pattern, problems) {
            let canonical = found.canonicalize().unwrap_or_else(|_| found.clone());
            if !seen.insert(canonical) {
                continue;
            }
            let broken = &mut files.broken;
            let read = section::<IncludedSection>(&found, &pattern.at, "include", broken, problems);
            let Some(included) = read else { continue };
            files.listeners.append(&mut tables(included.listener));
            files.peers.append(&mut tables(included.peer));
            files.tenants.append(&mut tables(included.tenant));
            let lint = included.lint.map(|setting| setting.value.0);
            files.allowances.append(&mut allowances(lint));
        }
    }
    files
}

fn tables<T>(setting: Option<Setting<Tables<T>>>) -> Vec<T> {
    setting.map(|setting| setting.value.0).unwrap_or_default()
}

fn allowances(lint: Option<LintSection>) -> Vec<AllowSection> {
    lint.map(|lint| tables(lint.allow)).unwrap_or_default()
}

pub(super) fn section<T: Section>(
    path: &Path,
    named_at: &Place,
    named_by: &str,
    broken: &mut Vec<Arc<Path>>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let text = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            let remedy = "save the file as UTF-8";
            problems.push(Place::file(path).error("", "is not UTF-8 text", remedy));
            return None;
        }
        Err(error) => {
            let what = format!("{} cannot be read: {}", path.display(), reason(&error));
            problems.push(named_at.error(named_by, what, "check the name and the permissions"));
            return None;
        }
    };
    let source = Source::new(path, &text);
    let (tree, mistakes): (Spanned<DeTable<'_>>, Vec<Error>) = DeTable::parse_recoverable(&text);
    for mistake in &mistakes {
        problems.push(syntax(&source, mistake));
    }
    let heading = Heading::new(String::new(), Place::file(path));
    if !mistakes.is_empty() {
        broken.push(Arc::clone(&heading.at.file));
    }
    Some(T::read(
        heading,
        tree.get_ref(),
        &mut Reader {
            source: &source,
            problems,
        },
    ))
}

fn syntax(source: &Source<'_>, error: &Error) -> Problem {
    let at = error.span().map_or_else(
        || Place::file(source.file()),
        |span| Place::of(source, span.start),
    );
    let Mistake { what, remedy } = Mistake::syntax(error);
    at.error("", what, remedy)
}

/// The files that an `include` names, sorted by name.
fn matches(pattern: &Setting<RelativePath>, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let written = &pattern.value.0;
    let shown = quoted(&written.to_string_lossy());
    let directory = pattern.at.file.parent().unwrap_or(Path::new(""));
    let has_wildcard = written.to_string_lossy().contains(['*', '?']);
    match expand(directory, written) {
        Ok(found) if found.is_empty() && has_wildcard => {
            let what = format!("{shown} matches no file");
            let remedy = "check the pattern, or remove it if there is nothing to include yet";
            problems.push(pattern.at.warning("include", what, remedy));
            found
        }
        Ok(found) => found,
        Err(error) => {
            let what = format!("{shown} cannot be looked up: {}", reason(&error));
            let remedy = "check the name and the permissions of the directory";
            problems.push(pattern.at.error("include", what, remedy));
            Vec::new()
        }
    }
}
