//! Which message comes when: evidence, tenant, sender and recipient, all from the seed.
//!
//! A closed loop draws sessions first, since a connection has one certificate, and then the
//! messages of each. An open loop draws messages, since what is due must not depend on which
//! connection is free. Shares are not left to chance: of any number of messages (of sessions, where
//! the certificate is the evidence) each tenant and each kind of evidence has as many as the plan
//! says, give or take a few.

mod chooser;
mod sessions;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use self::chooser::{Chooser, Spread};
pub(crate) use self::sessions::Sessions;
use crate::identity::Member;
use crate::plan::{EvidenceMix, Plan, TenantMix};

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
    evidence: [(Evidence, f64); 6],
    all: Chooser,
    certified: Chooser,
    tenants: u32,
    /// Messages so far of connections that say nothing of the tenant: the next tenant comes on
    /// whichever of them is the next to send.
    by_peers: AtomicU64,
    /// Messages so far of connections with a tenant's certificate.
    by_tenants: AtomicU64,
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
        let weights = weights(&plan.tenants, tenants);
        let chooser = |wanted: &dyn Fn(&Member) -> bool| {
            let numbered = (0_u32..).zip(tenants);
            let members = numbered.filter(|(_, member)| wanted(member));
            let members = members.map(|(at, _)| at).collect();
            Chooser::new(members, &weights, plan.seed)
        };
        Self {
            seed: plan.seed,
            evidence: [
                (Evidence::Certificate, certificate),
                (Evidence::Sender, sender),
                (Evidence::Recipient, recipient),
                (Evidence::Unattributable, unattributable),
                (Evidence::Conflicting, conflicting),
                (Evidence::Untrusted, untrusted),
            ],
            all: chooser(&|_| true),
            certified: chooser(&|member| member.identity.is_some()),
            tenants: u32::try_from(tenants.len()).unwrap_or(u32::MAX),
            by_peers: AtomicU64::new(0),
            by_tenants: AtomicU64::new(0),
        }
    }

    /// The share of all messages that each tenant has by the plan, and at last nobody.
    pub(crate) fn planned(&self) -> Vec<f64> {
        let share = |kinds: &[Evidence]| self.shares(kinds).map(|(_, share)| share).sum::<f64>();
        let whole = share(&EVERY_KIND).max(f64::MIN_POSITIVE);
        let nobody = share(&[Evidence::Unattributable, Evidence::Untrusted]);
        let mut planned = vec![0.0; self.tenants as usize + 1];
        for (chooser, part) in [
            (&self.certified, share(&BY_TENANTS)),
            (&self.all, share(&[Evidence::Sender, Evidence::Recipient])),
        ] {
            for (tenant, own) in chooser.shares() {
                if let Some(planned) = planned.get_mut(tenant as usize) {
                    *planned += part * own / whole;
                }
            }
        }
        if let Some(last) = planned.last_mut() {
            *last = nobody / whole;
        }
        planned
    }

    /// The message with this number of an open loop.
    pub(crate) fn message(&self, number: u64) -> Draw {
        let mut rng = Rng::with_seed(scatter(self.seed, number));
        let kind = self.kind(&EVERY_KIND, number);
        let tenant = match kind {
            Evidence::Certificate | Evidence::Conflicting => self.certified.choose(number),
            Evidence::Sender
            | Evidence::Recipient
            | Evidence::Unattributable
            | Evidence::Untrusted => self.all.choose(number),
        };
        self.draw(kind, tenant, &mut rng)
    }

    /// The message with this number of a closed loop, on whichever session is the next to send: the
    /// session says whose certificate it comes with, and the seed everything else.
    pub(crate) fn in_session(&self, session: &SessionDraw, number: u64) -> Draw {
        let mut rng = Rng::with_seed(scatter(self.seed, number));
        match session.credential {
            Credential::Tenant(tenant) => {
                let turn = self.by_tenants.fetch_add(1, Ordering::Relaxed);
                self.draw(self.kind(&BY_TENANTS, turn), tenant, &mut rng)
            }
            Credential::Peer => {
                let turn = self.by_peers.fetch_add(1, Ordering::Relaxed);
                let kind = self.kind(&BY_PEERS, turn);
                self.draw(kind, self.all.choose(turn), &mut rng)
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

    /// The kind of evidence whose turn it is, of some.
    fn kind(&self, kinds: &[Evidence], turn: u64) -> Evidence {
        let total: f64 = self.shares(kinds).map(|(_, share)| share).sum();
        let mut rest = Spread::Kinds.at(self.seed, turn) * total;
        let mut chosen = Evidence::Unattributable;
        for (kind, share) in self.shares(kinds) {
            chosen = kind;
            if rest < share {
                break;
            }
            rest -= share;
        }
        chosen
    }

    /// Those of some kinds that occur at all, with their shares against each other.
    fn shares(&self, kinds: &[Evidence]) -> impl Iterator<Item = (Evidence, f64)> {
        let wanted = move |(kind, share): &(Evidence, f64)| kinds.contains(kind) && *share > 0.0;
        self.evidence.into_iter().filter(wanted)
    }
}

/// The weight of each tenant; none when all come in turns.
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
pub(crate) fn weights(mix: &TenantMix, tenants: &[Member]) -> Vec<f64> {
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
const fn scatter(seed: u64, number: u64) -> u64 {
    let mut mixed = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Keeps the luck of sessions apart from that of messages.
const SESSIONS: u64 = 0x5e55_1045_0000_0001;
const EVERY_KIND: [Evidence; 6] = [
    Evidence::Certificate,
    Evidence::Sender,
    Evidence::Recipient,
    Evidence::Unattributable,
    Evidence::Conflicting,
    Evidence::Untrusted,
];
/// What comes with a tenant's certificate.
const BY_TENANTS: [Evidence; 2] = [Evidence::Certificate, Evidence::Conflicting];
/// What comes with the peer's certificate, or none.
const BY_PEERS: [Evidence; 3] = [
    Evidence::Sender,
    Evidence::Recipient,
    Evidence::Unattributable,
];

#[cfg(test)]
mod tests {
    #![expect(
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]

    use std::path::Path;

    use super::*;
    use crate::plan::{Overrides, Shard};

    /// A mixer of so many tenants, all with certificates.
    fn mixer(tenants: u32, more: &str) -> Mixer {
        let text = format!("[target]\naddress = '127.0.0.1:25'\n{more}");
        let plan = Plan::read(Path::new("plan"), &text, &Overrides::default());
        let plan = plan.unwrap_or_else(|problems| panic!("{problems}"));
        let members: Vec<Member> = (0..tenants)
            .map(|index| Member {
                name: format!("t{index}").into(),
                domain: format!("t{index}.test").into(),
                weight: 1.0,
                identity: None,
            })
            .collect();
        let certified = Chooser::new(
            (0..tenants).collect(),
            &weights(&plan.tenants, &members),
            plan.seed,
        );
        Mixer {
            certified,
            ..Mixer::new(&plan, &members)
        }
    }

    fn counted(draws: impl Iterator<Item = Option<u32>>) -> BTreeMap<Option<u32>, u32> {
        let mut counts = BTreeMap::new();
        draws.for_each(|tenant| *counts.entry(tenant).or_default() += 1);
        counts
    }

    #[test]
    fn messages_of_peers_have_the_shares_of_the_plan_whichever_connections_they_are_on() {
        for (messages_each, total) in [(1, 1_000), (7, 1_400), (100, 1_000)] {
            let mixer = mixer(10, "[evidence]\nsender = 3\nrecipient = 1\n");
            let sessions = (0..total / messages_each).map(|number| SessionDraw {
                number: number * 3,
                credential: Credential::Peer,
            });
            let draws = sessions.flat_map(|session| {
                let each = (0..messages_each).map(move |number| (session, number));
                each.collect::<Vec<_>>()
            });
            let draws: Vec<Draw> = draws
                .map(|(session, number)| mixer.in_session(&session, number))
                .collect();
            let tenants = counted(draws.iter().map(|draw| draw.intended));
            let each = u32::try_from(total).unwrap_or(0) / 10;
            assert!(tenants.values().all(|count| *count == each), "{tenants:?}");
            assert_eq!(tenants.len(), 10);
            let null = draws.iter().filter(|draw| draw.sender == Whose::Null);
            let null = i64::try_from(null.count()).unwrap_or(0);
            assert!(
                (null * 4).abs_diff(i64::try_from(total).unwrap_or(0)) <= 16,
                "{null}"
            );
        }
    }

    #[test]
    fn messages_follow_weights_without_chance() {
        let mixer = mixer(100, "[evidence]\nsender = 1\n[mix]\ntenants = 'zipf'\n");
        let planned = mixer.planned();
        assert!((planned.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let tenants = counted((0..10_000).map(|number| mixer.message(number).intended));
        for (tenant, planned) in (0_u32..).zip(planned.iter().take(100)) {
            let count = f64::from(tenants.get(&Some(tenant)).copied().unwrap_or(0));
            assert!(
                (count - planned * 10_000.0).abs() < 6.0,
                "{tenant}: {count}, {planned}"
            );
        }
    }

    #[test]
    fn connections_are_shared_by_weight_as_well_as_whole_numbers_can_be() {
        let mixer = mixer(
            4,
            "[evidence]\ncertificate = 1\n[mix]\ntenants = 'weighted'\nweights = { t0 = 4, t1 = 2 }\n",
        );
        let mut sessions = Sessions::new(&mixer, Shard::WHOLE);
        let mut counts = [0_i32; 4];
        for number in 1..=800 {
            let Credential::Tenant(tenant) = sessions.draw(&mixer).credential else {
                panic!("no tenant");
            };
            counts[tenant as usize] += 1;
            for (count, weight) in counts.iter().zip([4.0, 2.0, 1.0, 1.0]) {
                let fair = f64::from(number) * weight / 8.0;
                assert!(
                    (f64::from(*count) - fair).abs() <= 1.0,
                    "{number}: {counts:?}"
                );
            }
        }
        assert_eq!(counts, [400, 200, 100, 100]);
    }

    #[test]
    fn what_is_nobodys_has_its_share_too() {
        let mixer = mixer(2, "[evidence]\ncertificate = 1\nunattributable = 3\n");
        let planned = mixer.planned();
        for (found, wanted) in planned.iter().zip([0.125, 0.125, 0.75]) {
            assert!((found - wanted).abs() < 1e-12, "{planned:?}");
        }
        let seen = counted((0..800).map(|number| mixer.message(number).intended));
        assert!(seen[&None].abs_diff(600) < 6, "{seen:?}");
    }
}
