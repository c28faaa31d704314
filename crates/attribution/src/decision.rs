//! The decision itself: certificate before sender before recipient.
//!
//! [`Decision`] goes with a running transaction; [`attribute`] plays one from beginning to end with the same code, so
//! that the relay, `explain` and the benchmarks cannot differ.

use std::sync::Arc;

use crate::attribution::{
    Attribution, Basis, Conflict, DeferredReason, Fate, Found, Owners, Reason, RecipientOutcome,
    RefusedReason, Step, StepOutcome, Verdict,
};
use crate::certificate::Finding;
use crate::directory::{Directory, PeerSet, Right};
use crate::domain::Domain;
use crate::evidence::{Evidence, RecipientEvidence, SenderEvidence, SessionEvidence};
use crate::rules::{OnConflict, TenantId};

/// A decision on its way: opened at MAIL FROM, asked at each RCPT TO, finished at the end of the transaction.
///
/// One decision uses one directory from beginning to end.
#[derive(Debug, Clone)]
pub struct Decision {
    state: State,
    conflict: Option<Conflict>,
    certificate: Step,
    sender: Step,
    recipients: Vec<RecipientOutcome>,
    found: Vec<Found>,
}

/// Decides about one message, from all the evidence at once.
#[must_use]
pub fn attribute(directory: &Directory, evidence: &Evidence) -> Attribution {
    let session = evidence.session.under(directory);
    let mut decision = Decision::open(directory, &session, &evidence.sender);
    decision.recipients.reserve_exact(evidence.recipients.len());
    for recipient in &evidence.recipients {
        decision.recipient(directory, &session, recipient);
    }
    decision.finish()
}

impl Decision {
    /// Asks the certificate and the sender.
    #[must_use]
    pub fn open(directory: &Directory, session: &SessionEvidence, sender: &SenderEvidence) -> Self {
        let session = session.under(directory);
        let (state, outcome, reason) = match session.finding() {
            Finding::Owner(id) => (
                State::by_certificate(*id),
                StepOutcome::Decided,
                Reason::Owner,
            ),
            Finding::Several(tenants) => (
                State::Ambiguous(Arc::clone(tenants)),
                StepOutcome::Ambiguous,
                Reason::SeveralOwners,
            ),
            Finding::Refused(reason) => (State::Refused, StepOutcome::Refused, *reason),
            Finding::Nobody(reason) => (State::Open, StepOutcome::None, *reason),
        };
        let certificate = Step {
            step: Basis::Certificate,
            outcome,
            reason,
            found: session.found().clone(),
        };
        let mut decision = Self {
            state,
            conflict: None,
            certificate,
            sender: Step::skipped(Basis::Sender, Reason::RefusedEarlier),
            recipients: Vec::new(),
            found: Vec::new(),
        };
        decision.ask_sender(directory, session.peers(), sender);
        decision
    }

    /// Asks one more recipient, and says what becomes of it.
    pub fn recipient(
        &mut self,
        directory: &Directory,
        session: &SessionEvidence,
        recipient: &RecipientEvidence,
    ) -> RecipientOutcome {
        let outcome = match &self.state {
            State::Ambiguous(_) => RecipientOutcome::Refused(RefusedReason::Ambiguous),
            State::Refused => RecipientOutcome::Refused(RefusedReason::UntrustedCertificate),
            State::Decided {
                basis: Basis::Certificate | Basis::Sender,
                conduct,
                ..
            } => match conduct {
                OnConflict::Follow => RecipientOutcome::Accepted,
                OnConflict::Refuse => RecipientOutcome::Refused(RefusedReason::Conflict),
                OnConflict::Defer => RecipientOutcome::Deferred(DeferredReason::Conflict),
            },
            State::Decided {
                basis: Basis::Recipient,
                ..
            }
            | State::Open => self.ask_recipient(directory, session, recipient),
        };
        self.recipients.push(outcome);
        outcome
    }

    /// The tenant as far as is known, and by what.
    #[must_use]
    pub fn tenant(&self) -> Option<(TenantId, Basis)> {
        match self.state {
            State::Decided { id, basis, .. } => Some((id, basis)),
            State::Ambiguous(_) | State::Refused | State::Open => None,
        }
    }

