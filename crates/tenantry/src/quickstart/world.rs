//! The quickstart's world: authority, certificates, upstreams, and the relay in front of them.

use std::fmt::Write as _;
use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tenantry_lab::pki::{Authority, CertificateSpec, Issued, self_signed};
use tenantry_lab::upstream::{Journal, Record, RecordingUpstream, UpstreamSettings};
use tenantry_net::{
    AnonymousTls, CertificateRequest, Identity, MinVersion, Trust, UpstreamTls,
    UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tenantry_relay::Relay;
use tenantry_relay::config::Config;
use tenantry_relay::telemetry::ClosedTransaction;
use tenantry_smtp::{ForwardPath, Mailbox, Reply, ReversePath, Utf8};
use tokio::time::timeout;

use super::cases::{Case, Certificate, From, Verdict};
use super::client::{self, Answers, Envelope, Tls};

/// A running lab with the relay in front.
pub(super) struct World {
    folder: PathBuf,
    authority: Authority,
    tenants: Vec<(&'static str, Issued)>,
    /// One that contoso and fabrikam share, and northwind's own.
    upstreams: [RecordingUpstream; 2],
    relay: Relay,
    address: SocketAddr,
    client: Issued,
}

/// What became of a case.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The case.
    pub(super) case: &'static Case,
    /// The relay's verdict in words.
    pub(super) verdict: String,
    /// The certificate that the upstream saw with the message.
    pub(super) certificate: String,
    /// The answers.
    pub(super) replies: Vec<String>,
    /// What is not as it should be.
    pub(super) differences: Vec<String>,
}

impl World {
    /// Makes everything and starts it.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("tenantry-quickstart-{}", std::process::id()));
        // Fails rather than use a folder that somebody else has put there.
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let authority = Authority::new("Tenantry Quickstart Authority")?;
        let mut tenants = Vec::new();
        for tenant in TENANTS {
            let certificate = authority.client(&[&format!("mail.{tenant}.example")])?;
            certificate.write(&folder, tenant)?;
            tenants.push((tenant, certificate));
        }
        let server = authority.server(&["localhost", "127.0.0.1"])?;
        let mut settings = UpstreamSettings::starttls(&server, &[&authority]);
        for (tenant, certificate) in &tenants {
            settings = settings.with_tenant(certificate, tenant);
        }
        let upstreams = [
            RecordingUpstream::start(settings.clone()).await?,
            RecordingUpstream::start(settings).await?,
        ];
        let client = authority.client(&["mail.contoso.example"])?;
        client.write(&folder, "client")?;
        authority
            .server(&["relay.quickstart.example", "localhost", "127.0.0.1"])?
            .write(&folder, "relay")?;
        authority.write(&folder, "authority")?;
        let path = folder.join("relay.toml");
        std::fs::write(&path, configuration(&upstreams))?;
        let config = Config::load(&path).map_err(|problems| anyhow!("{problems}"))?;
        let relay = Relay::start(config)?;
        let address = relay
            .addresses()
            .first()
            .map(|(_name, address)| *address)
            .context("no listener")?;
        Ok(World {
            folder,
            authority,
            tenants,
            upstreams,
            relay,
            address,
            client,
        })
    }

    /// Sends the case's message and looks at what became of it.
    pub(super) async fn play(&self, case: &'static Case) -> anyhow::Result<Outcome> {
        let mut closed = self.relay.transactions();
        let before = self.arrived().len();
        let answers = self.send(case).await?;
        let transaction = timeout(WAIT, closed.recv())
            .await
            .context("the relay closed no transaction")??;
        let certificate = self
            .certificate_seen(before)
            .unwrap_or_else(|| "-".to_owned());
        let replies = answers.recipients.iter().map(|reply| shown("RCPT", reply));
        let message = answers.message.iter().map(|reply| shown("message", reply));
        let replies = replies.chain(message).collect();
        let mut differences = refusals(case, &answers);
        differences.extend(differences_of(case.verdict, &transaction, &certificate));
        Ok(Outcome {
            case,
            verdict: words(&transaction),
            certificate,
            replies,
            differences,
        })
    }

    async fn send(&self, case: &Case) -> anyhow::Result<Answers> {
        let content = format!(
            "From: <{}>\r\nSubject: {}\r\n\r\nA message of the quickstart.\r\n",
            case.sender, case.title
        );
        let from = match case.from {
            From::Peer => PEER,
            From::Stranger => STRANGER,
        };
        let envelope = Envelope {
            sender: case.sender,
            recipients: case.recipients,
            content: content.as_bytes(),
        };
        let tls = self.tls(case.certificate)?;
        client::send(from.parse()?, self.address, &tls, envelope).await
    }

    fn arrived(&self) -> Vec<Arc<Record>> {
        let journals = self.upstreams.iter().map(RecordingUpstream::journal);
        journals.flat_map(Journal::messages).collect()
    }

    /// The tenant whose certificate came with the newest message, if there is a new one.
    fn certificate_seen(&self, before: usize) -> Option<String> {
        let records = self.arrived();
        let newest = records
            .iter()
            .max_by_key(|record| record.at)
            .filter(|_record| records.len() > before)?;
        let (tenant, _certificate) = self.tenants.iter().find(|(_tenant, certificate)| {
            Some(certificate.fingerprint().as_str()) == newest.fingerprint()
        })?;
        Some(format!("mail.{tenant}.example"))
    }

    fn tls(&self, certificate: Certificate) -> anyhow::Result<Tls> {
        let issued = match certificate {
            Certificate::None => {
                let tls = AnonymousTls::new(&self.trust()?, Verify::NameAndChain, None)?;
                return Ok(Tls::Anonymous(tls));
            }
            Certificate::Contoso => self.client.clone(),
            Certificate::SelfSigned => {
                self_signed(&CertificateSpec::client(&["mail.contoso.example"]))?
            }
            Certificate::TwoTenants => self
                .authority
                .client(&["mail.contoso.example", "mail.fabrikam.example"])?,
        };
        let tls = UpstreamTls::new(UpstreamTlsSettings {
            identity: Identity::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes())?,
            trust: self.trust()?,
            verify: Verify::NameAndChain,
            server_name: None,
            certificate_request: CertificateRequest::Optional,
            min_version: MinVersion::default(),
        })?;
        Ok(Tls::Certificate(tls))
    }

    fn trust(&self) -> anyhow::Result<UpstreamTrust> {
        let mut builder = Trust::builder();
        builder.add_pem(self.authority.certificate_pem().as_bytes())?;
        Ok(UpstreamTrust::Roots(builder.build()?))
    }

    /// How to talk to it by hand.
    pub(super) fn invitation(&self) -> String {
        let folder = self.folder.display();
        let address = self.address;
        format!(
            "\nThe lab keeps running; interrupt it to end it. Everything is in {folder}.\n\
             By sender, from a network that may relay:\n  \
             swaks --server {address} --tls --from ben@fabrikam.example --to someone@internet.example\n\
             By certificate:\n  \
             swaks --server {address} --tls --tls-cert {folder}/client.pem --tls-key {folder}/client.key \
             --from anna@elsewhere.example --to someone@internet.example\n\
             What the relay would decide, and why:\n  \
             tenantry explain --config {folder}/relay.toml --peer 127.0.0.1 \
             --mail-from ben@fabrikam.example --rcpt-to someone@internet.example"
        )
    }

    /// Ends everything and removes the folder.
    pub(super) async fn stop(self) {
        self.relay.stop().await;
        for upstream in self.upstreams {
            upstream.stop().await;
        }
        // What is left in the temporary folder is harmless.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A sender's path.
pub(super) fn reverse_path(text: &str) -> anyhow::Result<ReversePath> {
    if text.is_empty() {
        return Ok(ReversePath::Null);
    }
    Ok(ReversePath::Mailbox(Mailbox::parse(text, Utf8::Refused)?))
}

/// A recipient's path.
pub(super) fn forward_path(text: &str) -> anyhow::Result<ForwardPath> {
    Ok(ForwardPath::Mailbox(Mailbox::parse(text, Utf8::Refused)?))
}

fn configuration(upstreams: &[RecordingUpstream; 2]) -> String {
    let [shared, own] = upstreams
        .each_ref()
        .map(|upstream| upstream.address().port());
    let mut text = String::from(
        r#"hostname = "relay.quickstart.example"
drain = "5s"

[[listener]]
address = "127.0.0.1:0"
tls = "starttls-required"
certificate = "relay.pem"
key = "relay.key"
client_certificates = "request"
trust = ["authority.pem"]

[[peer]]
name = "application"
networks = ["127.0.0.1/32"]
tenants = ["contoso", "fabrikam", "northwind"]
"#,
    );
    for (tenant, port) in TENANTS.into_iter().zip([shared, shared, own]) {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"
[[tenant]]
name = "{tenant}"
certificate_domains = ["mail.{tenant}.example"]
sender_domains = ["*.{tenant}.example"]
recipient_domains = ["*.{tenant}.example"]
upstream = "localhost:{port}"
upstream_trust = ["authority.pem"]
certificate = "{tenant}.pem"
key = "{tenant}.key"
"#
        );
    }
    text
}

