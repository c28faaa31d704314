//! A Postfix of our own: its configuration, queue and data in the test's folder, on a free port.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// A running instance; dropping it stops it.
pub(crate) struct Postfix {
    folder: PathBuf,
    /// Where its SMTP server listens.
    pub(crate) address: SocketAddr,
}

/// The services that every instance needs, without chroot; port 25 is not among them.
const SERVICES: &str = "\
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
";

impl Postfix {
    /// Writes the configuration below `folder` and starts.
    ///
    /// `settings` are further lines of main.cf, `services` further lines of master.cf; both may
    /// use `$config_directory` for files that were put into `folder`/etc.
    pub(crate) fn start(folder: &Path, name: &str, settings: &str, services: &str) -> Self {
        let postfix = Self {
            folder: folder.to_owned(),
            address: free_address(),
        };
        let queue = folder.join("queue");
        let data = folder.join("data");
        for path in [&queue, &data, &postfix.etc()] {
            fs::create_dir_all(path).expect("a folder for Postfix");
        }
        succeed(Command::new("chown").arg("postfix").arg(&data));
        let mut main = format!(
            "compatibility_level = 3.6\nmyhostname = {name}\nmydestination =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nlocal_header_rewrite_clients =\n\
             message_size_limit = 52428800\nmailbox_size_limit = 0\nnotify_classes =\n\
             bounce_queue_lifetime = 0\nsmtpd_client_connection_count_limit = 0\n\
             biff = no\nalias_maps =\nalias_database =\n"
        );
        let _ = write!(
            main,
            "queue_directory = {queue}\ndata_directory = {data}\n\
             maillog_file = {folder}/log\nmaillog_file_prefixes = {folder}\n{settings}",
            queue = queue.display(),
            data = data.display(),
            folder = folder.display(),
        );
        let master = format!(
            "{} inet n - n - - smtpd\n{SERVICES}{services}",
            postfix.address
        );
        fs::write(postfix.etc().join("main.cf"), main).expect("main.cf");
        fs::write(postfix.etc().join("master.cf"), master).expect("master.cf");
        postfix.tell("start");
        postfix
    }

    /// The configuration folder of an instance below `folder`.
    pub(crate) fn etc(&self) -> PathBuf {
        self.folder.join("etc")
    }

    /// What Postfix logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// How many messages its queue still holds.
    pub(crate) fn queued(&self) -> usize {
        let output = Command::new("postqueue")
            .arg("-c")
            .arg(self.etc())
            .arg("-j")
            .output()
            .expect("postqueue starts");
        output
            .stdout
            .iter()
            .filter(|octet| **octet == b'\n')
            .count()
    }

    fn tell(&self, what: &str) {
        let mut command = Command::new("postfix");
        command.arg("-c").arg(self.etc()).arg(what);
        let output = command.output();
        let output = output.expect("postfix is installed (tests/run.sh interop installs it)");
        assert!(
            output.status.success(),
            "{command:?} (it needs root): {}{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix")
            .arg("-c")
            .arg(self.etc())
            .arg("stop")
            .output();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.len().saturating_sub(60);
            let text = lines.get(tail..).unwrap_or_default().join("\n");
            let _ = writeln!(std::io::stderr(), "Postfix's last lines:\n{text}");
        }
    }
}

/// Puts a file into the configuration folder of the instance that will start below `folder`.
pub(crate) fn put(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    let etc = folder.join("etc");
    fs::create_dir_all(&etc).expect("a folder for Postfix");
    let path = etc.join(name);
    fs::write(&path, text).expect("a file for Postfix");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its mode");
    path
}

/// Runs a program that must succeed.
pub(crate) fn succeed(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Postfix cannot take port 0, so a free one is looked up just before it starts.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address")
}
