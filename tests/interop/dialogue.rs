//! A client that does exactly what it is told, line by line: the behaviours that no program shows.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// One SMTP session over anything that reads and writes.
pub(crate) struct Dialogue<R, W> {
    reader: BufReader<R>,
    writer: W,
}

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The three digits.
    pub(crate) code: u16,
    /// All lines, with their digits.
    pub(crate) lines: Vec<String>,
}

impl Dialogue<TcpStream, TcpStream> {
    /// Connects in clear; the greeting is not read yet.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the listener answers");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        let writer = stream.try_clone().expect("a second handle");
        Self::over(stream, writer)
    }

    /// Connects and gets as far as an answered EHLO.
    pub(crate) fn greeted(address: SocketAddr) -> Self {
        let mut dialogue = Self::connect(address);
        dialogue.expect(220);
        dialogue.say("EHLO client.example", 250);
        dialogue
    }
}

impl<R: Read, W: Write> Dialogue<R, W> {
    /// A session over two halves, such as a program's standard output and input.
    pub(crate) fn over(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::new(reader),
            writer,
        }
    }

    /// Sends octets as they are.
    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.writer.write_all(octets).expect("the server reads");
        self.writer.flush().expect("the server reads");
    }

    /// Sends one line and returns the reply, which must have this code.
    pub(crate) fn say(&mut self, line: &str, code: u16) -> Answer {
        self.send(format!("{line}\r\n").as_bytes());
        let answer = self.answer();
        assert_eq!(answer.code, code, "after {line:?}: {:?}", answer.lines);
        answer
    }

    /// Reads one reply, which must have this code.
    pub(crate) fn expect(&mut self, code: u16) -> Answer {
        let answer = self.answer();
        assert_eq!(answer.code, code, "{:?}", answer.lines);
        answer
    }

    /// Reads one reply of any code.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.reader
                .read_line(&mut line)
                .expect("a reply before the time-out");
            assert!(
                line.ends_with('\n'),
                "the server left after {lines:?} {line:?}"
            );
            let line = line.trim_end().to_owned();
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                break;
            }
        }
        let code = lines.first().and_then(|line| line.get(..3));
        let code = code.and_then(|code| code.parse().ok());
        Answer {
            code: code.unwrap_or_else(|| panic!("no reply code: {lines:?}")),
            lines,
        }
    }

    /// A whole message on the open session, recipients and content one after the other.
    pub(crate) fn deliver(&mut self, from: &str, to: &[String], content: &[u8]) -> Answer {
        self.say(&format!("MAIL FROM:<{from}>"), 250);
        for recipient in to {
            self.say(&format!("RCPT TO:<{recipient}>"), 250);
        }
        self.content(content)
    }

    /// DATA and what follows, after the recipients.
    pub(crate) fn content(&mut self, content: &[u8]) -> Answer {
        self.say("DATA", 354);
        self.send(&stuffed(content));
        self.expect(250)
    }

    /// Whether the server closed: the next read gives nothing.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.reader.fill_buf() {
            Ok(octets) => octets.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// The content with dots doubled and the final dot.
pub(crate) fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / 64 + 8);
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}