    /// Whether certificate and sender disagree.
    #[must_use]
    pub fn conflict(&self) -> Option<Conflict> {
        self.conflict
    }

    /// The answer, with the recipients asked so far.
    #[must_use]
    pub fn finish(self) -> Attribution {
        let recipient = self.recipient_step();
        let verdict = match self.state {
            State::Decided { id, basis, .. } => Verdict::Tenant { id, basis },
            State::Ambiguous(tenants) => Verdict::Ambiguous {
                basis: Basis::Certificate,
                tenants: tenants.to_vec(),
            },
            State::Refused | State::Open => Verdict::Unattributed,
        };
        Attribution {
            verdict,
            conflict: self.conflict,
            recipients: self.recipients,
            steps: [self.certificate, self.sender, recipient],
        }
    }

    fn ask_sender(&mut self, directory: &Directory, peers: &PeerSet, sender: &SenderEvidence) {
        let decided = match self.state {
            State::Decided { id, .. } => Some(id),
            State::Open => None,
            State::Ambiguous(_) | State::Refused => return,
        };
        self.sender = match (decided, sender) {
            (Some(id), SenderEvidence::Domain(domain)) => {
                self.compare_sender(directory, id, domain)
            }
            (
                Some(_),
                SenderEvidence::Null | SenderEvidence::Literal | SenderEvidence::NoDomain(_),
            ) => Step::skipped(Basis::Sender, Reason::DecidedEarlier),
            (None, SenderEvidence::Null) => Step::none(Basis::Sender, Reason::NullSender),
            (None, SenderEvidence::Literal) => Step::none(Basis::Sender, Reason::AddressLiteral),
            (None, SenderEvidence::NoDomain(_)) => Step::none(Basis::Sender, Reason::NoDomain),
            (None, SenderEvidence::Domain(domain)) => {
                self.decide_by_sender(directory, peers, domain)
            }
        };
    }

    /// The certificate has decided for `id`; the sender can only disagree.
    fn compare_sender(&mut self, directory: &Directory, id: TenantId, domain: &Domain) -> Step {
        match directory.owner(Basis::Sender, domain) {
            Some(other) if other != id => {
                self.conflict = Some(Conflict {
                    sender_tenant: other,
                });
                self.state = State::Decided {
                    id,
                    basis: Basis::Certificate,
                    conduct: directory.on_conflict(id),
                };
                Step {
                    step: Basis::Sender,
                    outcome: StepOutcome::Skipped,
                    reason: Reason::Conflict,
                    found: Owners::from(Found {
                        position: 0,
                        tenant: other,
                        fate: Fate::Overruled,
                    }),
                }
            }
            Some(_) | None => Step::skipped(Basis::Sender, Reason::DecidedEarlier),
        }
    }

    fn decide_by_sender(
        &mut self,
        directory: &Directory,
        peers: &PeerSet,
        domain: &Domain,
    ) -> Step {
        let Some(tenant) = directory.owner(Basis::Sender, domain) else {
            return Step::none(Basis::Sender, Reason::NoOwner);
        };
        let (outcome, reason, fate) = match directory.right(peers, tenant) {
            Right::Granted => {
                self.state = State::Decided {
                    id: tenant,
                    basis: Basis::Sender,
                    conduct: OnConflict::Follow,
                };
                (StepOutcome::Decided, Reason::Owner, Fate::Won)
            }
            Right::UnknownPeer => (StepOutcome::None, Reason::UnknownPeer, Fate::UnknownPeer),
            Right::NotAuthorised => (
                StepOutcome::None,
                Reason::NotAuthorised,
                Fate::NotAuthorised,
            ),
        };
        Step {
            step: Basis::Sender,
            outcome,
            reason,
            found: Owners::from(Found {
                position: 0,
                tenant,
                fate,
            }),
        }
    }

