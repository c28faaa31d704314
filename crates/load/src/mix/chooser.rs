//! Whose turn it is: tenants out of some, in their shares at every moment.

use fastrand::Rng;

use super::{SESSIONS, scatter};

/// Chooses tenants out of some.
#[derive(Debug)]
pub(super) struct Chooser {
    /// Shuffled for turns; in their order for weights.
    members: Vec<u32>,
    /// Cumulative weights; empty when all come in turns.
    weights: Vec<f64>,
    seed: u64,
}

/// A sequence in the unit interval that leaves no gaps: each stretch of it is spread evenly, and so
/// are the pairs of both together (steps of the plastic number, Roberts' R2).
#[derive(Debug, Clone, Copy)]
pub(super) enum Spread {
    Kinds,
    Tenants,
}

impl Chooser {
    pub(super) fn new(mut members: Vec<u32>, weights: &[f64], seed: u64) -> Self {
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
            seed,
        }
    }

    pub(super) fn choose(&self, turn: u64) -> u32 {
        let at = match self.weights.last() {
            None => {
                let count = self.members.len() as u64;
                usize::try_from(turn.checked_rem(count).unwrap_or(0)).unwrap_or(0)
            }
            Some(total) => {
                let at = Spread::Tenants.at(self.seed, turn) * total;
                self.weights.partition_point(|sum| *sum <= at)
            }
        };
        let last = self.members.last().copied().unwrap_or(0);
        self.members.get(at).copied().unwrap_or(last)
    }

    /// Each member with its share of all; together 1.
    pub(super) fn shares(&self) -> impl Iterator<Item = (u32, f64)> {
        self.weighed()
            .map(|(member, weight, total)| (member, weight / total))
    }

    /// Each member with its weight, and the sum of them.
    #[expect(clippy::cast_precision_loss, reason = "tenants are few")]
    pub(super) fn weighed(&self) -> impl Iterator<Item = (u32, f64, f64)> {
        let total = match self.weights.last() {
            Some(total) => total.max(f64::MIN_POSITIVE),
            None => self.members.len() as f64,
        };
        let mut before = 0.0;
        self.members.iter().enumerate().map(move |(at, member)| {
            let weight = self.weights.get(at).map_or(1.0, |sum| sum - before);
            before = self.weights.get(at).copied().unwrap_or(0.0);
            (*member, weight, total)
        })
    }

    /// Whether all come equally often.
    pub(super) const fn takes_turns(&self) -> bool {
        self.weights.is_empty()
    }
}

impl Spread {
    /// The element with this number, from 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are left of 64")]
    pub(super) const fn at(self, seed: u64, number: u64) -> f64 {
        let (start, step) = match self {
            Self::Kinds => (scatter(seed, SESSIONS ^ 1), 0xc13f_a9a9_02a6_328f),
            Self::Tenants => (scatter(seed, SESSIONS ^ 2), 0x91e1_0da5_c79e_7b1d),
        };
        let place = start.wrapping_add(number.wrapping_mul(step));
        (place >> 11) as f64 / (1_u64 << 53) as f64
    }
}