fn shown(what: &str, reply: &Reply) -> String {
    let enhanced = reply
        .enhanced()
        .map(|code| format!(" {code}"))
        .unwrap_or_default();
    format!("{what}: {}{enhanced} {}", reply.code(), reply.text())
}

fn words(transaction: &ClosedTransaction) -> String {
    let mut words = match (&transaction.tenant, transaction.basis) {
        (Some(tenant), Some(basis)) if transaction.verdict == "tenant" => {
            format!("{tenant}\nby {basis}")
        }
        (Some(tenants), _) => format!("{}\n{tenants}", transaction.verdict),
        (None, _) => transaction.verdict.to_owned(),
    };
    if let Some(conflict) = &transaction.conflict {
        let _ = write!(words, "\nsender is {conflict}'s");
    }
    words
}

fn refusals(case: &Case, answers: &Answers) -> Vec<String> {
    let codes: Vec<u16> = answers.recipients.iter().map(Reply::code).collect();
    let mut differences = Vec::new();
    if codes != case.replies {
        let wanted = case.replies;
        differences.push(format!("recipients answered {codes:?}, not {wanted:?}"));
    }
    let taken = answers
        .message
        .as_ref()
        .is_none_or(|reply| reply.code() == 250);
    if !taken {
        differences.push("the message was not taken".to_owned());
    }
    differences
}

