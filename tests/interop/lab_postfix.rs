//! Postfix in front of the lab, without any relay between: a certificate for each sending tenant.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tenantry_lab::pki::IssuedFiles;

use crate::lab_world::{LabWorld, SERVER_NAME};
use crate::postfix::{Postfix, put};

const PATIENCE: Duration = Duration::from_secs(60);

/// Which certificate Postfix presents for a sender's domain; without one it presents none.
pub(crate) type Identities<'a> = &'a [(&'a str, &'a IssuedFiles)];

/// Starts a Postfix that hands everything to `server`, in sessions that are verified as strictly
/// as Postfix can; `settings` are further lines of main.cf.
pub(crate) fn start(
    world: &LabWorld,
    server: SocketAddr,
    identities: Identities<'_>,
    settings: &str,
) -> Postfix {
    let next = Next {
        server,
        name: SERVER_NAME,
        authority: &world.authority,
    };
    start_below(&world.path().join("postfix"), &next, identities, settings)
}

/// Where Postfix sends everything.
pub(crate) struct Next<'a> {
    /// The address.
    pub(crate) server: SocketAddr,
    /// The name that its certificate must have.
    pub(crate) name: &'a str,
    /// The authority that it must come from.
    pub(crate) authority: &'a Path,
}

/// As [`start`], in this folder and for any server.
pub(crate) fn start_below(
    folder: &Path,
    next: &Next<'_>,
    identities: Identities<'_>,
    settings: &str,
) -> Postfix {
    let server = next.server;
    let mut transports = String::new();
    let mut services = String::new();
    for (number, (domain, files)) in identities.iter().enumerate() {
        let _ = writeln!(
            transports,
            "@{domain} with{number}:[{}]:{}",
            server.ip(),
            server.port()
        );
        let _ = writeln!(
            services,
            "with{number} unix - - n - 8 smtp -o smtp_tls_cert_file={} -o smtp_tls_key_file={}",
            files.certificate.display(),
            files.key.display()
        );
    }
    put(folder, "transports", &transports, 0o644);
    let settings = format!(
        "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject\n\
         default_transport = smtp:[{}]:{}\n\
         sender_dependent_default_transport_maps = texthash:$config_directory/transports\n\
         smtp_tls_CAfile = {}\nsmtp_tls_security_level = secure\n\
         smtp_tls_secure_cert_match = {}\nsmtp_tls_loglevel = 1\n\
         queue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 2s\n{settings}",
        server.ip(),
        server.port(),
        next.authority.display(),
        next.name,
    );
    Postfix::start(folder, "exchange.corp.example", &settings, &services)
}

/// Waits until Postfix has logged this.
pub(crate) fn await_log(postfix: &Postfix, text: &str) {
    let end = Instant::now() + PATIENCE;
    while !postfix.log().contains(text) {
        assert!(
            Instant::now() < end,
            "Postfix has not logged {text:?}:\n{}",
            postfix.log()
        );
        std::thread::yield_now();
    }
}

/// Lines of main.cf: one certificate for everybody.
pub(crate) fn own_certificate(files: &IssuedFiles) -> String {
    format!(
        "smtp_tls_cert_file = {}\nsmtp_tls_key_file = {}\n",
        files.certificate.display(),
        files.key.display()
    )
}
