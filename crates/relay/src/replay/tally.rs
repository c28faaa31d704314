//! What is counted: for a piece of the log by whoever plays it, then piece after piece for all of it.

use std::collections::HashMap;

use tenantry_attribution::{Basis, Domain, RecipientEvidence, SenderEvidence, TenantId, Verdict};

use super::decide::{Decider, Played};
use super::envelope::{Kind, Obstacle, Recorded};
use crate::compare::{Differences, Outcomes, Ruled, Ruling};
use crate::telemetry::Shown;

/// What was found in some lines.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lines: u64,
    pub(super) envelopes: u64,
    pub(super) other: u64,
    pub(super) changed: u64,
    pub(super) basis_only: u64,
    pub(super) decided_otherwise: u64,
    pub(super) undecided: u64,
    /// By the word of the obstacle; the words are few.
    pub(super) reasons: HashMap<&'static str, u64>,
    /// The first ones, with their lines.
    pub(super) obstacles: Vec<(u64, String)>,
    pub(super) groups: HashMap<Key, Group>,
    /// Changed envelopes beyond the groups that are kept.
    pub(super) ungrouped: u64,
}

/// What changed: envelopes with the same change are one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) old: Half,
    pub(super) new: Half,
    pub(super) differences: Differences,
}

/// One side of a change. Upstream and identity follow from the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Half {
    pub(super) owner: Owner,
    pub(super) outcomes: Outcomes,
}

/// Whose an envelope is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Tenant(TenantId, Basis),
    Several(Basis, Vec<TenantId>),
    Nobody,
    NotAsked,
}

/// The envelopes of one change.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) count: u64,
    pub(super) first_line: u64,
    pub(super) senders: Vec<String>,
    pub(super) recipients: Vec<String>,
}

impl Tally {
    /// Plays one line, the next one.
    pub(super) fn line(&mut self, decider: &mut Decider<'_>, kind: &mut Kind, text: &str) {
        self.lines += 1;
        if text.trim_ascii().is_empty() {
            self.other += 1;
            return;
        }
        match kind.read(text) {
            Ok(Recorded::Other) => self.other += 1,
            Ok(Recorded::Envelope(mut envelope)) => {
                let decided = envelope.decided.take();
                match decider.play(envelope) {
                    Ok(played) => {
                        self.played(&played);
                        let old = played.before();
                        let tenant = old.tenant().map(|tenant| &*tenant.name);
                        let then = decided
                            .as_ref()
                            .map(|(verdict, tenant)| (&**verdict, tenant.as_deref()));
                        if then.is_some_and(|then| then != (old.verdict(), tenant)) {
                            self.decided_otherwise += 1;
                        }
                    }
                    Err(obstacle) => self.obstacle(&obstacle),
                }
            }
            Err(obstacle) => self.obstacle(&obstacle),
        }
    }

    /// Takes note of the next line, which cannot be decided.
    pub(super) fn unreadable(&mut self, obstacle: &Obstacle) {
        self.lines += 1;
        self.obstacle(obstacle);
    }

    fn obstacle(&mut self, obstacle: &Obstacle) {
        self.undecided += 1;
        *self.reasons.entry(obstacle.as_str()).or_default() += 1;
        if self.obstacles.len() < OBSTACLES {
            // It may quote the line.
            let told = Shown(&obstacle.to_string()).to_string();
            self.obstacles.push((self.lines, told));
        }
    }

    fn played(&mut self, played: &Played<'_>) {
        self.envelopes += 1;
        let (old, new) = (played.before(), played.after());
        let differences = played.differences;
        if differences.is_empty() {
            if old.basis() != new.basis() {
                self.basis_only += 1;
            }
            return;
        }
        self.changed += 1;
        let key = Key {
            old: Half::of(old),
            new: Half::of(new),
            differences,
        };
        let lines = self.lines;
        let group = self.groups.entry(key).or_insert_with(|| Group {
            first_line: lines,
            ..Group::default()
        });
        group.count += 1;
        add(&mut group.senders, shown_sender(&played.sender));
        for recipient in played.recipients.iter().take(EXAMPLES) {
            add(&mut group.recipients, shown_recipient(recipient));
        }
    }

    /// Adds what was found in the lines behind these.
    pub(super) fn append(&mut self, next: Tally) {
        let before = self.lines;
        self.lines += next.lines;
        self.envelopes += next.envelopes;
        self.other += next.other;
        self.changed += next.changed;
        self.basis_only += next.basis_only;
        self.decided_otherwise += next.decided_otherwise;
        self.undecided += next.undecided;
        self.ungrouped += next.ungrouped;
        for (word, count) in next.reasons {
            *self.reasons.entry(word).or_default() += count;
        }
        let room = OBSTACLES.saturating_sub(self.obstacles.len());
        let obstacles = next.obstacles.into_iter().take(room);
        self.obstacles
            .extend(obstacles.map(|(line, text)| (before + line, text)));
        let mut groups: Vec<(Key, Group)> = next.groups.into_iter().collect();
        // Which groups are kept must not depend on the order of a hash table.
        groups.sort_unstable_by_key(|(_key, group)| group.first_line);
        for (key, group) in groups {
            self.group(key, group, before);
        }
    }

    fn group(&mut self, key: Key, more: Group, before: u64) {
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
            self.ungrouped += more.count;
            return;
        }
        let group = self.groups.entry(key).or_insert_with(|| Group {
            first_line: before + more.first_line,
            ..Group::default()
        });
        group.count += more.count;
        for sender in &more.senders {
            add(&mut group.senders, sender);
        }
        for recipient in &more.recipients {
            add(&mut group.recipients, recipient);
        }
    }
}

impl Half {
    fn of(ruled: Ruled<'_>) -> Self {
        let owner = match ruled.ruling {
            Ruling::CertificateRequired => Owner::NotAsked,
            Ruling::Attributed(attribution) => match &attribution.verdict {
                Verdict::Tenant { id, basis } => Owner::Tenant(*id, *basis),
                Verdict::Ambiguous { basis, tenants } => Owner::Several(*basis, tenants.clone()),
                Verdict::Unattributed => Owner::Nobody,
            },
        };
        Self {
            owner,
            outcomes: ruled.outcomes(),
        }
    }
}

/// One more example, unless there are enough; one beyond what is shown tells that there are more.
fn add(examples: &mut Vec<String>, example: &str) {
    if examples.len() <= EXAMPLES && !examples.iter().any(|known| known == example) {
        examples.push(String::from(example));
    }
}

fn shown_sender(sender: &SenderEvidence) -> &str {
    match sender {
        SenderEvidence::Null => "<>",
        SenderEvidence::Literal => LITERAL,
        SenderEvidence::NoDomain(_) => NO_DOMAIN,
        SenderEvidence::Domain(domain) => Domain::as_str(domain),
    }
}

fn shown_recipient(recipient: &RecipientEvidence) -> &str {
    match recipient {
        RecipientEvidence::Literal => LITERAL,
        RecipientEvidence::NoDomain(_) => NO_DOMAIN,
        RecipientEvidence::Domain(domain) => Domain::as_str(domain),
    }
}

const LITERAL: &str = "(address literal)";
const NO_DOMAIN: &str = "(no domain)";

/// Domains of each kind that a change names.
pub(super) const EXAMPLES: usize = 3;

/// Lines that cannot be decided and are told with their reason; the others are counted.
pub(super) const OBSTACLES: usize = 20;

/// Changes that are told apart; envelopes of further ones are counted.
pub(super) const GROUPS: usize = 1_000;
