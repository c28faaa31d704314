//! `tenantry load sink`: an upstream for load tests as a process of its own, so that what it costs
//! is not counted with the generator or the relay.
//!
//! It takes every message and delivers none. Without a journal it only counts; the tally costs one
//! lookup a message more.

mod arguments;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenantry_lab::upstream::{
    ClientCertificates, Fault, Keep, Limits, RecordingUpstream, Resumption, Security, Tallying,
    TlsSettings, UpstreamError, UpstreamSettings,
};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};

pub(crate) use arguments::{ABOUT, Sink};
use arguments::{Certificates, Tally, Tls};
use report::Report;

use crate::exit;

/// Serves until it is told to stop.
pub(super) fn sink(wanted: &Sink) -> Result<u8, u8> {
    let settings = settings(wanted)?;
    let mut runtime = Builder::new_multi_thread();
    if let Some(threads) = wanted.threads {
        runtime.worker_threads(threads.get());
    }
    let runtime = runtime.enable_all().build().map_err(|error| {
        exit::complain(&error);
        exit::INTERNAL
    })?;
    runtime.block_on(serve(wanted, settings))
}

async fn serve(wanted: &Sink, settings: UpstreamSettings) -> Result<u8, u8> {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt)] = signals else {
        exit::complain(&"cannot listen for signals");
        return Err(exit::INTERNAL);
    };
    let upstream = RecordingUpstream::start(settings)
        .await
        .map_err(|error| refused(&error))?;
    let mut report = Report::new(wanted);
    report.listening(upstream.address());
    let mut ticks = interval(wanted.every.max(SHORTEST));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut over = std::pin::pin!(over(wanted.duration));
    loop {
        tokio::select! {
            // Each of these only waits; none is lost by waiting for the others too.
            _signal = terminate.recv() => break,
            _signal = interrupt.recv() => break,
            () = &mut over => break,
            _at = ticks.tick() => report.progress(&upstream.journal().totals()),
        }
    }
    let journal = upstream.stop().await;
    report.end(&journal.totals(), &journal.tally());
    Ok(exit::OK)
}

async fn over(after: Option<Duration>) {
    match after {
        Some(after) => sleep(after).await,
        None => std::future::pending().await,
    }
}

fn refused(error: &UpstreamError) -> u8 {
    exit::complain(error);
    match error {
        UpstreamError::Listen { .. } => exit::CANNOT_BIND,
        UpstreamError::JournalFile { .. } => exit::USAGE,
        UpstreamError::Pki(_) => exit::INTERNAL,
        UpstreamError::Identity(_) | UpstreamError::Trust(_) | UpstreamError::Tls(_) => {
            exit::CONFIGURATION
        }
    }
}

/// What the command line amounts to. Nothing is kept in memory for each message or connection
/// that is past.
fn settings(wanted: &Sink) -> Result<UpstreamSettings, u8> {
    let mut settings = UpstreamSettings::plain();
    settings.address = wanted.address;
    settings.hostname.clone_from(&wanted.hostname);
    settings.security = match wanted.tls {
        Tls::Off => Security::Off,
        Tls::Starttls => Security::Starttls(tls(wanted)?),
        Tls::Implicit => Security::Implicit(tls(wanted)?),
    };
    settings.extensions.retain(|line| {
        let keyword = line.split(' ').next().unwrap_or_default();
        let unwanted = |name: &String| keyword.eq_ignore_ascii_case(name);
        !wanted.without.iter().any(unwanted)
    });
    settings.keep = match wanted.journal {
        Some(_) => Keep::Envelope,
        None => Keep::Counts,
    };
    settings.journal_file.clone_from(&wanted.journal);
    settings.tally = match wanted.tally {
        None => Tallying::Off,
        Some(Tally::Sender) => Tallying::BySender,
        Some(Tally::Recipient) => Tallying::ByRecipient,
    };
    if let Some(delay) = wanted.delay {
        let faults = wanted.stages().into_iter();
        settings.faults = faults.map(|stage| Fault::at(stage).delay(delay)).collect();
    }
    settings.limits = Limits {
        journal: 0,
        ..Limits::default()
    };
    Ok(settings)
}

fn tls(wanted: &Sink) -> Result<TlsSettings, u8> {
    let files = wanted.files().ok_or_else(|| {
        exit::complain(
            &"TLS needs --pki DIR (\"tenantry pki DIR\" makes one) or --certificate, --key and --trust; \
              --tls off does without",
        );
        exit::USAGE
    })?;
    Ok(TlsSettings {
        chain_pem: read(&files.certificate)?,
        key_pem: read(&files.key)?,
        client_certificates: match wanted.client_certificates {
            Certificates::Off => ClientCertificates::Off,
            Certificates::Request => ClientCertificates::Request,
            Certificates::Require => ClientCertificates::Require,
        },
        authorities: files.trust.iter().map(read).collect::<Result<_, u8>>()?,
        resumption: match wanted.no_resumption {
            true => Resumption::Off,
            false => Resumption::On,
        },
    })
}

/// Where the sink's certificate and its clients' authorities are.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    trust: Vec<PathBuf>,
}

impl Sink {
    /// Of a folder that `tenantry pki` made, unless files are named.
    fn files(&self) -> Option<Files> {
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            return Some(Files {
                certificate: certificate.clone(),
                key: key.clone(),
                trust: self.trust.clone(),
            });
        }
        let folder = self.pki.as_ref()?;
        let mut trust = self.trust.clone();
        trust.push(folder.join("authority.pem"));
        Some(Files {
            certificate: folder.join("upstream.pem"),
            key: folder.join("upstream.key"),
            trust,
        })
    }
}

fn read(path: impl AsRef<Path>) -> Result<String, u8> {
    let path = path.as_ref();
    fs::read_to_string(path).map_err(|error| {
        exit::complain(&format_args!("{}: {error}", path.display()));
        exit::CONFIGURATION
    })
}

/// The shortest time between two lines of progress.
const SHORTEST: Duration = Duration::from_millis(10);
