//! An Exim of our own: its configuration and spool in the test's folder, every delivery on demand.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{Seek, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tenantry_lab::pki::IssuedFiles;

use crate::message::Message;
use crate::postfix::succeed;
use crate::programs::{limited, target_folder};

/// A configured Exim. Nothing of it runs between two calls: each call waits for its deliveries.
pub(crate) struct Exim {
    folder: PathBuf,
}

impl Exim {
    /// Writes the configuration below `folder`: everything goes to `server`, which must have a
    /// certificate of `authority`, and sees `certificate`.
    pub(crate) fn new(
        folder: &Path,
        server: SocketAddr,
        authority: &Path,
        certificate: Option<&IssuedFiles>,
    ) -> Self {
        let exim = Self {
            folder: folder.to_owned(),
        };
        for name in ["spool", "log"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).expect("a folder for Exim");
            exim.give(&path);
        }
        exim.copy_program();
        let mut transport = format!("  tls_verify_certificates = {}\n", authority.display());
        if let Some(files) = certificate {
            // Exim reads them as its own user; the originals are the test's alone.
            let copies = [
                ("certificate.pem", &files.certificate),
                ("key.pem", &files.key),
            ]
            .map(|(name, original)| {
                let copy = folder.join(name);
                fs::copy(original, &copy).expect("a copy for Exim");
                exim.give(&copy);
                copy
            });
            let [certificate, key] = copies.map(|path| path.display().to_string());
            let _ = write!(
                transport,
                "  tls_certificate = {certificate}\n  tls_privatekey = {key}\n"
            );
        }
        let text = format!(
            "primary_hostname = exim.corp.example\nexim_path = {folder}/exim4\n\
             spool_directory = {folder}/spool\nlog_file_path = {folder}/log/%slog\n\
             tls_advertise_hosts =\ndisable_ipv6\nkeep_environment =\n\
             message_size_limit = 50M\nlog_selector = +smtp_confirmation +tls_resumption\n\
             begin routers\nserver:\n  driver = manualroute\n  transport = server\n\
             \x20 route_list = * {}::{} byname\n  self = send\n\
             begin transports\nserver:\n  driver = smtp\n  allow_localhost\n  \
             hosts_require_tls = *\n  tls_verify_hosts = *\n  tls_resumption_hosts = *\n{transport}\
             begin retry\n* * F,1h,1s\n",
            server.ip(),
            server.port(),
            folder = folder.display(),
        );
        fs::write(exim.configuration(), text).expect("Exim's configuration");
        exim
    }

    /// Hands a message over and waits until its first delivery attempt has ended.
    pub(crate) fn send(&self, from: &str, to: &[String], message: &Message) {
        let mut input = tempfile::tempfile().expect("a temporary file");
        input
            .write_all(&message.text())
            .and_then(|()| input.rewind())
            .expect("the message is written");
        let mut command = self.command();
        command.args(["-odf", "-oi", "-f", from, "--"]).args(to);
        succeed(command.stdin(input));
    }

    /// Tries everything in the queue once more, now.
    pub(crate) fn run_queue(&self) {
        succeed(self.command().arg("-qff"));
    }

    /// How many messages its queue holds.
    pub(crate) fn queued(&self) -> usize {
        let output = self.command().arg("-bpc").output().expect("Exim starts");
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().expect("a number")
    }

    /// What Exim logged.
    pub(crate) fn log(&self) -> String {
        ["main", "panic", "reject"]
            .map(|name| fs::read_to_string(self.folder.join(format!("log/{name}log"))))
            .into_iter()
            .flatten()
            .collect()
    }

    /// Exim starts itself anew for deliveries, as a user who may not be able to reach the target
    /// folder.
    fn copy_program(&self) {
        let original = target_folder().join("tools/exim/usr/sbin/exim4");
        assert!(
            original.is_file(),
            "{} is missing: `tests/run.sh interop` unpacks it",
            original.display()
        );
        let copy = self.folder.join("exim4");
        fs::copy(original, &copy).expect("a copy of Exim");
        fs::set_permissions(copy, Permissions::from_mode(0o755)).expect("its mode");
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("exim.conf")
    }

    fn give(&self, path: &Path) {
        succeed(Command::new("chown").arg("Debian-exim").arg(path));
    }

    fn command(&self) -> Command {
        let mut command = limited(self.folder.join("exim4"), "120");
        command.arg("-C").arg(self.configuration());
        command.stdin(Stdio::null());
        command
    }
}
