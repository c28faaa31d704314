//! A hash table of names, made for ten million of them.
//!
//! One array of 16-octet entries in the order of their hashes, with gaps: a name that is not there costs about one
//! cache miss, one that is there a second one for its text. With tens of millions of names the cache misses are all
//! that counts, which is why this is not a general-purpose map (measured with ten million: found names take a quarter
//! less time than with one, at the same size). The order is the same whatever the table's size, so
//! that growing and shrinking run through memory once and never read a text.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::rules::TenantId;

/// Entries by the hash of their names.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The scaled slots, and as many more as the last run needs.
    slots: Vec<Entry>,
    /// Over how many slots the hashes are scaled.
    scale: u64,
    used: usize,
    hashing: RandomState,
}

/// A name of one tenant, with everything it claims it for; a free slot has no claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where the name's text begins.
    pub(super) offset: u32,
    pub(super) tenant: TenantId,
    hash: u32,
    /// How long the text is.
    pub(super) length: u8,
    /// One bit for each basis and kind.
    pub(super) claims: u8,
}

impl Table {
    pub(super) fn hash(&self, name: &str) -> u32 {
        let [a, b, c, d, ..] = self.hashing.hash_one(name).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The entries whose name has this hash; by chance others have it too.
    pub(super) fn with_hash(&self, hash: u32) -> impl Iterator<Item = &Entry> {
        self.slots
            .get(self.home(hash)..)
            .unwrap_or_default()
            .iter()
            .take_while(move |entry| entry.hash <= hash)
            .filter(move |entry| entry.hash == hash && entry.claims != 0)
    }

    /// Adds claims to the entry that `own` knows, if there is one.
    pub(super) fn widen(&mut self, hash: u32, claims: u8, own: impl Fn(&Entry) -> bool) {
        let home = self.home(hash);
        let run = self.slots.get_mut(home..).unwrap_or_default().iter_mut();
        let mut known = run.take_while(|entry| entry.hash <= hash);
        if let Some(entry) = known.find(|entry| entry.hash == hash && own(entry)) {
            entry.claims |= claims;
        }
    }

    pub(super) fn insert(
        &mut self,
        hash: u32,
        offset: u32,
        length: u8,
        tenant: TenantId,
        claims: u8,
    ) {
        self.reserve(1);
        let entry = Entry {
            offset,
            tenant,
            hash,
            length,
            claims,
        };
        self.place(entry);
    }

    pub(super) fn reserve(&mut self, names: usize) {
        let wanted = self.used.saturating_add(names);
        if scale_for(wanted) > self.scale {
            self.resize(scale_for(wanted.max(self.used.saturating_mul(2))));
        }
    }

    /// Gives back what growing has left over.
    pub(super) fn shrink(&mut self) {
        let scale = scale_for(self.used);
        if scale < self.scale {
            self.resize(scale);
        }
        self.slots.shrink_to_fit();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().filter(|entry| entry.claims != 0)
    }

    pub(super) fn len(&self) -> usize {
        self.used
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Entry>()
    }

    fn resize(&mut self, scale: u64) {
        let room = usize::try_from(scale).unwrap_or(usize::MAX);
        let old = std::mem::replace(&mut self.slots, vec![FREE; room]);
        self.scale = scale;
        self.used = 0;
        for entry in old.into_iter().filter(|entry| entry.claims != 0) {
            self.place(entry);
        }
    }

    /// Puts an entry behind those with lower hashes, and moves the rest of the run on by one.
    fn place(&mut self, mut entry: Entry) {
        self.used += 1;
        let home = self.home(entry.hash);
        for slot in self.slots.get_mut(home..).unwrap_or_default() {
            if slot.claims == 0 {
                *slot = entry;
                return;
            }
            if slot.hash > entry.hash {
                std::mem::swap(slot, &mut entry);
            }
        }
        self.slots.push(entry);
    }

    /// The slot at which the search begins: the hash, scaled to the table.
    fn home(&self, hash: u32) -> usize {
        let scaled = (u64::from(hash) * self.scale) >> u32::BITS;
        usize::try_from(scaled).unwrap_or(usize::MAX)
    }
}

/// Its hash ends every search.
const FREE: Entry = Entry {
    offset: 0,
    tenant: TenantId(0),
    hash: u32::MAX,
    length: 0,
    claims: 0,
};

/// Two thirds full at most, so that runs stay short. The scale keeps below 2^32, for a hash times it must fit 64 bits.
fn scale_for(entries: usize) -> u64 {
    let entries = u64::try_from(entries).unwrap_or(u64::MAX);
    entries
        .saturating_add(entries / 2)
        .saturating_add(1)
        .min(u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn full_of(hashes: &[u32]) -> Table {
        let mut table = Table::default();
        for (offset, hash) in (0..).zip(hashes) {
            table.insert(*hash, offset, 1, TenantId(offset), 1);
        }
        table
    }

    fn found(table: &Table, hash: u32) -> Vec<u32> {
        let mut offsets: Vec<u32> = table.with_hash(hash).map(|entry| entry.offset).collect();
        offsets.sort_unstable();
        offsets
    }

    #[test]
    fn an_empty_table_has_nothing() {
        assert!(found(&Table::default(), 0).is_empty());
        assert!(found(&Table::default(), u32::MAX).is_empty());
    }

    #[test]
    fn every_hash_is_found_even_at_both_ends() {
        let hashes = [
            u32::MAX,
            0,
            u32::MAX,
            1,
            u32::MAX - 1,
            u32::MAX,
            0,
            1 << 31,
            u32::MAX,
        ];
        let mut table = full_of(&hashes);
        for _ in 0..2 {
            assert_eq!(found(&table, u32::MAX), [0, 2, 5, 8]);
            assert_eq!(found(&table, 0), [1, 6]);
            assert_eq!(found(&table, 1 << 31), [7]);
            assert!(found(&table, 7).is_empty());
            table.shrink();
        }
        assert_eq!(table.len(), table.iter().count());
    }

    #[test]
    fn one_hash_for_all_is_slow_but_right() {
        let table = full_of(&[42; 500]);
        assert_eq!(found(&table, 42).len(), 500);
        assert!(found(&table, 41).is_empty());
    }

    #[test]
    fn widening_touches_one_entry() {
        let mut table = full_of(&[5, 5, u32::MAX, u32::MAX]);
        table.widen(5, 4, |entry| entry.offset == 1);
        table.widen(u32::MAX, 4, |entry| entry.offset == 3);
        let claims = |offset| {
            table
                .iter()
                .find(|entry| entry.offset == offset)
                .unwrap()
                .claims
        };
        assert_eq!([claims(0), claims(1), claims(2), claims(3)], [1, 5, 1, 5]);
    }
}
