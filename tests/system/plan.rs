//! What a world shall consist of, in a few words, and how that becomes a configuration.

use std::fmt::Write as _;

use tempfile::TempDir;
use tenantry_lab::pki::Issued;
use tenantry_lab::upstream::{RecordingUpstream, UpstreamSettings};
use tenantry_relay::Relay;

use crate::world::{Pki, World, load};

/// What a world shall consist of.
pub(crate) struct Plan {
    head: String,
    limits: String,
    timeouts: String,
    log: String,
    listeners: Vec<(&'static str, String)>,
    peers: String,
    tenants: Vec<TenantPlan>,
    upstreams: Vec<MakeUpstream>,
}

/// One tenant of a plan.
#[derive(Clone, Debug)]
pub(crate) struct TenantPlan {
    name: String,
    /// Further keys of its table.
    keys: String,
    upstream: usize,
}

type MakeUpstream = Box<dyn FnOnce(&Pki) -> UpstreamSettings>;

impl Plan {
    /// Nothing but the host name.
    pub(crate) fn empty() -> Self {
        Plan {
            head: "hostname = \"relay.test\"\ndrain = \"5s\"\n".to_owned(),
            limits: String::new(),
            timeouts: String::new(),
            log: String::new(),
            listeners: Vec::new(),
            peers: String::new(),
            tenants: Vec::new(),
            upstreams: Vec::new(),
        }
    }

    /// Tenants `a`, `b` and `c` with a STARTTLS upstream each, all listeners, and clients on [`crate::client::PEER`]
    /// that may send for all of them. Tenant `a` has `tenant-a.example` as certificate, sender (with everything below)
    /// and recipient domain, and so on.
    pub(crate) fn standard() -> Self {
        Plan::empty()
            .listeners()
            .peer(
                "application",
                "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
            )
            .starttls_upstream()
            .starttls_upstream()
            .starttls_upstream()
            .tenant(TenantPlan::owning("a", 0))
            .tenant(TenantPlan::owning("b", 1))
            .tenant(TenantPlan::owning("c", 2))
    }

    /// The listeners `plain`, `starttls`, `required` and `implicit`; all but the first ask for certificates.
    pub(crate) fn listeners(self) -> Self {
        self.listener("plain", "tls = \"off\"")
            .listener("starttls", &format!("tls = \"starttls\"\n{ASKING}"))
            .listener(
                "required",
                &format!("tls = \"starttls-required\"\n{ASKING}"),
            )
            .listener("implicit", &format!("tls = \"implicit\"\n{ASKING}"))
    }

    /// One more listener, or other keys for one; certificate and key are added unless TLS is off.
    pub(crate) fn listener(mut self, name: &'static str, keys: &str) -> Self {
        self.listeners.retain(|(listener, _)| *listener != name);
        self.listeners.push((name, keys.to_owned()));
        self
    }

    /// One more peer, with its keys.
    pub(crate) fn peer(mut self, name: &str, keys: &str) -> Self {
        write!(self.peers, "\n[[peer]]\nname = \"{name}\"\n{keys}\n").unwrap();
        self
    }

    /// No peers.
    pub(crate) fn without_peers(mut self) -> Self {
        self.peers.clear();
        self
    }

    /// One more tenant.
    pub(crate) fn tenant(mut self, tenant: TenantPlan) -> Self {
        self.tenants.push(tenant);
        self
    }

    /// Further keys for every tenant.
    pub(crate) fn every_tenant(mut self, keys: &str) -> Self {
        for tenant in &mut self.tenants {
            writeln!(tenant.keys, "{keys}").unwrap();
        }
        self
    }

    /// One more upstream that keeps whole contents, with STARTTLS and a demand for client certificates.
    pub(crate) fn starttls_upstream(self) -> Self {
        self.upstream(|pki| pki.upstream().keeping_content())
    }

    /// One more upstream; [`Pki::upstream`] is where to begin.
    pub(crate) fn upstream(
        mut self,
        make: impl FnOnce(&Pki) -> UpstreamSettings + 'static,
    ) -> Self {
        self.upstreams.push(Box::new(make));
        self
    }

    /// The first upstream otherwise.
    pub(crate) fn first_upstream(
        mut self,
        make: impl FnOnce(&Pki) -> UpstreamSettings + 'static,
    ) -> Self {
        self.upstreams[0] = Box::new(make);
        self
    }

