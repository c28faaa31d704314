//! What senders see of the lab's refusals: `exchange-online.md` sections 1.10 and 3.1, vectors 7,
//! 12, 18 to 20 of section 1.17, in the place that each profile flag asks for.

use serde_json::Value;
use tenantry_lab::pki::IssuedFiles;

use crate::dialogue::Dialogue;
use crate::lab::{Lab, strings};
use crate::lab_world::{ELSEWHERE, LabWorld};
use crate::message::Message;
use crate::programs::{self, Outcome, Sending, Tls, openssl_session};

/// A sender of Contoso.
pub(crate) const FROM: &str = "someone@contoso.example";
/// What a refused relay attempt is told.
pub(crate) const RELAY_DENIED: &str = "5.7.64 TenantAttribution; Relay Access Denied";
/// The values of `relay_reject_at`.
pub(crate) const STAGES: [&str; 2] = ["end-of-data", "rcpt"];

/// What is wrong with what the client presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// No certificate.
    Nothing,
    /// One that signed itself.
    SelfSigned,
    /// A good one, without its intermediate.
    LeafOnly,
}

impl Presented {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::SelfSigned, Self::LeafOnly];

    /// The files to present.
    pub(crate) fn files(self, world: &LabWorld) -> Option<IssuedFiles> {
        match self {
            Self::Nothing => None,
            Self::SelfSigned => Some(world.self_signed("contoso")),
            Self::LeafOnly => Some(world.without_intermediate("contoso")),
        }
    }

    /// The journal's record of an attempt to send to `to`.
    pub(crate) fn check(self, record: &Value, to: &str) {
        assert_eq!(record["accepted"], false, "{self:?}: {record:#}");
        assert_eq!(record["tenant"], Value::Null, "{self:?}: {record:#}");
        assert_eq!(record["direction"], "none", "{self:?}: {record:#}");
        assert_eq!(record["mail_from"], FROM, "{self:?}: {record:#}");
        assert_eq!(strings(&record["rcpt_to"]), [to], "{self:?}: {record:#}");
        let reply = record["reply"].as_str().expect("a reply");
        assert!(
            reply.starts_with(&format!("550 {RELAY_DENIED}")),
            "{self:?}: {reply}"
        );
        let certificate = &record["certificate"];
        match self {
            Self::Nothing => assert_eq!(certificate, &Value::Null, "{record:#}"),
            Self::SelfSigned | Self::LeafOnly => {
                assert_eq!(certificate["trusted"], false, "{record:#}");
                assert!(certificate["problem"].is_string(), "{record:#}");
                let names = strings(&certificate["names"]);
                assert_eq!(names, ["mail.contoso.example"], "{record:#}");
            }
        }
    }
}

#[test]
fn swaks_shows_why_it_may_not_relay() {
    is_refused(programs::swaks);
}

#[test]
fn curl_shows_why_it_may_not_relay() {
    is_refused(programs::curl);
}

#[test]
fn msmtp_shows_why_it_may_not_relay() {
    is_refused(programs::msmtp);
}

#[test]
fn python_smtplib_shows_why_it_may_not_relay() {
    is_refused(programs::smtplib);
}

#[test]
fn nodemailer_shows_why_it_may_not_relay() {
    is_refused(programs::nodemailer);
}

/// At the end of data and at RCPT, with nothing, with a certificate that signed itself, and with
/// one whose intermediate was forgotten.
fn is_refused(client: impl Fn(&Sending<'_>) -> Outcome) {
    let to = external();
    for stage in STAGES {
        let world = LabWorld::new();
        let lab = start(&world, stage);
        for presented in Presented::ALL {
            let files = presented.files(&world);
            let outcome = client(&Sending {
                address: lab.europe(),
                tls: Tls::Starttls,
                certificate: files.as_ref(),
                authority: &world.authority,
                from: FROM,
                to: &to,
                message: &Message::new(0, FROM, &to, 5_000),
                folder: world.path(),
            });
            assert!(
                !outcome.succeeded && outcome.text.contains(RELAY_DENIED),
                "{stage}, {presented:?}: {}",
                outcome.text
            );
            presented.check(&lab.record(), &to[0]);
        }
        lab.expect_silence();
    }
}

/// In clear, without ever asking for TLS, it is the same.
#[test]
fn a_session_in_clear_may_not_relay_and_shows_the_place_of_the_refusal() {
    let to = external();
    let message = Message::new(0, FROM, &to, 5_000);
    for stage in STAGES {
        let world = LabWorld::new();
        let lab = start(&world, stage);
        let mut session = Dialogue::greeted(lab.europe());
        for from in [FROM, ""] {
            session.say(&format!("MAIL FROM:<{from}>"), 250);
            let answer = if stage == "rcpt" {
                session.say(&format!("RCPT TO:<{}>", to[0]), 550)
            } else {
                session.say(&format!("RCPT TO:<{}>", to[0]), 250);
                session.say("DATA", 354);
                session.send(&crate::dialogue::stuffed(&message.content));
                session.expect(550)
            };
            assert!(
                answer.lines[0].starts_with(&format!("550 {RELAY_DENIED} [")),
                "{answer:?}"
            );
            let record = lab.record();
            assert_eq!(record["accepted"], false, "{record:#}");
            assert_eq!(record["tls"], Value::Null, "{record:#}");
            session.say("RSET", 250);
        }
        session.say("QUIT", 221);
        lab.expect_silence();
    }
}

/// What the refused ones lacked was the chain and nothing else.
#[test]
fn the_same_sender_may_relay_with_the_whole_chain() {
    let to = external();
    for stage in STAGES {
        let world = LabWorld::new();
        let lab = start(&world, stage);
        let good = &world.tenant("contoso").certificate;
        let (mut child, mut session) = openssl_session(
            lab.europe(),
            Tls::Starttls,
            &world.authority,
            Some(good),
            "60",
        );
        session.deliver(FROM, &to, &Message::new(0, FROM, &to, 5_000).content);
        session.say("QUIT", 221);
        drop(session);
        child.wait().expect("openssl ends");
        let record = lab.record();
        assert_eq!(record["accepted"], true, "{record:#}");
        assert_eq!(record["basis"], "certificate", "{record:#}");
    }
}

/// The lab, refusing at this stage.
pub(crate) fn start(world: &LabWorld, stage: &str) -> Lab {
    let profile = format!("relay_reject_at = \"{stage}\"");
    world.start(&profile, &[])
}

/// A recipient of no tenant.
pub(crate) fn external() -> Vec<String> {
    vec![format!("someone@{ELSEWHERE}")]
}