fn differences_of(
    expected: Verdict,
    transaction: &ClosedTransaction,
    certificate: &str,
) -> Vec<String> {
    let (verdict, tenant, basis, conflict) = match expected {
        Verdict::Tenant {
            tenant,
            basis,
            conflict,
        } => ("tenant", Some(tenant), Some(basis), conflict),
        Verdict::Ambiguous => ("ambiguous", None, None, None),
        Verdict::Unattributed => ("unattributed", None, None, None),
    };
    let mut differences = Vec::new();
    if transaction.verdict != verdict {
        differences.push(format!(
            "the verdict is {}, not {verdict}",
            transaction.verdict
        ));
    }
    if tenant.is_some() && (transaction.tenant.as_deref(), transaction.basis) != (tenant, basis) {
        differences.push(format!(
            "decided {:?} by {:?}",
            transaction.tenant, transaction.basis
        ));
    }
    if transaction.conflict.as_deref() != conflict {
        differences.push(format!(
            "the conflict is {:?}, not {conflict:?}",
            transaction.conflict
        ));
    }
    let presented = tenant.map_or("-".to_owned(), |tenant| format!("mail.{tenant}.example"));
    if certificate != presented {
        differences.push(format!("the upstream saw {certificate}, not {presented}"));
    }
    differences
}

const TENANTS: [&str; 3] = ["contoso", "fabrikam", "northwind"];
const PEER: &str = "127.0.0.1:0";
const STRANGER: &str = "127.0.0.2:0";
const WAIT: Duration = Duration::from_secs(10);
