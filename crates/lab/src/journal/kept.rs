//! What the journal has in memory: the last records, and counts of all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::record::Record;
use crate::attribution::{Basis, ConnectorRef};
use crate::world::TenantIndex;

/// Counts over all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Messages taken; one for several tenants counts once for each.
    pub accepted: u64,
    /// Messages and single recipients refused.
    pub refused: u64,
    /// Octets of the messages taken.
    pub octets: u64,
}

/// Counts of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages taken.
    pub accepted: u64,
    /// Messages and single recipients refused, by the reply's codes, as `550 5.7.64`, or
    /// `no reply`.
    pub refused: BTreeMap<String, u64>,
    /// Octets of the messages taken.
    pub octets: u64,
    /// What decided about the last one.
    pub last_basis: Option<Basis>,
    /// The connector that the last one was credited to.
    pub last_connector: Option<ConnectorRef>,
}

#[derive(Debug)]
pub(super) struct Kept {
    records: VecDeque<Arc<Record>>,
    most: usize,
    /// Octets that the records hold, about.
    weight: usize,
    totals: Totals,
    tallies: BTreeMap<Option<TenantIndex>, Tally>,
}

impl Kept {
    pub(super) fn new(most: usize) -> Self {
        Self {
            records: VecDeque::new(),
            most,
            weight: 0,
            totals: Totals::default(),
            tallies: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, record: Arc<Record>) {
        let tally = self.tallies.entry(record.tenant).or_default();
        tally.last_basis = Some(record.basis);
        tally.last_connector = record.connector;
        if record.accepted {
            self.totals.accepted += 1;
            self.totals.octets += record.size;
            tally.accepted += 1;
            tally.octets += record.size;
        } else {
            self.totals.refused += 1;
            tally.count_refusal(match record.reply.as_str() {
                "" => NO_REPLY,
                reply => codes(reply),
            });
        }
        self.weight += record.weight();
        self.records.push_back(record);
        while self.records.len() > self.most || self.weight > MOST_WEIGHT {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.weight = self.weight.saturating_sub(oldest.weight());
        }
    }

    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn tally(&self, tenant: Option<TenantIndex>) -> Tally {
        self.tallies.get(&tenant).cloned().unwrap_or_default()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.iter()
    }
}

impl Tally {
    fn count_refusal(&mut self, codes: &str) {
        match self.refused.get_mut(codes) {
            Some(count) => *count += 1,
            None => {
                self.refused.insert(codes.to_owned(), 1);
            }
        }
    }
}

/// Code and enhanced code of a reply, or the code alone.
fn codes(reply: &str) -> &str {
    let mut spaces = reply.match_indices(' ').map(|(at, _)| at);
    let (code, enhanced) = (spaces.next(), spaces.next());
    let end = |at: Option<usize>| at.unwrap_or(reply.len());
    let second = reply.get(end(code)..end(enhanced)).unwrap_or_default();
    let is_enhanced = second.matches('.').count() == 2
        && second
            .trim_start()
            .bytes()
            .all(|octet| octet.is_ascii_digit() || octet == b'.');
    let end = if is_enhanced {
        end(enhanced)
    } else {
        end(code)
    };
    reply.get(..end).unwrap_or(reply)
}

/// What is counted that a fault ended without a word.
const NO_REPLY: &str = "no reply";

/// Octets of records in memory, however many records that is.
const MOST_WEIGHT: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_a_reply_are_what_refusals_are_counted_by() {
        for (reply, expected) in [
            (
                "550 5.7.64 TenantAttribution; Relay Access Denied",
                "550 5.7.64",
            ),
            ("452 4.5.3", "452 4.5.3"),
            ("421 closing now", "421"),
            ("554", "554"),
            ("550 a.b.c d", "550"),
            ("", ""),
        ] {
            assert_eq!(codes(reply), expected);
        }
    }
}
