//! `tenantry lab run`: the lab's front end in the foreground, read again by SIGHUP, stopped by
//! SIGTERM or SIGINT.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use tenantry_lab::file;
use tenantry_lab::service::{Happening, LabService, ServiceOptions, StartError};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tracing_subscriber::filter::LevelFilter;

use super::arguments::Run;
use super::screen::Screen;
use super::settings::Settings;
use super::totals::{self, Progress};
use super::{load, printed};
use crate::exit;

/// Serves until it is told to stop.
pub(super) fn run(wanted: &Run) -> Result<u8, u8> {
    let lab = load_to_run(wanted)?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        exit::complain(&error);
        exit::INTERNAL
    })?;
    runtime.block_on(serve(wanted, lab))
}

/// The world with what the command line says instead.
fn load_to_run(wanted: &Run) -> Result<file::Lab, u8> {
    let mut lab = load(&wanted.world)?;
    set_maildir(wanted, &mut lab);
    Ok(lab)
}

fn set_maildir(wanted: &Run, lab: &mut file::Lab) {
    if let (Some(server), Some(maildir)) = (&mut lab.server, &wanted.maildir) {
        server.maildir = Some(maildir.clone());
    }
}

async fn serve(wanted: &Run, lab: file::Lab) -> Result<u8, u8> {
    let shown = Shown::of(wanted);
    if shown != Shown::Table {
        warnings();
    }
    let mut signals = Signals::new()?;
    let options = ServiceOptions {
        journal: wanted.journal.clone(),
        ..ServiceOptions::default()
    };
    let settings = Settings::of(&lab);
    let service = LabService::start(lab, options)
        .await
        .map_err(|error| refused(&error))?;
    if shown != Shown::Nothing {
        // Whoever does not read this still has a lab.
        let _ = printed(|out| totals::doors(out, &service));
    }
    let mut display = Display::new(shown, &service);
    let mut over = std::pin::pin!(over(wanted.duration));
    loop {
        tokio::select! {
            // Each of these only waits; none is lost by waiting for the others too.
            () = received(&mut signals.hangup) => display.say(&reload(wanted, &service, &settings)),
            happening = service.happening() => display.happened(&happening),
            () = received(&mut signals.terminate) => break,
            () = received(&mut signals.interrupt) => break,
            () = &mut over => break,
            _at = display.ticks.tick() => display.show(&service),
        }
    }
    drop(display);
    let world = service.forest();
    let journal = service.stop().await;
    let told = match shown {
        Shown::Nothing => Ok(exit::OK),
        Shown::Table | Shown::Lines => printed(|out| totals::totals(out, world.world(), &journal)),
    };
    match (journal.lost(), &wanted.journal) {
        (lost @ 1.., Some(path)) => {
            let path = path.display();
            exit::complain(&format_args!("{path}: {lost} lines could not be written"));
            Err(exit::INTERNAL)
        }
        (_, _) => told,
    }
}

fn refused(error: &StartError) -> u8 {
    exit::complain(error);
    match error {
        StartError::Listen { .. } => exit::CANNOT_BIND,
        StartError::Pki(_) => exit::INTERNAL,
        StartError::NoServer
        | StartError::NoEndpoint
        | StartError::Identity(_)
        | StartError::ExpiredIdentity(_)
        | StartError::Trust(_)
        | StartError::Tls(_)
        | StartError::Journal(_)
        | StartError::Maildir { .. } => exit::CONFIGURATION,
    }
}

/// Takes the world anew; with anything wrong in it the old one stays.
fn reload(wanted: &Run, service: &LabService, settings: &Settings) -> Vec<String> {
    let mut lab = match file::Lab::load(&wanted.world) {
        Ok(lab) => lab,
        Err(problems) => {
            let mut told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            told.push("the world is not read again; the old one stays".to_owned());
            return told;
        }
    };
    let mut told: Vec<String> = lab.notices.iter().map(ToString::to_string).collect();
    set_maildir(wanted, &mut lab);
    let changed = settings.changed(&Settings::of(&lab));
    if !changed.is_empty() {
        let changed = changed.join(", ");
        told.push(format!("not taken before the next start: {changed}"));
    }
    told.push(match service.replace(lab.world) {
        Ok(()) => "the world was read again".to_owned(),
        Err(error) => format!("{error}; the old world stays"),
    });
    told
}

/// How the outcome is shown while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Table,
    Lines,
    Nothing,
}

impl Shown {
    fn of(wanted: &Run) -> Self {
        if wanted.quiet {
            Self::Nothing
        } else if io::stdout().is_terminal() {
            Self::Table
        } else {
            Self::Lines
        }
    }
}

/// What is redrawn, or printed, now and then.
struct Display {
    ticks: Interval,
    progress: Progress,
    screen: Option<Screen>,
    shown: Shown,
    /// Lines of the journal that are known to be lost.
    lost: u64,
}

impl Display {
    fn new(shown: Shown, service: &LabService) -> Self {
        let every = match shown {
            Shown::Table => REDRAWN,
            Shown::Lines | Shown::Nothing => REPORTED,
        };
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            ticks,
            progress: Progress::default(),
            screen: (shown == Shown::Table).then(|| Screen::open(service.addresses())),
            shown,
            lost: 0,
        }
    }

    fn show(&mut self, service: &LabService) {
        if self.shown == Shown::Nothing {
            return;
        }
        let lost = service.journal().lost();
        if self.screen.is_some() && lost > self.lost {
            self.lost = lost;
            self.say(&[format!("the journal: {lost} lines could not be written")]);
        }
        let rows = self.progress.take(service.statistics());
        match &mut self.screen {
            Some(screen) => screen.draw(&rows, service.sessions()),
            None => {
                // Nobody reads any more, but clients still send.
                let _ = printed(|out| totals::lines(out, &rows));
            }
        }
    }

    /// Says that an event has had its time.
    fn happened(&mut self, happening: &Happening) {
        match (&mut self.screen, self.shown) {
            (Some(screen), _) => screen.note(&[happening.to_string()]),
            (None, Shown::Nothing) => {}
            (None, Shown::Lines | Shown::Table) => {
                // Nobody reads any more, but clients still send.
                let _ = printed(|out| writeln!(out, "{happening}"));
            }
        }
    }

    /// Says something beside the table.
    fn say(&mut self, lines: &[String]) {
        match &mut self.screen {
            Some(screen) => screen.note(lines),
            None => lines.iter().for_each(|line| exit::complain(line)),
        }
    }
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, u8> {
        let open = || -> io::Result<Self> {
            Ok(Self {
                hangup: signal(SignalKind::hangup())?,
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        open().map_err(|error| {
            exit::complain(&format_args!("cannot listen for signals: {error}"));
            exit::INTERNAL
        })
    }
}

async fn received(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

async fn over(after: Option<Duration>) {
    match after {
        Some(after) => sleep(after).await,
        None => std::future::pending().await,
    }
}

/// What the front end warns of goes to standard error, where no table is.
fn warnings() {
    let lines = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // Somebody else has subscribed already: then it is said there.
    let _ = lines.try_init();
}

const REDRAWN: Duration = Duration::from_millis(500);
const REPORTED: Duration = Duration::from_secs(2);
