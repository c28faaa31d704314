//! The decision of the shadow configuration about a live transaction: taken beside the one that counts, and compared
//! with it at the end. It never touches the transaction.

use std::net::SocketAddr;
use std::sync::Arc;

use tenantry_attribution::{
    Attribution, Decision, RecipientEvidence, SenderEvidence, SessionEvidence,
};
use tenantry_net::ClientCertificate;

use crate::compare::{Ruled, Ruling};
use crate::config::{Config, Listener};
use crate::evidence;
use crate::session::{Secured, judged_anew};
use crate::snapshot::Snapshot;

/// What the shadow knows of a session.
#[derive(Debug)]
pub(crate) struct ShadowSession {
    evidence: SessionEvidence,
    /// Whether its listener would have taken MAIL.
    mail: Mail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mail {
    Taken,
    CertificateRequired,
}

/// A decision of the shadow on its way.
#[derive(Debug)]
pub(crate) struct Shadow {
    session: Arc<ShadowSession>,
    decision: Decision,
}

/// What the shadow decided.
#[derive(Debug)]
pub(crate) struct Shadowed {
    mail: Mail,
    attribution: Attribution,
}

impl ShadowSession {
    /// The session as the shadow's listener of the same name sees it; without one, as the listener that acts does.
    /// `None` without a shadow.
    pub(crate) fn new(
        snapshot: &Snapshot,
        acting: &Listener,
        peer: SocketAddr,
        secured: Option<&Secured>,
    ) -> Option<Arc<Self>> {
        let shadow = snapshot.config.shadow.as_deref()?;
        let listener = shadow
            .listeners
            .iter()
            .find(|listener| listener.name == acting.name)
            .unwrap_or(acting);
        let certificate = secured.map_or(ClientCertificate::NotOffered, |secured| {
            judged_anew(listener, secured)
        });
        let evidence = SessionEvidence::new(
            &shadow.directory,
            evidence::certificate(&certificate),
            peer.ip(),
            listener.untrusted_certificate,
        );
        let mail = if evidence::certificate_is_missing(listener, &evidence) {
            Mail::CertificateRequired
        } else {
            Mail::Taken
        };
        Some(Arc::new(ShadowSession { evidence, mail }))
    }
}

impl Shadow {
    /// Asks the shadow about certificate and sender. `None` without a shadow.
    pub(crate) fn open(
        config: &Config,
        session: Option<&Arc<ShadowSession>>,
        sender: &SenderEvidence,
    ) -> Option<Box<Self>> {
        let (shadow, session) = (config.shadow.as_deref()?, session?);
        Some(Box::new(Shadow {
            session: Arc::clone(session),
            decision: Decision::open(&shadow.directory, &session.evidence, sender),
        }))
    }

    /// Asks the shadow about a recipient.
    pub(crate) fn recipient(&mut self, config: &Config, recipient: &RecipientEvidence) {
        if let Some(shadow) = config.shadow.as_deref() {
            let session = &self.session.evidence;
            self.decision
                .recipient(&shadow.directory, session, recipient);
        }
    }

    /// What it decided.
    pub(crate) fn finish(self) -> Shadowed {
        Shadowed {
            mail: self.session.mail,
            attribution: self.decision.finish(),
        }
    }
}

impl Shadowed {
    /// The ruling, for a comparison. `None` without a shadow.
    pub(crate) fn ruled<'a>(&'a self, config: &'a Config) -> Option<Ruled<'a>> {
        Some(Ruled {
            config: config.shadow.as_deref()?,
            ruling: match self.mail {
                Mail::Taken => Ruling::Attributed(&self.attribution),
                Mail::CertificateRequired => Ruling::CertificateRequired,
            },
        })
    }
}