    fn ask_recipient(
        &mut self,
        directory: &Directory,
        session: &SessionEvidence,
        recipient: &RecipientEvidence,
    ) -> RecipientOutcome {
        let domain = match recipient {
            RecipientEvidence::Literal => {
                return RecipientOutcome::Refused(RefusedReason::AddressLiteral);
            }
            RecipientEvidence::NoDomain(_) => {
                return RecipientOutcome::Refused(RefusedReason::NoDomain);
            }
            RecipientEvidence::Domain(domain) => domain,
        };
        let Some(tenant) = directory.owner(Basis::Recipient, domain) else {
            return RecipientOutcome::Refused(RefusedReason::NoOwner);
        };
        let session = session.under(directory);
        let (outcome, fate) = match (directory.right(session.peers(), tenant), self.tenant()) {
            (Right::UnknownPeer, _) => (
                RecipientOutcome::Refused(RefusedReason::UnknownPeer),
                Fate::UnknownPeer,
            ),
            (Right::NotAuthorised, _) => (
                RecipientOutcome::Refused(RefusedReason::NotAuthorised),
                Fate::NotAuthorised,
            ),
            (Right::Granted, Some((decided, _))) if decided != tenant => (
                RecipientOutcome::Deferred(DeferredReason::OtherTenant),
                Fate::OtherTenant,
            ),
            (Right::Granted, Some(_)) => (RecipientOutcome::Accepted, Fate::Won),
            (Right::Granted, None) => {
                self.state = State::Decided {
                    id: tenant,
                    basis: Basis::Recipient,
                    conduct: OnConflict::Follow,
                };
                (RecipientOutcome::Accepted, Fate::Won)
            }
        };
        let position = u32::try_from(self.recipients.len()).unwrap_or(u32::MAX);
        self.found.push(Found {
            position,
            tenant,
            fate,
        });
        outcome
    }

    fn recipient_step(&self) -> Step {
        let (outcome, reason) = match &self.state {
            State::Ambiguous(_) | State::Refused => (StepOutcome::Skipped, Reason::RefusedEarlier),
            State::Decided {
                basis: Basis::Certificate | Basis::Sender,
                ..
            } => (StepOutcome::Skipped, Reason::DecidedEarlier),
            State::Decided {
                basis: Basis::Recipient,
                ..
            } => (StepOutcome::Decided, Reason::Owner),
            State::Open => (StepOutcome::None, why_no_recipient(self.recipients.first())),
        };
        Step {
            step: Basis::Recipient,
            outcome,
            reason,
            found: self.found.as_slice().into(),
        }
    }
}

impl Step {
    fn none(step: Basis, reason: Reason) -> Self {
        Self {
            step,
            outcome: StepOutcome::None,
            reason,
            found: Owners::default(),
        }
    }

    fn skipped(step: Basis, reason: Reason) -> Self {
        Self {
            step,
            outcome: StepOutcome::Skipped,
            reason,
            found: Owners::default(),
        }
    }
}

/// How far the decision is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// A tenant, and what becomes of recipients because of a conflict.
    Decided {
        id: TenantId,
        basis: Basis,
        conduct: OnConflict,
    },
    /// The certificate is several tenants'.
    Ambiguous(Arc<[TenantId]>),
    /// The certificate did not verify, and the listener refuses that.
    Refused,
    /// Nobody yet.
    Open,
}

impl State {
    fn by_certificate(id: TenantId) -> Self {
        Self::Decided {
            id,
            basis: Basis::Certificate,
            conduct: OnConflict::Follow,
        }
    }
}

/// When no recipient decided, the first one's reason stands for the step.
fn why_no_recipient(first: Option<&RecipientOutcome>) -> Reason {
    match first {
        Some(RecipientOutcome::Refused(RefusedReason::AddressLiteral)) => Reason::AddressLiteral,
        Some(RecipientOutcome::Refused(RefusedReason::NoDomain)) => Reason::NoDomain,
        Some(RecipientOutcome::Refused(RefusedReason::UnknownPeer)) => Reason::UnknownPeer,
        Some(RecipientOutcome::Refused(RefusedReason::NotAuthorised)) => Reason::NotAuthorised,
        Some(
            RecipientOutcome::Refused(
                RefusedReason::NoOwner
                | RefusedReason::Ambiguous
                | RefusedReason::UntrustedCertificate
                | RefusedReason::Conflict,
            )
            | RecipientOutcome::Accepted
            | RecipientOutcome::Deferred(_),
        ) => Reason::NoOwner,
        None => Reason::NoRecipients,
    }
}
