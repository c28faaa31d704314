//! Results for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use tenantry_load::plan::{
    Arrivals, Content, Envelope, EvidenceMix, Identities, Knee, Length, Pace, Plan, Session, Shard,
    Target, TenantMix, TlsMode, TlsVersions, Transfer,
};
use tenantry_load::result::{
    At, Correctness, CorrectnessRow, ErrorRow, FORMAT, Generator, Histogram, KneeFound, Machine,
    Outcome, Phase, PhaseRow, Point, ReplyRow, Step, TenantRow, Timeline, Totals, Trial,
};

/// A plan of an open loop.
pub(crate) fn plan() -> Plan {
    Plan {
        target: target(),
        identities: Identities::default(),
        tenants: TenantMix::Zipf { exponent: 1.0 },
        evidence: EvidenceMix {
            certificate: 3.0,
            sender: 1.0,
            recipient: 0.0,
            unattributable: 0.0,
            conflicting: 0.0,
            untrusted: 0.0,
        },
        envelope: envelope(),
        content: Content::Fixed { size: 2048 },
        session: Session {
            messages_per_connection: 0,
            pipelining: true,
            transfer: Transfer::Data,
            connect_timeout: Duration::from_secs(10),
            reply_timeout: Duration::from_secs(30),
        },
        pace: Pace::Open {
            rate: 1_000.0,
            arrivals: Arrivals::Poisson,
            connections: 32,
            outstanding: 1_000,
        },
        length: Length::Seconds(Duration::from_secs(30)),
        warm_up: Duration::from_secs(5),
        ramp: Duration::ZERO,
        steps: Vec::new(),
        drain: Duration::from_secs(5),
        seed: 7,
        workers: 2,
        knee: Knee {
            p99: Duration::from_millis(50),
            errors: 0.01,
            start: 100.0,
            most: 10_000.0,
            trial: Duration::from_secs(5),
            precision: 0.05,
        },
        check: None,
        shard: Shard::WHOLE,
    }
}

fn target() -> Target {
    Target {
        address: "127.0.0.1:2525".to_owned(),
        tls: TlsMode::Starttls,
        tls_versions: TlsVersions::Both,
        trust: Vec::new(),
        server_name: None,
        resumption: 0.5,
        hello: "load.example".to_owned(),
    }
}

fn envelope() -> Envelope {
    Envelope {
        sender: "{id}@{domain}".to_owned(),
        recipient: "r{recipient}@example.net".to_owned(),
        recipients: 1,
        foreign_sender: "nobody.example".to_owned(),
        foreign_recipient: "nowhere.example".to_owned(),
    }
}

/// A histogram of so many latencies around a median in microseconds.
pub(crate) fn latencies(digits: u8, number: u64, median: u64) -> Histogram {
    let mut histogram = Histogram::new(digits);
    for index in 0..number {
        // From a half to the double, and one in a hundred ten times as long.
        let spread = median / 2 + median * (index * 37 % 100) / 66;
        let tail = if index % 100 == 99 { 10 } else { 1 };
        histogram.record(spread * tail);
    }
    histogram
}

/// A result with so many seconds and tenants, in which everything occurs.
pub(crate) fn outcome(seconds: u64, tenants: u64) -> Outcome {
    Outcome {
        format: FORMAT,
        program: "tenantry 0.1.0".to_owned(),
        run: "00c0ffee".to_owned(),
        started: "2026-01-02T03:04:05Z".to_owned(),
        plan: plan(),
        generators: vec![generator()],
        interrupted: false,
        totals: totals(seconds),
        phases: phases(),
        timeline: timeline(seconds),
        steps: vec![step(1_000.0, 0.0), step(2_000.0, 30.0)],
        knee: Some(knee()),
        replies: replies(),
        errors: vec![ErrorRow {
            kind: "timeout".to_owned(),
            count: 3,
            text: "no reply to MAIL within 30 s".to_owned(),
        }],
        tenants: (0..tenants).map(tenant).collect(),
        correctness: Some(correctness()),
        missing_shards: Vec::new(),
        notes: vec!["the tenants' shares are not those of the plan".to_owned()],
    }
}

