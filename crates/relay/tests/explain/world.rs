//! What questions are asked about: two tenants, two listeners, and the authority of their clients.

use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;
use tenantry_lab::pki::Authority;
use tenantry_relay::config::Config;
use tenantry_relay::explain::{Answer, Batch, Given, GivenCertificate, Question, QuestionError};

/// A configuration of two tenants and two listeners, and the authority of their clients.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    pub(crate) config: Config,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(concat!(
            "[[peer]]\nname = \"exchange\"\nnetworks = [\"10.1.0.0/24\"]\ntenants = [\"*\"]\n",
            "[[tenant]]\nname = \"contoso\"\ncertificate_domains = [\"mail.contoso.com\"]\n",
            "sender_domains = [\"contoso.com\"]\nrecipient_domains = [\"contoso.com\"]\n",
            "upstream = \"[2001:db8::1]:25\"\ncertificate = \"own.pem\"\nkey = \"own.key\"\n",
            "upstream_trust = [\"ca.pem\"]\n",
            "[[tenant]]\nname = \"fabrikam\"\nsender_domains = [\"fabrikam.com\"]\n",
            "upstream = \"mail.fabrikam.com:25\"\ncertificate = \"own.pem\"\nkey = \"own.key\"\n",
            "upstream_trust = [\"ca.pem\"]\n",
        ))
    }

    pub(crate) fn with(tables: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("Clients").unwrap();
        fs::write(folder.path().join("ca.pem"), authority.certificate_pem()).unwrap();
        authority
            .server(&["relay.example"])
            .unwrap()
            .write(folder.path(), "own")
            .unwrap();
        let mut text = String::from("hostname = \"relay.example\"\n");
        for (name, port, untrusted) in [("strict", 25, "refuse"), ("lenient", 26, "ignore")] {
            write!(
                text,
                "[[listener]]\nname = \"{name}\"\naddress = \"127.0.0.1:{port}\"\n\
                 certificate = \"own.pem\"\nkey = \"own.key\"\nclient_certificates = \"request\"\n\
                 trust = [\"ca.pem\"]\nuntrusted_certificate = \"{untrusted}\"\n"
            )
            .unwrap();
        }
        text.push_str(tables);
        let path = folder.path().join("relay.toml");
        fs::write(&path, text).unwrap();
        let config = Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        Self {
            folder,
            authority,
            config,
        }
    }

    pub(crate) fn batch(&self, lines: &str) -> String {
        self.batch_octets(lines.as_bytes())
    }

    pub(crate) fn batch_octets(&self, lines: &[u8]) -> String {
        let mut out = Vec::new();
        Batch::new(&self.config).run(lines, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    pub(crate) fn given<'a>(
        &self,
        certificate: GivenCertificate<'a>,
        mail_from: &'a str,
    ) -> Given<'a> {
        static RECIPIENTS: LazyLock<Vec<String>> =
            LazyLock::new(|| vec![String::from("a@b.example")]);
        Given {
            listener: None,
            certificate,
            peer: None,
            mail_from,
            rcpt_to: &RECIPIENTS,
        }
    }

    pub(crate) fn ask(
        &self,
        certificate: GivenCertificate<'_>,
        mail_from: &str,
    ) -> Result<Value, QuestionError> {
        let question = Question::new(&self.config, &self.given(certificate, mail_from))?;
        Ok(serde_json::from_str(&Answer::new(&self.config, &question).json()).unwrap())
    }
}
