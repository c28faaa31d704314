//! Which message comes when: evidence, tenant, sender and recipient, all from the seed.
//!
//! A closed loop draws sessions first, since a connection has one certificate, and then the
//! messages of each. An open loop draws messages, since what is due must not depend on which
//! connection is free.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::identity::Member;
use crate::plan::{EvidenceMix, Plan, Shard, TenantMix};

/// What a message proves its tenant with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    Certificate,
    Sender,
    Recipient,
    Unattributable,
    Conflicting,
    Untrusted,
}

/// What a connection presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Credential {
    /// A tenant's certificate.
    Tenant(u32),
    /// The peer's certificate, or none.
    Peer,
    /// One that is not trusted.
    Untrusted,
}

/// Whose domain an address has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Tenant(u32),
    Nobody,
    /// The null sender.
    Null,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    /// Whose it should become.
    pub(crate) intended: Option<u32>,
    pub(crate) credential: Credential,
    pub(crate) sender: Whose,
    pub(crate) recipient: Whose,
    /// What its size is drawn from.
    pub(crate) luck: u64,
}

/// One connection of a closed loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionDraw {
    pub(crate) number: u64,
    pub(crate) credential: Credential,
}

/// Draws messages.
#[derive(Debug)]
pub(crate) struct Mixer {
    seed: u64,
    /// Cumulative, over the evidence of all kinds.
    evidence: [(Evidence, f64); 6],
    total: f64,
    all: Chooser,
    certified: Chooser,
    tenants: u32,
}

/// Chooses tenants out of some.
#[derive(Debug)]
struct Chooser {
    /// Shuffled for turns; in their order for weights.
    members: Vec<u32>,
    /// Cumulative weights; empty when all come in turns.
    weights: Vec<f64>,
}

/// Draws sessions, one after another, whoever takes them.
#[derive(Debug)]
pub(crate) struct Sessions {
    shares: [f64; 3],
    credit: [f64; 3],
    certified: u64,
    next: u64,
    shard: Shard,
}

impl Mixer {
    pub(crate) fn new(plan: &Plan, tenants: &[Member]) -> Self {
        let EvidenceMix {
            certificate,
            sender,
            recipient,
            unattributable,
            conflicting,
            untrusted,
        } = plan.evidence;
        let mut sum = 0.0;
        let evidence = [
            (Evidence::Certificate, certificate),
            (Evidence::Sender, sender),
            (Evidence::Recipient, recipient),
            (Evidence::Unattributable, unattributable),
            (Evidence::Conflicting, conflicting),
            (Evidence::Untrusted, untrusted),
        ]
        .map(|(kind, share)| {
            sum += share;
            (kind, sum)
        });
        let numbered = || (0_u32..).zip(tenants);
        let weights = weights(&plan.tenants, tenants);
        Self {
            seed: plan.seed,
            evidence,
            total: sum,
            all: Chooser::new(numbered().map(|(at, _)| at).collect(), &weights, plan.seed),
            certified: Chooser::new(
                numbered()
                    .filter(|(_, member)| member.identity.is_some())
                    .map(|(at, _)| at)
                    .collect(),
                &weights,
                plan.seed,
            ),
            tenants: u32::try_from(tenants.len()).unwrap_or(u32::MAX),
        }
    }

    /// The message with this number of an open loop.
    pub(crate) fn message(&self, number: u64) -> Draw {
        let mut rng = Rng::with_seed(scatter(self.seed, number));
        let kind = self.evidence_of(rng.f64() * self.total);
        let tenant = match kind {
            Evidence::Certificate | Evidence::Conflicting => {
                self.certified.choose(number, &mut rng)
            }
            Evidence::Sender
            | Evidence::Recipient
            | Evidence::Unattributable
            | Evidence::Untrusted => self.all.choose(number, &mut rng),
        };
        self.draw(kind, tenant, &mut rng)
    }

    /// The message with this number of a session.
    pub(crate) fn in_session(&self, session: &SessionDraw, number: u64) -> Draw {
        let start = scatter(self.seed ^ SESSIONS, session.number);
        let mut rng = Rng::with_seed(scatter(start, number));
        match session.credential {
            Credential::Tenant(tenant) => {
                let certificate = self.share(Evidence::Certificate);
                let conflicting = self.share(Evidence::Conflicting);
                let kind = match rng.f64() * (certificate + conflicting) < certificate {
                    true => Evidence::Certificate,
                    false => Evidence::Conflicting,
                };
                self.draw(kind, tenant, &mut rng)
            }
            Credential::Peer => {
                let sender = self.share(Evidence::Sender);
                let recipient = self.share(Evidence::Recipient);
                let rest = self.share(Evidence::Unattributable);
                let kind = match rng.f64() * (sender + recipient + rest) {
                    at if at < sender => Evidence::Sender,
                    at if at < sender + recipient => Evidence::Recipient,
                    _ => Evidence::Unattributable,
                };
                let turn = (start >> 32).wrapping_add(number);
                let tenant = self.all.choose(turn, &mut rng);
                self.draw(kind, tenant, &mut rng)
            }
            Credential::Untrusted => self.draw(Evidence::Untrusted, 0, &mut rng),
        }
    }

