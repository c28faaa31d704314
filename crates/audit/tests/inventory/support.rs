//! Folders with files, and what is read from them.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;
use tenantry_audit::inventory::{Inventory, ReadOptions};

/// A folder that is there for one test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Everything in it.
    pub(crate) fn read(&self) -> Inventory {
        read(&[self.path().to_owned()])
    }

    /// What is said of files that cannot be read, without this folder's path.
    pub(crate) fn told(&self, inventory: &Inventory) -> Vec<String> {
        let prefix = format!("{}/", self.path().display());
        let told = inventory.unreadable.iter().map(|problem| {
            let mark = if problem.ignored { "notice: " } else { "" };
            let text = format!(
                "{mark}{}: {}; {}",
                problem.place, problem.what, problem.remedy
            );
            text.replace(&prefix, "")
        });
        told.collect()
    }

    /// What was looked at, without this folder's path.
    pub(crate) fn sources(&self, inventory: &Inventory) -> Vec<String> {
        let sources = inventory.sources.iter().map(|source| {
            let path = source.path.strip_prefix(self.path()).unwrap();
            format!("{}: {}", path.display(), source.what)
        });
        sources.collect()
    }
}

pub(crate) fn options() -> ReadOptions {
    ReadOptions::at(Timestamp::now())
}

pub(crate) fn read(paths: &[PathBuf]) -> Inventory {
    Inventory::read(paths, &options())
}

/// A connector by certificate, as exported.
pub(crate) fn connector(name: &str, certificate: &str) -> String {
    format!(
        r#"{{"Name": "{name}", "ConnectorType": "OnPremises", "TlsSenderCertificateName": "{certificate}"}}"#
    )
}

/// Accepted domains, as exported; those under onmicrosoft.com are initial.
pub(crate) fn domains(names: &[&str]) -> String {
    let objects: Vec<String> = names
        .iter()
        .map(|name| {
            let initial = name.ends_with(".onmicrosoft.com");
            format!(r#"{{"DomainName": "{name}", "InitialDomain": {initial}}}"#)
        })
        .collect();
    format!("[{}]", objects.join(","))
}

/// `contoso: 1 inbound, 2 domains` of every tenant.
pub(crate) fn tenants(inventory: &Inventory) -> Vec<String> {
    let tenants = inventory.tenants.iter().map(|tenant| {
        let connectors = tenant.inbound_connectors.iter();
        let connectors: Vec<&str> = connectors.map(|own| own.value.name.as_str()).collect();
        let domains = tenant.accepted_domains.iter();
        let domains: Vec<&str> = domains.map(|own| own.value.domain.as_str()).collect();
        format!("{}: {connectors:?} {domains:?}", tenant.name)
    });
    tenants.collect()
}
