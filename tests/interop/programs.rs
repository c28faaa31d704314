//! The client programs, each told to send one message in one way.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tenantry_lab::pki::IssuedFiles;

use crate::dialogue::Dialogue;
use crate::message::Message;

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// In clear, on a loopback listener.
    Plain,
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first octet.
    Implicit,
}

/// What a client is to do.
pub(crate) struct Sending<'a> {
    /// Where the listener is.
    pub(crate) address: SocketAddr,
    /// How to connect.
    pub(crate) tls: Tls,
    /// The client's own certificate, if it has one.
    pub(crate) certificate: Option<&'a IssuedFiles>,
    /// The authority that the server's certificate must come from.
    pub(crate) authority: &'a Path,
    /// The sender.
    pub(crate) from: &'a str,
    /// The recipients.
    pub(crate) to: &'a [String],
    /// The message.
    pub(crate) message: &'a Message,
    /// A folder for the program's input files.
    pub(crate) folder: &'a Path,
}

/// How a client fared.
#[must_use]
pub(crate) struct Outcome {
    /// Whether it says so itself, by its exit code.
    pub(crate) succeeded: bool,
    /// Its command line, exit code and output.
    pub(crate) text: String,
}

impl Outcome {
    /// The client must have been content.
    pub(crate) fn expect_success(&self) {
        assert!(self.succeeded, "{}", self.text);
    }
}

/// swaks, with the server's certificate verified.
pub(crate) fn swaks(sending: &Sending<'_>) -> Outcome {
    // swaks puts a line end before the final dot whether or not there is one.
    let mut text = sending.message.text();
    assert_eq!(text.pop(), Some(b'\n'));
    let without_last_line_end = sending.write("swaks", &text);
    let mut command = program("swaks");
    command
        .args(["--server", &sending.address.to_string()])
        .args(["--ehlo", "swaks.example", "--from", sending.from])
        .args(["--to", &sending.to.join(",")])
        .arg("--data")
        .arg(format!("@{}", without_last_line_end.display()))
        .args(["--suppress-data", "--timeout", "60"]);
    match sending.tls {
        Tls::Plain => {}
        Tls::Starttls => {
            command.arg("--tls");
        }
        Tls::Implicit => {
            command.arg("--tlsc");
        }
    }
    if sending.tls != Tls::Plain {
        command
            .arg("--tls-verify")
            .arg("--tls-ca-path")
            .arg(sending.authority);
    }
    if let Some(files) = sending.certificate {
        command.arg("--tls-cert").arg(&files.certificate);
        command.arg("--tls-key").arg(&files.key);
    }
    run(command)
}

/// curl, which refuses a certificate that it cannot verify.
pub(crate) fn curl(sending: &Sending<'_>) -> Outcome {
    let scheme = match sending.tls {
        Tls::Implicit => "smtps",
        Tls::Plain | Tls::Starttls => "smtp",
    };
    let mut command = program("curl");
    command
        .args(["--silent", "--show-error", "--verbose", "--max-time", "60"])
        .arg(format!("{scheme}://{}/curl.example", sending.address))
        .args(["--mail-from", sending.from])
        .arg("--upload-file")
        .arg(sending.file());
    for recipient in sending.to {
        command.args(["--mail-rcpt", recipient]);
    }
    if sending.tls != Tls::Plain {
        command
            .arg("--ssl-reqd")
            .arg("--cacert")
            .arg(sending.authority);
    }
    if let Some(files) = sending.certificate {
        command.arg("--cert").arg(&files.certificate);
        command.arg("--key").arg(&files.key);
    }
    run(command)
}

/// msmtp without any configuration file, and told to add no header field.
pub(crate) fn msmtp(sending: &Sending<'_>) -> Outcome {
    let mut command = program("msmtp");
    command
        .args(["--file=/dev/null", "--auth=off", "--domain=msmtp.example"])
        .arg(format!("--host={}", sending.address.ip()))
        .arg(format!("--port={}", sending.address.port()))
        .arg(format!("--from={}", sending.from))
        .args(["--set-from-header=off", "--set-date-header=off"])
        .args(["--set-msgid-header=off", "--timeout=60"]);
    match sending.tls {
        Tls::Plain => command.arg("--tls=off"),
        Tls::Starttls => command.args(["--tls=on", "--tls-starttls=on"]),
        Tls::Implicit => command.args(["--tls=on", "--tls-starttls=off"]),
    };
    if sending.tls != Tls::Plain {
        command.arg(format!("--tls-trust-file={}", sending.authority.display()));
    }
    if let Some(files) = sending.certificate {
        command.arg(format!("--tls-cert-file={}", files.certificate.display()));
        command.arg(format!("--tls-key-file={}", files.key.display()));
    }
    command.arg("--").args(sending.to);
    command.stdin(fs::File::open(sending.text_file()).expect("the message's file"));
    run(command)
}