    /// Keys of `[limits]`.
    pub(crate) fn limits(mut self, keys: &str) -> Self {
        writeln!(self.limits, "{keys}").unwrap();
        self
    }

    /// Keys of `[timeouts]`.
    pub(crate) fn timeouts(mut self, keys: &str) -> Self {
        writeln!(self.timeouts, "{keys}").unwrap();
        self
    }

    /// Keys of `[log]`.
    pub(crate) fn log(mut self, keys: &str) -> Self {
        writeln!(self.log, "{keys}").unwrap();
        self
    }

    /// Makes everything and starts it.
    pub(crate) async fn start(self) -> World {
        let folder = TempDir::new().unwrap();
        let pki = Pki::new(folder.path());
        let tenants: Vec<(String, Issued)> = self
            .tenants
            .iter()
            .map(|tenant| {
                let identity = pki
                    .servers
                    .client(&[&format!("identity-of-{}.example", tenant.name)]);
                let identity = identity.unwrap();
                identity
                    .write(folder.path(), &format!("tenant-{}", tenant.name))
                    .unwrap();
                (tenant.name.clone(), identity)
            })
            .collect();
        let mut upstreams = Vec::new();
        for make in self.upstreams {
            let mut settings = make(&pki);
            for (tenant, identity) in &tenants {
                settings = settings.with_tenant(identity, tenant);
            }
            upstreams.push(RecordingUpstream::start(settings).await.unwrap());
        }
        let mut config = self.head;
        for (section, keys) in [
            ("limits", self.limits),
            ("timeouts", self.timeouts),
            ("log", self.log),
        ] {
            write!(config, "\n[{section}]\n{keys}").unwrap();
        }
        for (name, keys) in &self.listeners {
            write_listener(&mut config, name, keys);
        }
        config.push_str(&self.peers);
        for tenant in &self.tenants {
            tenant.write(&mut config, &upstreams);
        }
        let relay = Relay::start(load(folder.path(), &config).unwrap()).unwrap();
        World {
            folder,
            pki,
            upstreams,
            relay,
            config,
            tenants,
        }
    }
}

impl TenantPlan {
    /// A tenant that owns nothing yet, at the upstream of that index.
    pub(crate) fn new(name: &str, upstream: usize) -> Self {
        TenantPlan {
            name: name.to_owned(),
            keys: String::new(),
            upstream,
        }
    }

    /// Tenant `x` with `tenant-x.example` on every basis, for senders with everything below it.
    pub(crate) fn owning(name: &str, upstream: usize) -> Self {
        TenantPlan::new(name, upstream).keys(&format!(
            "certificate_domains = [\"tenant-{name}.example\"]\n\
             sender_domains = [\"*.tenant-{name}.example\"]\n\
             recipient_domains = [\"tenant-{name}.example\"]"
        ))
    }

    /// Further keys of its table. Upstream, trust, certificate and key are there already.
    pub(crate) fn keys(mut self, keys: &str) -> Self {
        writeln!(self.keys, "{keys}").unwrap();
        self
    }

    fn write(&self, config: &mut String, upstreams: &[RecordingUpstream]) {
        let (name, keys) = (&self.name, &self.keys);
        write!(
            config,
            "\n[[tenant]]\nname = \"{name}\"\ncertificate = \"tenant-{name}.pem\"\nkey = \"tenant-{name}.key\"\n{keys}"
        )
        .unwrap();
        let given = |key: &str| {
            keys.lines()
                .any(|line| line.starts_with(&format!("{key} =")))
        };
        if !given("upstream") {
            let port = upstreams[self.upstream].address().port();
            writeln!(config, "upstream = \"localhost:{port}\"").unwrap();
        }
        if !given("upstream_trust") && !given("upstream_verify") && !given("upstream_tls") {
            config.push_str("upstream_trust = [\"servers-ca.pem\"]\n");
        }
    }
}

fn write_listener(config: &mut String, name: &str, keys: &str) {
    write!(
        config,
        "\n[[listener]]\nname = \"{name}\"\naddress = \"127.0.0.1:0\"\n{keys}\n"
    )
    .unwrap();
    if !keys.contains("tls = \"off\"") {
        config.push_str("certificate = \"relay.pem\"\nkey = \"relay.key\"\n");
    }
}

/// What listeners ask for.
pub(crate) const ASKING: &str = "client_certificates = \"request\"\ntrust = [\"clients-ca.pem\"]";
