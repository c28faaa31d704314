//! The terminal while a view has it, and how it is given back on every way out.
//!
//! Keys are neither read nor shown: echo and line mode are off, and so is the key that would suspend
//! the program: a load that stands still for a while measures nothing. Ctrl-C stays what it is, and
//! the key that quits does the same.

use std::io::{self, Stdout};
use std::panic;
use std::sync::{Mutex, Once, PoisonError};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcsetattr,
};

/// The terminal as it was before, while a view has it.
static BEFORE: Mutex<Option<Taken>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// What is to be given back.
struct Taken {
    /// Modes of the terminal that keys come from; absent when they come from elsewhere.
    keys: Option<Termios>,
}

/// The terminal with a picture on it; dropping it gives the terminal back.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal; nothing when that cannot be.
    pub(super) fn open() -> Option<Self> {
        give_back_before_panics();
        take()?;
        match Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(terminal) => Some(Self { terminal }),
            Err(_) => {
                restore();
                None
            }
        }
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) {
        // After a panic elsewhere the terminal is no longer ours. The lock is not held while
        // drawing: a panic in it must be able to give the terminal back.
        let ours = || {
            BEFORE
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_some()
        };
        if !ours() {
            return;
        }
        // A terminal that is gone is noticed by whoever sends the signals.
        let _ = self.terminal.draw(picture);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> Option<()> {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some() {
        return None;
    }
    execute!(io::stdout(), EnterAlternateScreen, Hide).ok()?;
    *before = Some(Taken {
        keys: silence_keys(),
    });
    Some(())
}

/// Whether the terminal is this process's at the moment: a shell may have put it into the background.
pub(super) fn is_foreground() -> bool {
    // A terminal that controls nobody (another session's) has no foreground to be outside of.
    tcgetpgrp(rustix::stdio::stdout()).map_or(true, |group| group == getpgrp())
}

/// Keeps keys from being shown; the modes that were before.
fn silence_keys() -> Option<Termios> {
    let keys = tcgetattr(rustix::stdio::stdin()).ok()?;
    let mut silent = keys.clone();
    silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
    silent.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
    tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &silent).ok()?;
    Some(keys)
}

/// `_POSIX_VDISABLE` on Linux: no key does it.
const NO_KEY: u8 = 0;

/// Gives the terminal back, once.
pub(super) fn restore() {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Taken { keys }) = before.take() else {
        return;
    };
    if let Some(keys) = keys {
        // Keys that were pressed meanwhile were not meant for the shell. A terminal that is gone
        // needs nothing.
        let _ = tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &keys);
    }
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
}

/// A panic anywhere is reported on the terminal that was there before.
fn give_back_before_panics() {
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            restore();
            report(panicked);
        }));
    });
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]

    use std::process::Command;
    use std::{env, thread};

    use super::*;

    const INSIDE: &str = "TENANTRY_TEST_ON_A_TERMINAL";

    #[test]
    fn a_panic_is_reported_on_the_terminal_that_was_there_before() {
        if env::var_os(INSIDE).is_some() {
            let mut screen = Screen::open().unwrap();
            screen.draw(|_| {});
            let panicking = thread::spawn(|| panic!("somewhere else"));
            assert!(panicking.join().is_err());
            screen.draw(|_| panic!("drawn on a terminal that was given back"));
            return;
        }
        // This very test once more, on a terminal of its own.
        let program = env::current_exe().unwrap();
        let name = thread::current().name().unwrap().to_owned();
        let command = format!("'{}' --exact --nocapture '{name}'", program.display());
        let seen = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
        let place = |words: &str| {
            seen.find(words)
                .unwrap_or_else(|| panic!("{words} in {seen:?}"))
        };
        assert!(place("\u{1b}[?1049h") < place("\u{1b}[?1049l"), "{seen:?}");
        assert!(place("\u{1b}[?1049l") < place("somewhere else"), "{seen:?}");
        assert_eq!(
            seen.matches("\u{1b}[?1049l").count(),
            1,
            "given back once: {seen:?}"
        );
    }
}
