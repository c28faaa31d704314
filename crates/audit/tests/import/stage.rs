//! A folder with exports, certificates and the relay that is made of them.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_audit::import::Import;
use tenantry_audit::inventory::{Inventory, ReadOptions};
use tenantry_lab::pki::Authority;
use tenantry_relay::config::Config;

/// The folder.
pub(crate) struct Stage {
    folder: TempDir,
    authority: Authority,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("Throw-away authority").unwrap();
        authority.write(folder.path(), "authority").unwrap();
        let server = authority.server(&["relay.corp.example"]).unwrap();
        server.write(folder.path(), "relay").unwrap();
        for name in ["exports", "tls", "tenants.d"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, authority }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// What a tenant's cmdlets gave.
    pub(crate) fn tenant(&self, name: &str, connectors: &Value, domains: &Value) {
        let at = format!("exports/{name}");
        self.write(
            &format!("{at}/InboundConnector.json"),
            connectors.to_string(),
        );
        self.write(&format!("{at}/AcceptedDomain.json"), domains.to_string());
    }

    /// A certificate with its key, in the folder of certificates.
    pub(crate) fn certificate(&self, stem: &str, names: &[&str]) {
        let issued = self.authority.client(names).unwrap();
        issued.write(&self.path().join("tls"), stem).unwrap();
    }

    /// The exports and certificates, with the configuration if it is there.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut options = ReadOptions::at(Timestamp::now());
        let tls = self.path().join("tls");
        if fs::read_dir(&tls).unwrap().next().is_some() {
            options.certificates = vec![tls];
        }
        let config = self.path().join("relay.toml");
        options.config = config.exists().then_some(config);
        let inventory = Inventory::read(&[self.path().join("exports")], &options);
        let unreadable: Vec<_> = inventory.unreadable.iter().collect();
        assert!(unreadable.is_empty(), "{unreadable:#?}");
        inventory
    }

    pub(crate) fn import(&self) -> Import {
        Import::of(&self.inventory())
    }

    /// Writes what was imported, and a relay around it.
    pub(crate) fn install(&self, import: &Import) -> PathBuf {
        let folder = self.path().join("tenants.d");
        for draft in &import.drafts {
            fs::write(folder.join(&draft.file_name), draft.text(Some(&folder))).unwrap();
        }
        self.write("relay.toml", RELAY)
    }

    /// The relay that was imported.
    pub(crate) fn relay(&self, import: &Import) -> Config {
        let path = self.install(import);
        Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What is wrong with the relay that was imported.
    pub(crate) fn problems(&self, import: &Import) -> String {
        let path = self.install(import);
        let problems = Config::load(&path).expect_err("check refuses it");
        let prefix = format!("{}/", self.path().display());
        problems.to_string().replace(&prefix, "")
    }
}

/// A connector of the organisation's own servers.
pub(crate) fn on_premises(name: &str, certificate: &str) -> Value {
    json!({
        "Name": name, "Enabled": true, "ConnectorType": "OnPremises", "SenderDomains": ["smtp:*;1"],
        "SenderIPAddresses": [], "TlsSenderCertificateName": certificate,
    })
}

pub(crate) fn accepted(name: &str) -> Value {
    json!({ "DomainName": name, "DomainType": "Authoritative", "Default": false, "InitialDomain": false })
}

/// A value with some properties of it changed.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("no object: {changes}")
    };
    object.as_object_mut().unwrap().extend(changes);
    object
}

/// Everything but tenants.
const RELAY: &str = r#"
hostname = "relay.corp.example"
include = ["tenants.d/*.toml"]

[[listener]]
address = "127.0.0.1:2525"
tls = "starttls-required"
certificate = "relay.pem"
key = "relay.key"
client_certificates = "request"
trust = ["authority.pem"]

[[peer]]
name = "exchange"
networks = ["10.1.0.0/24"]
tenants = ["*"]
exchange = true
"#;