    fn draw(&self, kind: Evidence, tenant: u32, rng: &mut Rng) -> Draw {
        let (intended, credential, sender, recipient) = match kind {
            Evidence::Certificate => (
                Some(tenant),
                Credential::Tenant(tenant),
                Whose::Tenant(tenant),
                Whose::Nobody,
            ),
            Evidence::Sender => (
                Some(tenant),
                Credential::Peer,
                Whose::Tenant(tenant),
                Whose::Nobody,
            ),
            Evidence::Recipient => (
                Some(tenant),
                Credential::Peer,
                Whose::Null,
                Whose::Tenant(tenant),
            ),
            Evidence::Unattributable => (None, Credential::Peer, Whose::Nobody, Whose::Nobody),
            Evidence::Conflicting => {
                let others = self.tenants.saturating_sub(1).max(1);
                let step = 1 + rng.u32(0..others);
                let other = (tenant + step) % self.tenants.max(1);
                (
                    Some(tenant),
                    Credential::Tenant(tenant),
                    Whose::Tenant(other),
                    Whose::Nobody,
                )
            }
            Evidence::Untrusted => (None, Credential::Untrusted, Whose::Nobody, Whose::Nobody),
        };
        Draw {
            intended,
            credential,
            sender,
            recipient,
            luck: rng.u64(..),
        }
    }

    fn evidence_of(&self, at: f64) -> Evidence {
        let found = self.evidence.iter().find(|(_, sum)| at < *sum);
        let last = self
            .evidence
            .iter()
            .rev()
            .find(|(kind, _)| self.share(*kind) > 0.0);
        found.or(last).map_or(Evidence::Sender, |(kind, _)| *kind)
    }

    fn share(&self, wanted: Evidence) -> f64 {
        let mut before = 0.0;
        for (kind, sum) in self.evidence {
            if kind == wanted {
                return sum - before;
            }
            before = sum;
        }
        0.0
    }
}

impl Sessions {
    pub(crate) fn new(mixer: &Mixer, shard: Shard) -> Self {
        let share = |kinds: &[Evidence]| kinds.iter().map(|kind| mixer.share(*kind)).sum();
        Self {
            shares: [
                share(&[Evidence::Certificate, Evidence::Conflicting]),
                share(&[
                    Evidence::Sender,
                    Evidence::Recipient,
                    Evidence::Unattributable,
                ]),
                share(&[Evidence::Untrusted]),
            ],
            credit: [0.0; 3],
            certified: 0,
            next: 0,
            shard,
        }
    }

    /// The next session of this shard.
    pub(crate) fn draw(&mut self, mixer: &Mixer) -> SessionDraw {
        loop {
            let session = self.any(mixer);
            let turn = session.number % u64::from(self.shard.count.max(1));
            if turn + 1 == u64::from(self.shard.index) || self.shard.count < 2 {
                return session;
            }
        }
    }

    /// The next session of any shard: kinds of credentials in exact proportion.
    fn any(&mut self, mixer: &Mixer) -> SessionDraw {
        let number = self.next;
        self.next += 1;
        let total: f64 = self.shares.iter().sum();
        let mut best = (0, f64::MIN);
        for (at, (credit, share)) in self.credit.iter_mut().zip(self.shares).enumerate() {
            *credit += share;
            if share > 0.0 && *credit > best.1 {
                best = (at, *credit);
            }
        }
        if let Some(credit) = self.credit.get_mut(best.0) {
            *credit -= total;
        }
        let credential = match best.0 {
            0 => {
                let mut rng = Rng::with_seed(scatter(mixer.seed ^ SESSIONS, number));
                let turn = self.certified;
                self.certified += 1;
                Credential::Tenant(mixer.certified.choose(turn, &mut rng))
            }
            1 => Credential::Peer,
            _ => Credential::Untrusted,
        };
        SessionDraw { number, credential }
    }
}

impl Chooser {
    fn new(mut members: Vec<u32>, weights: &[f64], seed: u64) -> Self {
        if weights.is_empty() {
            Rng::with_seed(scatter(seed, SESSIONS)).shuffle(&mut members);
        }
        let mut sum = 0.0;
        let weights = members.iter().filter_map(|member| {
            sum += weights.get(*member as usize)?;
            Some(sum)
        });
        Self {
            weights: weights.collect(),
            members,
        }
    }

    fn choose(&self, turn: u64, rng: &mut Rng) -> u32 {
        let count = self.members.len() as u64;
        let at = match self.weights.last() {
            None => turn.checked_rem(count).unwrap_or(0) as usize,
            Some(total) => {
                let at = rng.f64() * total;
                self.weights.partition_point(|sum| *sum <= at)
            }
        };
        let last = self.members.last().copied().unwrap_or(0);
        self.members.get(at).copied().unwrap_or(last)
    }
}

/// The weight of each tenant; none when all come in turns.
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn weights(mix: &TenantMix, tenants: &[Member]) -> Vec<f64> {
    match mix {
        TenantMix::Uniform => Vec::new(),
        TenantMix::Weighted { weights } => {
            let weights: BTreeMap<&str, f64> = weights
                .iter()
                .map(|(name, weight)| (name.as_str(), *weight))
                .collect();
            let weight = |tenant: &Member| weights.get(&*tenant.name).copied();
            tenants
                .iter()
                .map(|tenant| weight(tenant).unwrap_or(tenant.weight))
                .collect()
        }
        TenantMix::Zipf { exponent } => (1..=tenants.len())
            .map(|rank| (rank as f64).powf(-exponent))
            .collect(),
    }
}

/// Two numbers as one that looks random (the finaliser of SplitMix64).
fn scatter(seed: u64, number: u64) -> u64 {
    let mut mixed = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Keeps the luck of sessions apart from that of messages.
const SESSIONS: u64 = 0x5e55_1045_0000_0001;
