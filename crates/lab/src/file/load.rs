//! From a path to a [`Lab`]: which files belong to a world, and reading them in order.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;

use tenantry_settings::{
    Document, Place, Problem, Problems, Report, Severity, Table, beside, quoted, reason,
};

use super::Lab;
use super::sections;
use super::tenant::{self, Draft};
use super::{check, fault, folder};
use crate::export;

impl Lab {
    /// Reads a world: a TOML file, with the tenant folders that it names, or a folder with an
    /// optional `world.toml` and a tenant in every folder `*/` and `tenants/*/` that has a
    /// `tenant.toml`.
    ///
    /// # Errors
    /// Everything that is wrong, and the notices beside it.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let report = Report::default();
        let mut lab = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let (file, folders) = if path.is_dir() {
            let file = path.join(WORLD);
            let folders = folders_below(path, &report);
            (file.is_file().then_some(file), folders)
        } else {
            (Some(path.to_owned()), BTreeSet::new())
        };
        match file.and_then(|file| Some((read_text(&file, &report)?, file))) {
            Some((text, file)) => main_file(&mut lab, &file, &text, folders, &report),
            None => {
                check::tenants(&mut lab, folder::read_all(&folders, &report), &report);
            }
        }
        finish(lab, report)
    }
}

const WORLD: &str = "world.toml";
const TENANTS: &str = "tenants";
pub(super) const TENANT: &str = "tenant.toml";

/// A file's text, or a problem.
pub(super) fn read_text(path: &Path, report: &Report) -> Option<String> {
    let read = text_of(path);
    read.map_err(|problem| report.borrow_mut().push(problem))
        .ok()
}

/// A file's text, in any encoding that Windows saves text files in.
pub(super) fn text_of(path: &Path) -> Result<String, Problem> {
    let mut octets = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut octets));
    if let Err(error) = read {
        return Err(unreadable(path, &error));
    }
    if octets.len() as u64 > LARGEST {
        let what = format!("has more than {LARGEST} octets");
        let remedy = "give tenants folders of their own";
        return Err(Problem::error(Place::whole(path), what, remedy));
    }
    match export::decode(&Arc::from(path), &octets) {
        Ok(text) => Ok(text.into_owned()),
        Err(error) => {
            let (what, remedy) = error.problem.by_hand();
            Err(Problem::error(error.place, what, remedy))
        }
    }
}

/// What is said of a file or folder that cannot be opened.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let what = format!("cannot be read: {}", reason(error));
    let remedy = if error.kind() == io::ErrorKind::NotFound {
        "name a file or folder that is there"
    } else {
        "let the lab read it"
    };
    Problem::error(Place::whole(path), what, remedy)
}

/// More than 100,000 tenants need.
const LARGEST: u64 = 64 << 20;

fn main_file(
    lab: &mut Lab,
    path: &Path,
    text: &str,
    mut folders: BTreeSet<PathBuf>,
    report: &Report,
) {
    let document = Document::parse(path, text, report);
    let table = Table::new(slice::from_ref(&document), report);
    sections::plain(lab, &table);
    let patterns = table.list("tenant_folders", tenantry_settings::values::text);
    for pattern in patterns.unwrap_or_default() {
        let found = matching(&beside(path, Path::new("")), &pattern.value);
        if found.is_empty() {
            let what = format!("{} is no folder", quoted(&pattern.value));
            let remedy = "write folders relative to this file; * stands for a part of one name";
            table.report(Problem::error(pattern.place, what, remedy));
        }
        folders.extend(found);
    }
    if lab.path == path {
        report.borrow_mut().extend(passed_over(path, &folders));
    }
    let mut drafts: Vec<Draft> = table
        .tables("tenant")
        .into_iter()
        .map(|table| tenant::read(table, None))
        .collect();
    drafts.extend(folder::read_all(&folders, report));
    check::tenants(lab, drafts, report);
    sections::endpoints(lab, &table);
    for table in table.tables("fault") {
        lab.faults.extend(fault::read(table, &lab.world));
    }
    sections::events(lab, &table);
    table.finish();
}

