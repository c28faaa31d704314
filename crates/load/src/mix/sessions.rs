//! The connections of a closed loop: what each presents, in the shares of the plan.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{BY_PEERS, BY_TENANTS, Credential, Evidence, Mixer, SessionDraw};
use crate::plan::Shard;

/// Draws sessions, one after another, whoever takes them.
#[derive(Debug)]
pub(crate) struct Sessions {
    shares: [f64; 3],
    credit: [f64; 3],
    certified: Certified,
    next: u64,
    shard: Shard,
}

/// Whose certificate the next connection has.
#[derive(Debug)]
enum Certified {
    /// So many had one, in turns.
    Turns(u64),
    /// By weight.
    Weighed(BinaryHeap<Reverse<Claim>>),
}

/// A tenant's claim to the next connection: the smaller its place, the sooner it comes.
///
/// With half a connection more than it has, divided by its weight, the connections handed out are
/// at each moment as near to the weights as whole numbers can be (the method of Webster and
/// Sainte-Lague).
#[derive(Debug, Clone, Copy)]
struct Claim {
    tenant: u32,
    weight: f64,
    has: f64,
}

impl Sessions {
    pub(crate) fn new(mixer: &Mixer, shard: Shard) -> Self {
        let share = |kinds: &[Evidence]| mixer.shares(kinds).map(|(_, share)| share).sum();
        let claims = mixer.certified.weighed();
        Self {
            shares: [
                share(&BY_TENANTS),
                share(&BY_PEERS),
                share(&[Evidence::Untrusted]),
            ],
            credit: [0.0; 3],
            certified: match mixer.certified.takes_turns() {
                true => Certified::Turns(0),
                false => Certified::Weighed(
                    claims
                        .filter(|(_, weight, _)| *weight > 0.0)
                        .map(|(tenant, weight, _)| Claim::new(tenant, weight))
                        .map(Reverse)
                        .collect(),
                ),
            },
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
            0 => Credential::Tenant(self.certified.next(mixer)),
            1 => Credential::Peer,
            _ => Credential::Untrusted,
        };
        SessionDraw { number, credential }
    }
}

impl Certified {
    fn next(&mut self, mixer: &Mixer) -> u32 {
        match self {
            Self::Turns(turn) => {
                *turn += 1;
                mixer.certified.choose(*turn - 1)
            }
            Self::Weighed(claims) => {
                let Some(mut first) = claims.peek_mut() else {
                    return 0;
                };
                first.0.has += 1.0;
                first.0.tenant
            }
        }
    }
}

impl Claim {
    const fn new(tenant: u32, weight: f64) -> Self {
        Self {
            tenant,
            weight,
            has: 0.0,
        }
    }

    fn place(&self) -> f64 {
        (self.has + 0.5) / self.weight
    }
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let places = self.place().total_cmp(&other.place());
        places.then(self.tenant.cmp(&other.tenant))
    }
}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Claim {}
