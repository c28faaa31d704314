//! The signals that end a run, so that its result is kept and the terminal given back.

use std::fs;
use std::io;
use std::thread;

use tenantry_load::run::Stopper;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT end a run: once gently, twice at once. The last two stay
/// ignored where whoever started the program has them ignored, as `nohup` does.
pub(super) fn end(stopper: &Stopper) {
    let stopper = stopper.clone();
    let waiting = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut hang_up = unless_ignored(SignalKind::hangup())?;
            let mut quit = unless_ignored(SignalKind::quit())?;
            loop {
                // A signal that comes while another is awaited is not lost.
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    () = received(&mut hang_up) => {}
                    () = received(&mut quit) => {}
                }
                stopper.stop();
            }
        })
    };
    // Without it, signals end the process as they do any other.
    let _ = thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || -> io::Result<()> { waiting() });
}

fn unless_ignored(kind: SignalKind) -> io::Result<Option<Signal>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    match is_ignored(&status, kind.as_raw_value()) {
        true => Ok(None),
        false => signal(kind).map(Some),
    }
}

/// Waits for a signal; for ever for one that stays ignored.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether a process ignores a signal, by what the system says of it (`proc_pid_status(5)`).
fn is_ignored(status: &str, number: i32) -> bool {
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let Some(Ok(mask)) = ignored.map(|mask| u64::from_str_radix(mask.trim(), 16)) else {
        return false;
    };
    let bit = u32::try_from(number - 1).ok();
    bit.and_then(|bit| mask.checked_shr(bit))
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_ignored_where_its_bit_is_set() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000005\n";
        for (number, ignored) in [
            (1, true),
            (2, false),
            (3, true),
            (0, false),
            (-7, false),
            (64, false),
            (65, false),
        ] {
            assert_eq!(is_ignored(status, number), ignored, "{number}");
        }
        for broken in ["", "SigIgn:\tx\n"] {
            assert!(!is_ignored(broken, 1));
        }
    }
}