/// Python's smtplib.
pub(crate) fn smtplib(sending: &Sending<'_>) -> Outcome {
    script(program("python3"), "smtplib_client.py", sending)
}

/// nodemailer, which tests/run.sh installs below the target folder.
pub(crate) fn nodemailer(sending: &Sending<'_>) -> Outcome {
    let modules = target_folder().join("interop/nodemailer/node_modules");
    assert!(
        modules.join("nodemailer").is_dir(),
        "{} has no nodemailer: `tests/run.sh interop` installs it",
        modules.display()
    );
    let mut command = program("node");
    command.env("NODE_PATH", modules);
    script(command, "nodemailer_client.js", sending)
}

/// openssl s_client, which brings the TLS; the SMTP is typed into it.
pub(crate) fn openssl(sending: &Sending<'_>) -> Outcome {
    let (mut child, mut dialogue) = openssl_session(
        sending.address,
        sending.tls,
        sending.authority,
        sending.certificate,
        "90",
    );
    dialogue.deliver(sending.from, sending.to, &sending.message.content);
    dialogue.say("QUIT", 221);
    drop(dialogue);
    let status = child.wait().expect("openssl ends");
    Outcome {
        succeeded: status.success(),
        text: format!("openssl: {status}"),
    }
}

/// An open session through openssl s_client, after EHLO, for at most `patience` seconds.
pub(crate) fn openssl_session(
    address: SocketAddr,
    tls: Tls,
    authority: &Path,
    certificate: Option<&IssuedFiles>,
    patience: &str,
) -> (Child, Dialogue<ChildStdout, ChildStdin>) {
    let mut command = limited("openssl", patience);
    command
        .args(["s_client", "-quiet", "-verify_return_error"])
        .args(["-verify_ip", &address.ip().to_string()])
        .args(["-connect", &address.to_string()])
        .arg("-CAfile")
        .arg(authority);
    if tls == Tls::Starttls {
        command.args(["-starttls", "smtp", "-name", "openssl.example"]);
    }
    if let Some(files) = certificate {
        command.arg("-cert").arg(&files.certificate);
        command.arg("-cert_chain").arg(&files.certificate);
        command.arg("-key").arg(&files.key);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("openssl starts");
    let reader = child.stdout.take().expect("its output");
    let writer = child.stdin.take().expect("its input");
    let mut dialogue = Dialogue::over(reader, writer);
    match tls {
        Tls::Implicit => {
            dialogue.expect(220);
        }
        // s_client has read the greeting, the EHLO reply and the 220 in clear.
        Tls::Plain | Tls::Starttls => {}
    }
    dialogue.say("EHLO openssl.example", 250);
    (child, dialogue)
}

/// Where cargo puts everything: three folders above the test program.
pub(crate) fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the test program's path");
    let folder = program.ancestors().nth(3);
    folder.expect("target/PROFILE/deps/interop").to_owned()
}

impl Sending<'_> {
    fn file(&self) -> PathBuf {
        self.write("eml", &self.message.content)
    }

    fn text_file(&self) -> PathBuf {
        self.write("txt", &self.message.text())
    }

    fn write(&self, extension: &str, octets: &[u8]) -> PathBuf {
        let name = format!("message-{}.{extension}", self.message.number);
        let path = self.folder.join(name);
        fs::write(&path, octets).expect("the message's file is written");
        path
    }
}

/// A script from `tests/interop/scripts`, which takes everything as JSON on its standard input.
fn script(mut command: Command, name: &str, sending: &Sending<'_>) -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts");
    let order = serde_json::json!({
        "host": sending.address.ip(),
        "port": sending.address.port(),
        "tls": match sending.tls {
            Tls::Plain => "plain",
            Tls::Starttls => "starttls",
            Tls::Implicit => "implicit",
        },
        "authority": sending.authority,
        "certificate": sending.certificate.map(|files| &files.certificate),
        "key": sending.certificate.map(|files| &files.key),
        "from": sending.from,
        "to": sending.to,
        "file": sending.file(),
    });
    let mut input = tempfile::tempfile().expect("a temporary file");
    input
        .write_all(order.to_string().as_bytes())
        .and_then(|()| std::io::Seek::rewind(&mut input))
        .expect("the order is written");
    command.arg(folder.join(name)).stdin(input);
    run(command)
}

/// The program under `timeout`, so that a client that hangs is a failure and not a wait.
fn program(name: &str) -> Command {
    limited(name, "90")
}

/// A program that gets so many seconds.
pub(crate) fn limited(name: impl AsRef<OsStr>, seconds: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", seconds]).arg(name);
    command.stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Outcome {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; is coreutils' timeout installed?"));
    Outcome {
        succeeded: output.status.success(),
        text: format!(
            "{command:?}: {}\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}
