//! The recording upstream, and the comparison of what came with what was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenantry_lab::upstream::{Record, RecordingUpstream, UpstreamSettings};
use tokio::runtime::Runtime;

use crate::fixture::Tenant;
use crate::message::{Message, number_of, prefix_of};

/// An upstream in this process that keeps every message with its connection's certificate.
pub(crate) struct Arrivals {
    runtime: Runtime,
    upstream: RecordingUpstream,
}

/// What must have come of one message.
pub(crate) struct Expected<'a> {
    /// The message as it was sent.
    pub(crate) message: &'a Message,
    /// The sender.
    pub(crate) from: &'a str,
    /// The recipients.
    pub(crate) to: &'a [String],
    /// Whose certificate the upstream must have seen.
    pub(crate) tenant: &'a Tenant,
}

impl Arrivals {
    /// Starts the upstream.
    pub(crate) fn start(settings: UpstreamSettings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let upstream = runtime
            .block_on(RecordingUpstream::start(settings))
            .expect("the upstream starts");
        Self { runtime, upstream }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// Waits for so many messages.
    pub(crate) fn messages(&self, count: usize, within: Duration) -> Vec<Arc<Record>> {
        let journal = self.upstream.journal();
        let wait = journal.await_messages(count as u64, within);
        match self.runtime.block_on(wait) {
            Ok(records) => records,
            Err(error) => panic!(
                "{error}; missing: {:?}",
                missing(&journal.messages(), count)
            ),
        }
    }

    /// Waits for so many messages, by their numbers; each must have come once.
    pub(crate) fn by_number(&self, count: usize, within: Duration) -> BTreeMap<u32, Arc<Record>> {
        let mut found = BTreeMap::new();
        for record in self.messages(count, within) {
            let number = number_of(content(&record)).expect("X-Number");
            let before = found.insert(number, record);
            assert!(before.is_none(), "message {number} came twice");
        }
        assert_eq!(found.len(), count, "more messages than were sent");
        found
    }
}

impl Expected<'_> {
    /// Compares everything that was sent with what came; `received` is how many Received fields
    /// must stand in front, the topmost of them the relay's.
    pub(crate) fn check(&self, record: &Record, received: usize) {
        let number = self.message.number;
        let fields = prefix_of(content(record), &self.message.content)
            .unwrap_or_else(|problem| panic!("message {number}: {problem}"));
        assert_eq!(fields.len(), received, "message {number}: {fields:?}");
        for field in &fields {
            assert!(
                field.starts_with("Received: "),
                "message {number}: {field:?}"
            );
        }
        let ours = fields.first().map(String::as_str).unwrap_or_default();
        assert!(
            ours.contains("by relay.corp.example"),
            "message {number}: {ours:?}"
        );
        assert_eq!(
            record.fingerprint(),
            Some(self.tenant.fingerprint.as_str()),
            "message {number} must come under {}'s certificate",
            self.tenant.name
        );
        assert_eq!(record.sender(), self.from, "message {number}");
        let mut wanted: Vec<&str> = self.to.iter().map(String::as_str).collect();
        let mut found = record.recipient_addresses();
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, wanted, "message {number}");
    }
}

fn content(record: &Record) -> &[u8] {
    record.content.as_deref().expect("the content is kept")
}

fn missing(records: &[Arc<Record>], count: usize) -> Vec<u32> {
    let found: Vec<u32> = records
        .iter()
        .filter_map(|record| number_of(content(record)))
        .collect();
    (0..count as u32)
        .filter(|number| !found.contains(number))
        .take(20)
        .collect()
}
