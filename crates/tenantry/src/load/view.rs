//! What is seen of a run while it lasts: a picture on a terminal, a line every second elsewhere.
//!
//! The view reads what the run publishes about once a second and changes nothing. Keys are not
//! read, so that the terminal keeps its own way of interrupting: Ctrl-C reaches the program as a
//! signal, as it does without a view. A terminal that understands no pictures gets lines, and one
//! that belongs to somebody else at the moment (`tenantry load ... &`) gets nothing.

mod frame;
mod lines;
mod terminal;

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tenantry_load::result::{Live, Phase};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::timeout;

use self::terminal::Screen;

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A picture that is drawn anew, on a terminal.
    Picture,
    /// One line each time.
    Lines,
    /// Nothing.
    Quiet,
}

impl Mode {
    /// What suits standard output.
    pub(crate) fn of(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if io::stdout().is_terminal() {
            let kind = env::var_os("TERM");
            Self::on_a_terminal(kind.as_deref(), terminal::is_foreground())
        } else {
            Self::Lines
        }
    }

    /// What suits a terminal of a kind, as `TERM` tells it.
    fn on_a_terminal(kind: Option<&OsStr>, foreground: bool) -> Self {
        let kind = kind.filter(|kind| !kind.is_empty() && *kind != "dumb");
        match (foreground, kind) {
            // Whoever asks a terminal for anything from the background is stopped.
            (false, _) => Self::Quiet,
            (true, None) => Self::Lines,
            (true, Some(_)) => Self::Picture,
        }
    }
}

/// Shows a run until it is over, on a terminal together with what it is about; blocks the calling
/// thread, which should be one of its own.
///
/// The terminal is given back when this returns, and before a panic of any thread is reported.
/// Whoever ends the process in another way calls [`restore`] first.
pub(crate) fn watch(mut live: watch::Receiver<Arc<Live>>, mode: Mode, plan: &[String]) {
    // Only a clock is needed; without one nothing is shown, and the run goes on.
    let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
        return;
    };
    let mut shown = match mode {
        Mode::Quiet => return,
        Mode::Lines => Shown::Lines,
        // A terminal that cannot be had still takes lines.
        Mode::Picture => Screen::open().map_or(Shown::Lines, Shown::Picture),
    };
    let mut history = History::default();
    loop {
        // A window that changes its size is drawn anew soon.
        let changed = runtime.block_on(async { timeout(REDRAW, live.changed()).await });
        let now = Arc::clone(&live.borrow_and_update());
        match changed {
            Ok(Ok(())) => {
                history.add(&now);
                shown.show(&now, &history, plan);
            }
            Ok(Err(_ended)) => return,
            Err(_elapsed) => shown.refresh(&now, &history, plan),
        }
    }
}

/// Gives the terminal back, if a view has it; as often as wanted, from any thread.
pub(crate) fn restore() {
    terminal::restore();
}

/// Where it is shown.
enum Shown {
    Picture(Screen),
    Lines,
}

impl Shown {
    fn show(&mut self, now: &Live, history: &History, plan: &[String]) {
        match self {
            Self::Picture(screen) => {
                screen.draw(|picture| frame::draw(picture, now, history, plan));
            }
            Self::Lines => {
                let mut out = io::stdout().lock();
                // Who does not read is not told.
                let _ = writeln!(out, "{}", lines::line(now)).and_then(|()| out.flush());
            }
        }
    }

    fn refresh(&mut self, now: &Live, history: &History, plan: &[String]) {
        match self {
            Self::Picture(_) => self.show(now, history, plan),
            Self::Lines => {}
        }
    }
}

/// The last minutes, for the curves.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Messages accepted per second.
    rates: VecDeque<u64>,
    /// The p99 of the latency, in microseconds.
    p99: VecDeque<u64>,
}

impl History {
    fn add(&mut self, now: &Live) {
        let latency = now.phases.iter().find(|row| row.phase == Phase::Latency);
        for (values, value) in [
            (&mut self.rates, now.rate.clamp(0.0, HIGHEST).round() as u64),
            (&mut self.p99, latency.map_or(0, |row| row.p99)),
        ] {
            if values.len() >= KEPT {
                values.pop_front();
            }
            values.push_back(value);
        }
    }
}

/// As many seconds as a very wide terminal has columns.
const KEPT: usize = 512;
/// Curves multiply by the rows that they have.
const HIGHEST: f64 = 1e12;
/// How soon a changed window is drawn anew.
const REDRAW: Duration = Duration::from_millis(250);

#[cfg(test)]
pub(crate) mod sample {
    //! A moment of a run for tests.

    use tenantry_load::result::{LivePhase, ReplyClasses, Stage, TenantShare, Totals};

    use super::*;

    /// In the middle of an open loop.
    pub(crate) fn live() -> Live {
        let phase = |phase, p50| LivePhase {
            phase,
            count: 990,
            p50,
            p90: p50 * 2,
            p99: p50 * 4,
            max: p50 * 10,
        };
        Live {
            elapsed: Duration::from_secs(12),
            planned: Some(Duration::from_secs(40)),
            planned_messages: None,
            stage: Stage::Step { number: 1, of: 3 },
            offered: Some(1_000.0),
            rate: 987.0,
            totals: Totals {
                seconds: 7.0,
                intended: 7_000,
                accepted: 6_900,
                refused: 60,
                deferred: 30,
                failed: 10,
                ..Totals::default()
            },
            in_flight: 17,
            queued: 4,
            connections: 32,
            phases: vec![phase(Phase::Latency, 2_500), phase(Phase::Reply, 1_100)],
            replies: ReplyClasses {
                accepted: 11_900,
                deferred: 30,
                refused: 60,
                failed: 10,
            },
            tenants: (0..20)
                .map(|index| TenantShare {
                    name: (index > 0).then(|| format!("tenant-{index}")),
                    sent: 1_000 - index,
                    share: 0.1 / (index + 1) as f64,
                })
                .collect(),
            tenants_total: 1_000,
            last_problem: Some("550 5.7.64 not\u{1b}[2J for us".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_bounded() {
        let mut history = History::default();
        for _ in 0..2 * KEPT {
            history.add(&sample::live());
        }
        assert_eq!((history.rates.len(), history.p99.len()), (KEPT, KEPT));
        assert_eq!(history.p99.back(), Some(&10_000));
    }

    #[test]
    fn watching_ends_with_the_run() {
        let (sender, live) = watch::channel(Arc::new(sample::live()));
        let watching = std::thread::spawn(move || watch(live, Mode::Quiet, &[]));
        drop(sender);
        assert!(watching.join().is_ok());
        let (sender, live) = watch::channel(Arc::new(sample::live()));
        let watching = std::thread::spawn(move || watch(live, Mode::Lines, &[]));
        drop(sender);
        assert!(watching.join().is_ok());
    }

    #[test]
    fn a_picture_needs_a_terminal_that_understands_it_and_is_ours() {
        let mode = |kind: Option<&str>, ours| Mode::on_a_terminal(kind.map(OsStr::new), ours);
        assert_eq!(mode(Some("xterm-256color"), true), Mode::Picture);
        for kind in [None, Some(""), Some("dumb")] {
            assert_eq!(mode(kind, true), Mode::Lines, "{kind:?}");
        }
        assert_eq!(mode(Some("xterm"), false), Mode::Quiet);
        assert_eq!(mode(None, false), Mode::Quiet);
    }

    #[test]
    fn quiet_is_quiet_whatever_the_output_is() {
        assert_eq!(Mode::of(true), Mode::Quiet);
    }
}
