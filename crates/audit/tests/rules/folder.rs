//! A fixture's folder with its certificates, in a place of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tenantry_audit::finding::Finding;
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_audit::output::{self, Colours, Report};
use tenantry_net::Trust;

use crate::case::{self, Case, Variant};
use crate::certificates::{self, Authorities};

/// A folder that was made and read.
pub(crate) struct Made {
    _folder: TempDir,
    path: PathBuf,
    pub(crate) trust: Arc<Trust>,
    pub(crate) inventory: Inventory,
}

impl Made {
    pub(crate) fn of(name: &str, case: &Case, variant: Variant) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("files");
        copy(&case::folder(name).join(variant.word()), &path);
        let sha1 = case.certificates.iter().any(|certificate| certificate.sha1);
        let authorities = Authorities::new(case.now, sha1);
        certificates::make(case, variant, &authorities, &path);
        let trusted = authorities.root.write(folder.path(), "trusted").unwrap();
        let mut trust = Trust::builder();
        trust.add_pem_file(&trusted).unwrap();
        let options = ReadOptions {
            trust: vec![trusted],
            ..ReadOptions::at(case.now)
        };
        Self {
            inventory: Inventory::read(std::slice::from_ref(&path), &options),
            trust: trust.build().unwrap(),
            _folder: folder,
            path,
        }
    }

    /// The path of one of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        tenantry_audit::lint(&self.inventory, &[])
    }

    /// What lint prints, with paths as from within the folder.
    pub(crate) fn text(&self, findings: &[Finding]) -> String {
        let report = Report::new(&self.inventory, findings);
        let mut out = Vec::new();
        output::text(&mut out, &report, Colours::None).unwrap();
        let text = String::from_utf8(out).unwrap();
        let here = self.path.to_str().unwrap();
        let text = text.replace(&format!("{here}/"), "").replace(here, ".");
        let above = self.path.parent().unwrap().to_str().unwrap();
        text.replace(above, "..")
    }
}

/// Everything but what is expected.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else if entry.file_name() != "expected.txt" {
            fs::copy(path, to).unwrap();
        }
    }
}
