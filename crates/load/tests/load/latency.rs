//! Latency in an open loop: it agrees with another measurement, and a stall is not left out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tenantry_load::result::Phase;

use crate::bench::{Bench, run};

/// A server whose final reply comes so long after the end of the content; the message with number
/// `stalls` takes `stall` more, and everything else waits for it.
struct Slow {
    address: SocketAddr,
}

struct Delay {
    each: Duration,
    stall: Duration,
    stalls: u64,
}

impl Slow {
    fn start(delay: Delay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (delay, messages) = (Arc::new(delay), Arc::new(AtomicU64::new(0)));
        // Its threads end with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (delay, messages) = (Arc::clone(&delay), Arc::clone(&messages));
                thread::spawn(move || drop(serve(&stream, &delay, &messages)));
            }
        });
        Self { address }
    }
}

fn serve(mut stream: &TcpStream, delay: &Delay, messages: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 slow.example\r\n")?;
    let (mut line, mut content) = (String::new(), false);
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if content {
            if line == ".\r\n" {
                content = false;
                let number = messages.fetch_add(1, Ordering::SeqCst);
                let stall = if number == delay.stalls {
                    delay.stall
                } else {
                    Duration::ZERO
                };
                wait(delay.each + stall);
                stream.write_all(b"250 2.0.0 taken\r\n")?;
            }
            continue;
        }
        let reply: &[u8] = match line.get(..4).unwrap_or_default() {
            "EHLO" => b"250-slow.example\r\n250 PIPELINING\r\n",
            "DATA" => b"354 go on\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        content = reply.starts_with(b"354");
        stream.write_all(reply)?;
    }
}