fn finish(mut lab: Lab, report: Report) -> Result<Lab, Problems> {
    let mut problems = report.into_inner();
    if problems.has_errors() {
        return Err(problems.into());
    }
    check::notices(&lab, &mut problems);
    lab.notices = problems.into_problems();
    Ok(lab)
}

/// The tenants' folders of a world's folder, in the order of their names.
fn folders_below(path: &Path, report: &Report) -> BTreeSet<PathBuf> {
    if folder::may_be_tenant(path) {
        // A tenant's folder alone is a world of one tenant.
        return BTreeSet::from([path.to_owned()]);
    }
    let mut found = BTreeSet::new();
    for below in entries(path) {
        if folder::may_be_tenant(&below) {
            found.insert(below);
        } else if below.is_dir() && below != path.join(TENANTS) {
            report
                .borrow_mut()
                .extend(folder::no_tenant(&below, Severity::Error));
        }
    }
    // Here every folder is a tenant, or is meant to be one.
    found.extend(entries(&path.join(TENANTS)).filter(|below| below.is_dir()));
    let own = folder::no_tenant(path, Severity::Notice);
    report.borrow_mut().extend(own);
    found
}

/// A world file that is given itself leaves out tenants that its folder would have.
fn passed_over(path: &Path, folders: &BTreeSet<PathBuf>) -> Option<Problem> {
    if path.file_name()? != WORLD {
        return None;
    }
    let beside = beside(path, Path::new(""));
    let tenants = beside.join(TENANTS);
    let below = entries(&beside).chain(entries(&tenants));
    let names = |folder: &PathBuf| fs::canonicalize(folder).ok();
    let known: BTreeSet<PathBuf> = folders.iter().filter_map(names).collect();
    let left_out: BTreeSet<PathBuf> = below
        .filter(|folder| folder.join(TENANT).is_file())
        .filter(|folder| names(folder).is_some_and(|folder| !known.contains(&folder)))
        .collect();
    let first = left_out.first()?.strip_prefix(&beside).ok()?;
    let first = quoted(&first.to_string_lossy());
    let what = match left_out.len() {
        1 => format!("the tenant in {first} is left out"),
        count => format!("{count} tenants in folders are left out, {first} the first of them"),
    };
    let remedy = "give the folder in place of the file, or name them in tenant_folders";
    Some(Problem::notice(Place::whole(path), what, remedy))
}

/// The entries of a folder, hidden ones aside; none if it cannot be read.
fn entries(path: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
}

/// The folders that a pattern of `tenant_folders` names, relative to `base`: in each part of it a
/// `*` stands for any characters.
#[must_use]
pub fn matching(base: &Path, pattern: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::from([base.to_owned()]);
    for part in Path::new(pattern).components() {
        let part = part.as_os_str().to_string_lossy();
        found = match part.split_once('*') {
            None => found.into_iter().map(|path| path.join(&*part)).collect(),
            Some((before, after)) => found
                .iter()
                .flat_map(|path| entries(path))
                .filter(|path| {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    name.len() >= before.len() + after.len()
                        && name.starts_with(before)
                        && name.ends_with(after)
                })
                .collect(),
        };
    }
    found.retain(|path| path.is_dir());
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn one_star_in_each_part_of_a_pattern_stands_for_anything() {
        let base = tempfile::tempdir().unwrap();
        for folder in ["tenants/a", "tenants/ab", "tenants/.hidden", "more/a/x"] {
            fs::create_dir_all(base.path().join(folder)).unwrap();
        }
        fs::write(base.path().join("tenants/file"), "").unwrap();
        for (pattern, expected) in [
            ("tenants/*", vec!["tenants/a", "tenants/ab"]),
            ("tenants/*b", vec!["tenants/ab"]),
            ("*/a", vec!["more/a", "tenants/a"]),
            ("*/*/x", vec!["more/a/x"]),
            ("tenants/a", vec!["tenants/a"]),
            ("tenants/a*a", vec![]),
            ("nowhere/*", vec![]),
        ] {
            let found = matching(base.path(), pattern);
            let names: Vec<_> = found
                .iter()
                .map(|path| path.strip_prefix(base.path()).unwrap().to_str().unwrap())
                .collect();
            assert_eq!(names, expected, "{pattern}");
        }
    }
}
