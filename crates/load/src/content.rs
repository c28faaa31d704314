//! What is in the messages: text of our own in any size, or files.

use std::fs;
use std::path::Path;

use bytes::{BufMut as _, Bytes, BytesMut};
use fastrand::Rng;
use tenantry_smtp::DataEncoder;

use crate::id::MessageId;
use crate::identity::{Complaints, complaint};
use crate::plan::{Content, Transfer};

/// Everything that messages are made of, in memory once.
#[derive(Debug)]
pub(crate) struct Contents {
    kind: Kind,
    /// Header fields that all messages have.
    fixed: Bytes,
    host: String,
}

#[derive(Debug)]
enum Kind {
    /// Text in lines, cut to size.
    Text { sizes: Sizes, block: Bytes },
    /// Messages as they are, and with dots stuffed.
    Files(Vec<File>),
}

#[derive(Debug, Clone, Copy)]
enum Sizes {
    Fixed(u64),
    Uniform(u64, u64),
    Lognormal { median: f64, sigma: f64, max: u64 },
}

#[derive(Debug)]
struct File {
    plain: Bytes,
    stuffed: Bytes,
}

/// The content of one message: a head of its own, and pieces of what all share.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// Written first.
    pub(crate) head: BytesMut,
    shared: Bytes,
    /// How often all of `shared` comes.
    whole: u64,
    /// How much of it comes then.
    part: usize,
    /// Written last.
    tail: BytesMut,
}

impl Contents {
    /// Reads files and lays out text; what cannot be used is added to the complaints.
    pub(crate) fn load(content: &Content, host: &str, complaints: &mut Complaints) -> Self {
        let text = |sizes| Kind::Text {
            sizes,
            block: block(),
        };
        let kind = match content {
            Content::Fixed { size } => text(Sizes::Fixed(*size)),
            Content::Uniform { min, max } => text(Sizes::Uniform(*min, *max)),
            Content::Lognormal { median, sigma, max } => text(Sizes::Lognormal {
                median: float(*median),
                sigma: *sigma,
                max: *max,
            }),
            Content::Folder { folder } => Kind::Files(files(folder, complaints)),
        };
        let date = jiff::Zoned::now();
        let date = jiff::fmt::rfc2822::to_string(&date).unwrap_or_default();
        let fixed = format!(
            "Date: {date}\r\nFrom: <load@{host}>\r\nTo: load test:;\r\nSubject: load test\r\n\r\n"
        );
        Self {
            kind,
            fixed: fixed.into(),
            host: host.to_owned(),
        }
    }

    /// The content of a message.
    pub(crate) fn fill(&self, id: MessageId, luck: u64, how: Transfer, body: &mut Body) {
        body.head.clear();
        body.tail.clear();
        body.head.put_slice(b"X-Tenantry-Load: ");
        id.write(&mut body.head);
        body.head.put_slice(b"\r\n");
        match &self.kind {
            Kind::Text { sizes, block } => {
                body.head.put_slice(b"Message-ID: <");
                id.write(&mut body.head);
                body.head.put_u8(b'@');
                body.head.put_slice(self.host.as_bytes());
                body.head.put_slice(b">\r\n");
                body.head.put_slice(&self.fixed);
                let size = sizes.draw(luck);
                body.lines(block, size.saturating_sub(body.head.len() as u64));
            }
            Kind::Files(files) => {
                let count = files.len() as u64;
                let at = luck.checked_rem(count).unwrap_or(0);
                let file = files.get(usize::try_from(at).unwrap_or(0));
                body.shared = match (file, how) {
                    (Some(file), Transfer::Data) => file.stuffed.clone(),
                    (Some(file), Transfer::Bdat) => file.plain.clone(),
                    (None, _) => Bytes::new(),
                };
                body.whole = 1;
                body.part = 0;
            }
        }
    }
}

impl Body {
    /// Octets on the wire, without the final dot.
    pub(crate) fn len(&self) -> u64 {
        let shared = self.whole * self.shared.len() as u64 + self.part as u64;
        self.head.len() as u64 + shared + self.tail.len() as u64
    }

    /// Its pieces in their order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let whole = (0..self.whole).map(|_| &self.shared[..]);
        let part = self.shared.get(..self.part).unwrap_or_default();
        std::iter::once(&self.head[..])
            .chain(whole)
            .chain([part, &self.tail[..]])
            .filter(|piece| !piece.is_empty())
    }

    /// So many octets of lines, the last one cut.
    fn lines(&mut self, block: &Bytes, octets: u64) {
        let line = LINE as u64;
        let mut full = octets / line;
        let mut rest = octets % line;
        // One octet is no line: the line before becomes longer.
        if rest == 1 {
            rest += if full > 0 { line } else { 1 };
            full = full.saturating_sub(1);
        }
        if self.shared.len() != block.len() || self.shared.as_ptr() != block.as_ptr() {
            self.shared = block.clone();
        }
        self.whole = full / LINES as u64;
        self.part = usize::try_from(full % LINES as u64).unwrap_or(0) * LINE;
        if let Some(text) = rest.checked_sub(2) {
            self.tail
                .put_bytes(b'z', usize::try_from(text).unwrap_or(0));
            self.tail.put_slice(b"\r\n");
        }
    }
}

impl Sizes {
    fn draw(self, luck: u64) -> u64 {
        match self {
            Self::Fixed(size) => size,
            Self::Uniform(min, max) => Rng::with_seed(luck).u64(min..=max.max(min)),
            Self::Lognormal { median, sigma, max } => {
                let mut rng = Rng::with_seed(luck);
                // Box and Muller's way from two even numbers to a normal one.
                let spread = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
                let normal = spread * (std::f64::consts::TAU * rng.f64()).cos();
                let size = median * (sigma * normal).exp();
                octets(size).min(max)
            }
        }
    }
}