/// The delay itself is what is measured, so it is waited for on a clock.
fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// The same messages by hand: blocking sockets and a clock, nothing of the generator.
fn by_hand(address: SocketAddr, messages: u32, every: Duration) -> Vec<Duration> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut reply = || {
        let mut line = String::new();
        loop {
            line.clear();
            lines.read_line(&mut line).unwrap();
            if line.get(3..4) == Some(" ") {
                return line.clone();
            }
        }
    };
    reply();
    let mut stream = &stream;
    stream.write_all(b"EHLO hand.example\r\n").unwrap();
    reply();
    let body = format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(160));
    let start = Instant::now();
    let mut took = Vec::new();
    for number in 0..messages {
        wait((start + every * number).saturating_duration_since(Instant::now()));
        let since = Instant::now();
        stream
            .write_all(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
            .unwrap();
        for _ in 0..3 {
            reply();
        }
        stream.write_all(format!("{body}.\r\n").as_bytes()).unwrap();
        assert!(reply().starts_with("250"));
        took.push(since.elapsed());
    }
    took.sort();
    took
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The generator's median over the one by hand, of a server whose replies take 20 ms.
fn generator_to_hand() -> f64 {
    let bench = Bench::new(1);
    let slow = Slow::start(Delay {
        each: Duration::from_millis(20),
        stall: Duration::ZERO,
        stalls: u64::MAX,
    });
    let more = "[evidence]\nsender = 1\n[pace]\nloop = 'open'\nrate = 25\nconnections = 4\nworkers = 1\nmessages = 60\n";
    let plan = bench.plan_for(&slow.address.to_string(), "off", more);
    let outcome = run(plan);
    assert_eq!(outcome.totals.accepted, 60);
    let latency = outcome.phase(Phase::Latency).unwrap();
    assert!(latency.min() >= 20_000, "{} us", latency.min());
    let hand = by_hand(slow.address, 60, Duration::from_millis(40));
    latency.quantile(0.5) as f64 / microseconds(hand[hand.len() / 2])
}

/// On a machine of its own the medians are within 2 %. Tests share theirs with others, who can make
/// either slow for a while, but cannot make a wrong clock right.
#[test]
fn open_loop_latency_agrees_with_an_independent_measurement() {
    let agrees = |ratio: &f64| (0.9..1.1).contains(ratio);
    let mut ratios = Vec::new();
    while !ratios.iter().any(agrees) {
        assert!(ratios.len() < 5, "generator / by hand: {ratios:?}");
        ratios.push(generator_to_hand());
    }
}

#[test]
fn a_stall_counts_for_every_message_that_was_due_in_it() {
    let bench = Bench::new(1);
    let slow = Slow::start(Delay {
        each: Duration::ZERO,
        stall: Duration::from_millis(1_000),
        stalls: 20,
    });
    // One connection: while the target stalls, fifty messages become due.
    let more = "[evidence]\nsender = 1\n[pace]\nloop = 'open'\nrate = 50\nconnections = 1\nworkers = 1\nmessages = 100\n";
    let outcome = run(bench.plan_for(&slow.address.to_string(), "off", more));
    assert_eq!(outcome.totals.intended, 100);
    assert_eq!(outcome.totals.accepted, 100);
    let latency = outcome.phase(Phase::Latency).unwrap();
    // The messages of the first half of the stall waited for more than half of it: 25 of 100.
    assert!(
        latency.quantile(0.77) >= 480_000,
        "{} us",
        latency.quantile(0.77)
    );
    assert!(latency.max() >= 1_000_000);
    // What the connection itself took tells nothing of it: one message was slow.
    let message = outcome.phase(Phase::Message).unwrap();
    assert!(message.quantile(0.9) < message.max() / 2);
    assert!(
        outcome.totals.outstanding_peak >= 20,
        "{:?}",
        outcome.totals
    );
}

#[test]
fn what_is_not_sent_is_counted() {
    let bench = Bench::new(1);
    let slow = Slow::start(Delay {
        each: Duration::ZERO,
        stall: Duration::from_secs(3_600),
        stalls: 0,
    });
    // Nothing is answered: two are outstanding at most, the rest is not sent.
    let more = "[evidence]\nsender = 1\n[pace]\nloop = 'open'\nrate = 200\nconnections = 1\noutstanding = 2\nworkers = 1\nduration = '500ms'\ndrain = '100ms'\n";
    let outcome = run(bench.plan_for(&slow.address.to_string(), "off", more));
    let totals = outcome.totals;
    assert_eq!(totals.intended, 100);
    assert_eq!(totals.sent, 1);
    assert_eq!(totals.failed, 1, "{totals:?} {:?}", outcome.errors);
    assert_eq!(totals.unsent, 1);
    assert_eq!(totals.overflowed, 98);
    assert_eq!(totals.accepted, 0);
    assert_eq!(outcome.errors[0].kind, "unfinished");
    assert_eq!(totals.outstanding_peak, 2);
    let sum = totals.accepted + totals.refused + totals.deferred + totals.failed;
    assert_eq!(sum + totals.unsent + totals.overflowed, totals.intended);
}

#[test]
fn an_open_loop_keeps_its_most_of_connections_and_of_messages_with_any_number_of_workers() {
    let bench = Bench::new(1);
    for (workers, connections, outstanding) in [(1, 8, 3), (4, 3, 8), (4, 5, 7)] {
        let slow = Slow::start(Delay {
            each: Duration::from_secs(3_600),
            stall: Duration::ZERO,
            stalls: 0,
        });
        let more = format!(
            "[evidence]\nsender = 1\n[pace]\nrate = 400\nconnections = {connections}\n\
             outstanding = {outstanding}\nworkers = {workers}\nduration = '500ms'\ndrain = '100ms'\n"
        );
        let outcome = run(bench.plan_for(&slow.address.to_string(), "off", &more));
        let totals = outcome.totals;
        // Nothing is ever answered.
        assert_eq!(totals.sent, outstanding.min(connections), "{totals:?}");
        assert_eq!(totals.overflowed, 200 - outstanding, "{totals:?}");
        assert!(totals.connections_peak <= connections, "{totals:?}");
        assert!(totals.outstanding_peak <= outstanding, "{totals:?}");
        assert_eq!(totals.intended, 200);
    }
}
