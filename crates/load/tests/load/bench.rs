//! An upstream, certificates and plans for a test.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, Issued, Pki, PkiPlan};
use tenantry_lab::upstream::{RecordingUpstream, Security, UpstreamSettings};
use tenantry_load::plan::{Overrides, Plan};
use tenantry_load::result::Outcome;
use tenantry_load::run::{Goal, Run};
use tokio::runtime::Runtime;

/// Everything that a run needs.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) pki: Pki,
    pub(crate) runtime: Runtime,
}

impl Bench {
    pub(crate) fn new(tenants: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let plan = PkiPlan {
            tenants,
            ..PkiPlan::default()
        };
        let pki = Pki::create(&folder.path().join("pki"), &plan).unwrap();
        Self {
            folder,
            pki,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A server certificate, and the authority that clients' certificates are of.
    pub(crate) fn server(&self) -> (Issued, Authority) {
        let authority = Authority::new("Another authority").unwrap();
        (authority.server(&["localhost"]).unwrap(), authority)
    }

    /// Settings of an upstream that knows every tenant's certificate.
    pub(crate) fn settings(&self) -> UpstreamSettings {
        let (server, authority) = self.server();
        let mut settings = UpstreamSettings::starttls(&server, &[&authority])
            .demanding(tenantry_lab::upstream::ClientCertificates::Request);
        if let Security::Starttls(tls) = &mut settings.security {
            let own = std::fs::read_to_string(&self.pki.authority.certificate);
            tls.authorities.push(own.unwrap());
        }
        for tenant in &self.pki.tenants {
            settings
                .tenants
                .insert(tenant.fingerprint.clone(), tenant.tenant.clone());
        }
        settings
    }

    pub(crate) fn upstream(&self, settings: UpstreamSettings) -> RecordingUpstream {
        self.runtime
            .block_on(RecordingUpstream::start(settings))
            .unwrap()
    }

    /// A plan for an upstream; `more` is TOML.
    pub(crate) fn plan(&self, upstream: &RecordingUpstream, more: &str) -> Plan {
        self.plan_for(&upstream.address().to_string(), "starttls", more)
    }

    pub(crate) fn plan_for(&self, address: &str, tls: &str, more: &str) -> Plan {
        let text = format!(
            "[target]\naddress = '{address}'\ntls = '{tls}'\n[identities]\nfolder = 'pki'\n{more}"
        );
        let path = self.path().join("plan.toml");
        Plan::read(&path, &text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Runs a plan to its end.
pub(crate) fn run(plan: Plan) -> Outcome {
    run_for(plan, Goal::Measure)
}

pub(crate) fn run_for(plan: Plan, goal: Goal) -> Outcome {
    let run = Run::prepare(plan).unwrap_or_else(|error| panic!("{error}"));
    let running = run.start(goal).unwrap();
    running.finish().unwrap()
}

/// How long a test waits for what must happen.
pub(crate) const WAIT: Duration = Duration::from_secs(30);
