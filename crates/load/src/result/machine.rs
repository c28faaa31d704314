//! What a generator ran on.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// A machine, as far as speed depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Processors that the process may use.
    pub processors: u32,
    /// What they call themselves; empty where the system does not say.
    pub model: String,
    /// The system and its version.
    pub system: String,
    /// Memory in MiB; 0 where the system does not say.
    pub memory_mib: u64,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let memory = read("/proc/meminfo");
        Self {
            processors: u32::try_from(processors).unwrap_or(u32::MAX),
            model: field(&cpu, "model name").unwrap_or_default().to_owned(),
            system: format!(
                "{} {}",
                read("/proc/sys/kernel/ostype").trim(),
                read("/proc/sys/kernel/osrelease").trim()
            )
            .trim()
            .to_owned(),
            memory_mib: kib(&memory, "MemTotal").unwrap_or(0) / 1024,
        }
    }
}

/// The most memory that this process had, in KiB; 0 where the system does not say.
pub(crate) fn peak_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    kib(&status, "VmHWM").unwrap_or(0)
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

fn kib(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.split_whitespace().next()?.parse().ok()
}