fn generator() -> Generator {
    Generator {
        shard: Shard::WHOLE,
        run: "00c0ffee".to_owned(),
        started: "2026-01-02T03:04:05Z".to_owned(),
        machine: Machine {
            processors: 2,
            model: "A Processor".to_owned(),
            system: "Linux 6.1".to_owned(),
            memory_mib: 4096,
        },
        workers: 2,
        cpu_seconds: 1.5,
        cpu_us_per_message: 21.5,
        peak_memory_kib: 30_000,
        lateness: latencies(3, 1_000, 40),
    }
}

fn totals(seconds: u64) -> Totals {
    Totals {
        seconds: seconds as f64,
        intended: seconds * 1_000,
        sent: seconds * 1_000,
        accepted: seconds * 990,
        refused: seconds * 6,
        deferred: seconds * 3,
        failed: seconds,
        overflowed: 0,
        unsent: 0,
        rate: 990.0,
        octets: seconds * 990 * 2048,
        recipients: seconds * 990,
        connections: 40,
        connections_failed: 2,
        connections_peak: 32,
        tls_full: 20,
        tls_resumed: 20,
        outstanding_peak: 99,
        warm_up: 5_000,
    }
}

fn phases() -> Vec<PhaseRow> {
    let row = |(phase, number, median)| PhaseRow {
        phase,
        histogram: latencies(3, number, median),
    };
    let rows = [
        (Phase::Latency, 20_000, 2_500),
        (Phase::Refused, 100, 900),
        (Phase::Connect, 40, 120),
        (Phase::TlsFull, 20, 2_000),
        (Phase::TlsResumed, 20, 900),
        (Phase::Reply, 20_000, 1_100),
    ];
    rows.map(row).into()
}

fn timeline(seconds: u64) -> Timeline {
    let mut timeline = Timeline::new(5.0);
    for second in 0..seconds {
        timeline.points.push(Point {
            at: second as f64,
            intended: 1_000,
            accepted: 950 + second % 50,
            refused: 6,
            deferred: 3,
            failed: 1,
            octets: 2_000_000,
            connections: 32,
            outstanding: second % 40,
            latency: latencies(2, 100, 2_000 + second % 700),
        });
    }
    timeline
}

fn step(pace: f64, begins: f64) -> Step {
    Step {
        pace,
        begins,
        seconds: 30.0,
        intended: 30_000,
        accepted: 29_000,
        not_accepted: 1_000,
        rate: 966.7,
        latency: latencies(3, 2_000, 2_500),
    }
}

fn knee() -> KneeFound {
    let trial = |offered: f64, p99_us, held| Trial {
        offered,
        accepted: offered * 0.99,
        p99_us,
        errors: 0.01,
        held,
    };
    KneeFound {
        rate: Some(1_500.0),
        at_most: false,
        trials: vec![
            trial(1_000.0, 8_000, true),
            trial(2_000.0, 90_000, false),
            trial(1_500.0, 20_000, true),
        ],
    }
}

fn replies() -> Vec<ReplyRow> {
    let row = |at, code, enhanced: &str, count, text: &str| ReplyRow {
        at,
        code,
        enhanced: Some(enhanced.to_owned()),
        count,
        text: text.to_owned(),
    };
    vec![
        row(At::Content, 250, "2.0.0", 29_700, "250 2.0.0 taken"),
        row(At::Rcpt, 550, "5.7.64", 180, "550 5.7.64 not for us"),
        row(At::Content, 451, "4.4.1", 90, "451 4.4.1 later"),
    ]
}

fn tenant(index: u64) -> TenantRow {
    let sent = 30_000 / (index + 1);
    TenantRow {
        name: (index > 0).then(|| format!("tenant-{index}")),
        planned: Some(0.04),
        sent,
        accepted: sent,
        refused: 0,
        deferred: 0,
        failed: 0,
        octets: sent * 2048,
        latency: latencies(1, sent.min(50), 2_500),
    }
}

fn correctness() -> Correctness {
    let row = CorrectnessRow {
        name: Some("tenant-1".to_owned()),
        intended: 10,
        right: 9,
        wrong: 1,
        missing: 0,
        unknown: 0,
    };
    Correctness {
        expected: 29_700,
        right: 29_699,
        wrong: 1,
        tenants: vec![row],
        examples: vec!["tl-1: intended tenant-1, found under tenant-2".to_owned()],
        ..Correctness::default()
    }
}

/// The same tenants by weight, which a test may want to differ.
pub(crate) fn weighted() -> TenantMix {
    TenantMix::Weighted {
        weights: BTreeMap::from([("tenant-1".to_owned(), 2.0)]),
    }
}
