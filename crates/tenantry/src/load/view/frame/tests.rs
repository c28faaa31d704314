use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tenantry_load::result::TenantShare;

use super::*;
use crate::load::view::sample;

fn picture(width: u16, height: u16, now: &Live) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut history = History::default();
    for _ in 0..300 {
        history.add(now);
    }
    let plan = [
        "to 127.0.0.1:2525",
        "open loop, 1,000/s",
        "certificate 75.0 %",
    ];
    let plan = plan.map(str::to_owned);
    terminal
        .draw(|frame| draw(frame, now, &history, &plan))
        .unwrap();
    terminal.backend().to_string()
}

fn expect(picture: &str, words: &[&str]) {
    for words in words {
        assert!(picture.contains(words), "{words} is missing in\n{picture}");
    }
}

/// Everything that can happen to a message does.
fn busy() -> Live {
    let mut now = sample::live();
    let row = now.phases.first().copied();
    let rows = Phase::ALL.into_iter().zip(row.into_iter().cycle());
    now.phases = rows
        .map(|(phase, row)| LivePhase { phase, ..row })
        .collect();
    now
}

const CLASSES: [&str; 4] = ["2yz", "4yz", "5yz", "no reply"];

#[test]
fn the_picture_has_rate_phases_replies_tenants_and_progress() {
    let picture = picture(110, 36, &sample::live());
    expect(
        &picture,
        &[
            "step 1 of 3: 12.0 s of 40.0 s",
            "to 127.0.0.1:2525  open loop, 1,000/s  certificate 75.0 %",
            "987/s of 1,000/s",
            "17 in flight",
            "4 waiting",
            "32 connections",
            "p99 of the latency: 10.0 ms",
            "final reply",
            "1.10 ms",
            "2yz accepted 11,900 (99.17 %)",
            "5yz refused 60 (0.50 %)",
            "tenant-1 ",
            "tenant-19 ",
            "(nobody)",
            "tenants: 19 of 1,000, and nobody's",
            "\u{2588}\u{2588}\u{2588}",
            "last problem: 550 5.7.64 not\\u{1b}[2J for us",
        ],
    );
}

#[test]
fn an_ordinary_terminal_has_all_classes_and_several_tenants_whatever_else_there_is() {
    for now in [sample::live(), busy()] {
        let picture = picture(80, 24, &now);
        expect(&picture, &CLASSES);
        expect(
            &picture,
            &[
                "11,900",
                "987/s of 1,000/s",
                "17 in flight",
                "measured: 7,000 due",
            ],
        );
        expect(
            &picture,
            &["tenant-1 ", "tenant-2 ", "tenant-3 ", "to 127.0.0.1:2525"],
        );
        expect(&picture, &["latency  ", "final reply", "2.50 ms"]);
    }
    expect(&picture(80, 24, &busy()), &["of 15 phases"]);
}

#[test]
fn small_terminals_have_classes_and_tenants_too() {
    for (width, height) in [(60, 12), (80, 14), (40, 10), (40, 8)] {
        let picture = picture(width, height, &busy());
        expect(&picture, &CLASSES);
        expect(&picture, &["987/s", "tenant-1 5.00 %"]);
    }
    expect(
        &picture(60, 12, &busy()),
        &["latency  ", "final reply", "2.50 ms"],
    );
    let tiny = picture(20, 5, &busy());
    expect(&tiny, &CLASSES);
    expect(
        &tiny,
        &["12.0 s of 40.0 s", "987/s of 1,000/s", "(nobody) 10.0 %"],
    );
}

#[test]
fn no_number_is_cut_at_any_width() {
    let mut now = busy();
    // No two of these begin alike.
    now.phases.iter_mut().for_each(|row| {
        row.count = 300;
        (row.p50, row.p90, row.p99, row.max) = (185, 276, 1_200, 7_340);
    });
    let whole = ["300", "185", "276", "1.20", "7.34"];
    for height in [12, 24] {
        for width in 10..120 {
            let picture = picture(width, height, &now);
            let rows = picture.lines().filter(|line| line.contains("latency  "));
            for row in rows {
                let words: Vec<&str> = row.split([' ', '"', '\u{2502}']).collect();
                let numbers = words
                    .iter()
                    .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
                for number in numbers {
                    assert!(whole.contains(number), "{number} at {width} in\n{picture}");
                }
                let units = words.iter().filter(|word| ["us", "ms"].contains(word));
                let counted = words.contains(&"300");
                let shown = words.iter().filter(|word| whole.contains(word)).count();
                assert_eq!(units.count() + usize::from(counted), shown, "{picture}");
            }
        }
    }
}

#[test]
fn what_is_in_flight_is_not_called_not_accepted() {
    let mut now = sample::live();
    now.totals.intended = 100;
    now.totals.accepted = 50;
    (now.totals.refused, now.totals.deferred, now.totals.failed) = (0, 0, 0);
    expect(
        &picture(80, 24, &now),
        &["measured: 100 due  50 accepted  0 not accepted (0 %)"],
    );
    now.totals.unsent = 1;
    expect(&picture(80, 24, &now), &["1 not accepted (1.00 %)"]);
}

#[test]
fn tenants_are_counted_without_nobody() {
    let mut now = sample::live();
    now.tenants.truncate(3);
    now.tenants_total = 2;
    expect(&picture(80, 24, &now), &["tenants: 2 of 2, and nobody's"]);
}

#[test]
fn boxes_share_what_rows_there_are() {
    let rooms = |rows, phases, tenants| {
        let Rooms { curves, latency } = Rooms::of(rows, phases, tenants);
        (curves, latency, rows - curves - latency)
    };
    assert_eq!(rooms(18, 15, 7), (0, 13, 5));
    assert_eq!(rooms(18, 7, 1), (5, 10, 3));
    assert_eq!(rooms(30, 7, 5), (8, 10, 12));
    assert_eq!(rooms(10, 0, 0), (8, 0, 2));
    assert_eq!(rooms(0, 15, 20), (0, 0, 0));
}

#[test]
fn no_size_and_no_moment_is_too_odd_to_draw() {
    let mut empty = sample::live();
    empty.phases.clear();
    empty.tenants.clear();
    (empty.planned, empty.offered, empty.last_problem) = (None, None, None);
    let mut odd = busy();
    odd.rate = f64::INFINITY;
    odd.elapsed = Duration::MAX;
    odd.tenants.iter_mut().for_each(|row| row.share = f64::NAN);
    odd.replies.accepted = u64::MAX;
    odd.tenants.push(TenantShare {
        name: Some("\u{6f22}".repeat(500)),
        sent: u64::MAX,
        share: f64::INFINITY,
    });
    for now in [sample::live(), empty, odd] {
        for (width, height) in [(1, 1), (2, 3), (10, 5), (10, 30), (40, 20), (300, 90)] {
            assert!(!picture(width, height, &now).is_empty());
        }
    }
}