/// The messages of a folder, in the order of their names; line ends become CRLF.
fn files(folder: &Path, complaints: &mut Complaints) -> Vec<File> {
    const REMEDY: &str = "name a folder with messages: *.eml";
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let what = format!("cannot be read: {error}");
            complaints.push(complaint(folder, what, REMEDY));
            return Vec::new();
        }
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        complaints.push(complaint(folder, "has no *.eml".to_owned(), REMEDY));
    }
    let mut files = Vec::new();
    let mut total = 0;
    for path in &paths {
        let size = fs::metadata(path).map_or(0, |found| found.len());
        total += size;
        if total > MOST_FILES {
            let what = format!("has more than {MOST_FILES} octets of messages");
            complaints.push(complaint(folder, what, "name a folder with fewer"));
            break;
        }
        match fs::read(path) {
            Ok(octets) => match file(&octets) {
                Ok(file) => files.push(file),
                Err(what) => complaints.push(complaint(path, what, "take it away")),
            },
            Err(error) => {
                let what = format!("cannot be read: {error}");
                complaints.push(complaint(path, what, "take it away"));
            }
        }
    }
    files
}

fn file(octets: &[u8]) -> Result<File, String> {
    let mut plain = BytesMut::with_capacity(octets.len() + 64);
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        plain.put_slice(bare.strip_suffix(b"\r").unwrap_or(bare));
        plain.put_slice(b"\r\n");
    }
    let mut stuffed = BytesMut::with_capacity(plain.len() + 64);
    DataEncoder::new()
        .encode(&plain, &mut stuffed)
        .map_err(|error| error.to_string())?;
    Ok(File {
        plain: plain.freeze(),
        stuffed: stuffed.freeze(),
    })
}

/// Lines of text that need no stuffing.
fn block() -> Bytes {
    let mut block = BytesMut::with_capacity(LINE * LINES);
    for number in 0..LINES {
        let start = block.len();
        let letters = (b'a'..=b'z').cycle().skip(number % 26);
        block.extend(letters.take(LINE - 2));
        // Words, as text has them.
        for space in (start..block.len()).skip(7 + number % 5).step_by(8) {
            if let Some(octet) = block.get_mut(space) {
                *octet = b' ';
            }
        }
        block.put_slice(b"\r\n");
    }
    block.freeze()
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
const fn float(size: u64) -> f64 {
    size as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit becomes the largest, which is cut anyway"
)]
const fn octets(size: f64) -> u64 {
    size as u64
}

const LINE: usize = 78;
const LINES: usize = 420;
const MOST_FILES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn made(contents: &Contents, luck: u64, how: Transfer) -> Vec<u8> {
        let mut body = Body::default();
        let id = MessageId {
            run: 1,
            number: 2,
            tenant: None,
        };
        contents.fill(id, luck, how, &mut body);
        let whole: Vec<u8> = body.pieces().flatten().copied().collect();
        assert_eq!(whole.len() as u64, body.len());
        whole
    }

    #[test]
    fn a_message_has_the_size_that_was_asked_for_and_ends_with_a_line() {
        for size in (300..700).chain([2_048, 32_760, 32_761, 65_521, 1 << 20]) {
            let content = Content::Fixed { size };
            let contents = Contents::load(&content, "load.example", &mut Complaints::default());
            let whole = made(&contents, 7, Transfer::Data);
            assert_eq!(whole.len() as u64, size);
            assert!(whole.ends_with(b"\r\n"));
            let text = String::from_utf8(whole).unwrap_or_default();
            assert!(text.contains("\r\n\r\n"));
            assert!(!text.contains("\n."));
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        }
    }

    #[test]
    fn a_size_below_the_header_section_is_the_header_section() {
        let contents = Contents::load(
            &Content::Fixed { size: 1 },
            "h.example",
            &mut Complaints::default(),
        );
        let whole = made(&contents, 0, Transfer::Data);
        assert!(whole.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn sizes_spread_as_they_should() {
        let sizes: Vec<u64> = (0..4_000)
            .map(|luck| {
                Sizes::Lognormal {
                    median: 16_384.0,
                    sigma: 1.0,
                    max: 1 << 20,
                }
                .draw(luck)
            })
            .collect();
        let below = sizes.iter().filter(|size| **size < 16_384).count();
        assert!((1_800..2_200).contains(&below), "{below}");
        let below = sizes.iter().filter(|size| **size < 44_536).count();
        assert!((3_250..3_500).contains(&below), "{below}");
        assert!(sizes.iter().all(|size| *size <= 1 << 20));
        let even = Sizes::Uniform(5, 6);
        let drawn: std::collections::BTreeSet<u64> = (0..64).map(|luck| even.draw(luck)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn files_are_sent_with_proper_line_ends_and_stuffed_dots() {
        let file = file(b"A: b\n\n.dot\r\nlast").map_err(|_| ()).ok();
        let (plain, stuffed) = file
            .map(|file| (file.plain, file.stuffed))
            .unwrap_or_default();
        assert_eq!(&plain[..], b"A: b\r\n\r\n.dot\r\nlast\r\n");
        assert_eq!(&stuffed[..], b"A: b\r\n\r\n..dot\r\nlast\r\n");
        assert!(super::file(b"a\0b").is_err());
        assert!(super::file(b"a\rb").is_err());
    }
}
