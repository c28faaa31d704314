//! Messages whose every octet follows from their number, so that nothing has to be remembered.

/// One message as a client is given it.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Which one it is; also its `X-Number` field.
    pub(crate) number: u32,
    /// The content with CRLF line ends, as it must arrive.
    pub(crate) content: Vec<u8>,
}

impl Message {
    /// At least `size` octets and few more; from 4 KiB on with lines that framing could trip over.
    pub(crate) fn new(number: u32, from: &str, to: &[String], size: usize) -> Self {
        let mut content = Vec::with_capacity(size + 2048);
        content.extend_from_slice(headers(number, from, to).as_bytes());
        if size >= 4096 {
            content.extend_from_slice(TRICKY.as_bytes());
            content.extend_from_slice(&[b'l'; 996]);
            content.extend_from_slice(b"\r\n");
        }
        let mut words = Words::new(number);
        while content.len() < size {
            words.line(&mut content);
        }
        content.extend_from_slice(b"the last but two\r\n\r\n..\r\n");
        Self { number, content }
    }

    /// The content with LF line ends, for programs that read text files.
    pub(crate) fn text(&self) -> Vec<u8> {
        without_carriage_returns(&self.content)
    }
}

/// The content as a local delivery stores it.
pub(crate) fn without_carriage_returns(content: &[u8]) -> Vec<u8> {
    content
        .iter()
        .copied()
        .filter(|octet| *octet != b'\r')
        .collect()
}

/// The value of `X-Number` in an arrived message.
pub(crate) fn number_of(content: &[u8]) -> Option<u32> {
    let start = find(content, b"\nX-Number: ")? + b"\nX-Number: ".len();
    let digits: String = content
        .get(start..)?
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .map(|octet| char::from(*octet))
        .collect();
    digits.parse().ok()
}

/// The fields that stand before the original message: name, and text with its folding.
///
/// # Errors
///
/// Tells where the original stops being there octet for octet.
pub(crate) fn prefix_of(arrived: &[u8], original: &[u8]) -> Result<Vec<String>, String> {
    let Some(start) = arrived.len().checked_sub(original.len()) else {
        return Err(format!(
            "{} octets arrived, {} were sent",
            arrived.len(),
            original.len()
        ));
    };
    let (prefix, rest) = arrived.split_at(start);
    if rest != original {
        let at = rest.iter().zip(original).position(|(a, b)| a != b);
        let at = at.unwrap_or_default();
        let around = |text: &[u8]| {
            let from = at.saturating_sub(20);
            text.get(from..(at + 20).min(text.len()))
                .unwrap_or_default()
                .escape_ascii()
                .to_string()
        };
        return Err(format!(
            "counted from the end, octet {at} of {} differs: \"{}\" arrived, \"{}\" was sent",
            original.len(),
            around(rest),
            around(original)
        ));
    }
    let mut fields: Vec<String> = Vec::new();
    for line in String::from_utf8_lossy(prefix).split_inclusive('\n') {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => field.push_str(line),
            _ => fields.push(line.to_owned()),
        }
    }
    Ok(fields)
}

/// The mixed sizes of a long run: most are small, three of a thousand have 20 MiB.
pub(crate) fn size_of(number: u32) -> usize {
    let spread = Words::new(number).next() as usize;
    match number {
        n if n % 333 == 332 => 20 * 1024 * 1024,
        n if n % 50 == 49 => 1024 * 1024 + spread % (3 * 1024 * 1024),
        n if n % 10 == 9 => 64 * 1024 + spread % (448 * 1024),
        _ => 1024 + spread % (15 * 1024),
    }
}

/// One to five recipients, none in a tenant's domain.
pub(crate) fn recipients_of(number: u32) -> Vec<String> {
    (0..=number % 5)
        .map(|index| format!("r{number}.{index}@destination{index}.example"))
        .collect()
}

fn headers(number: u32, from: &str, to: &[String]) -> String {
    format!(
        "From: Somebody <{from}>\r\nTo: {}\r\nSubject: =?utf-8?q?num=C3=A9ro?=\r\n {number}, folded\r\n\
         Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}.interop@sender.example>\r\n\
         X-Number: {number}\r\nx-odd-CASE:no space after the colon\r\n\
         DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=AAAA\r\n  BBBB;\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n",
        to.join(", ")
    )
}

/// Dots, blank lines, line starts that programs treat as commands, octets above 127.
const TRICKY: &str = "the first line\r\n.\u{20}dot and space\r\n.\r\n..\r\n...\r\n.x\r\n\r\n\r\n\
    From the beginning of a line\r\nQUIT\r\nQ\r\nRCPT TO:<nobody@example.net>\r\nR\r\nRSET\r\n\
    trailing space \r\ntrailing tab\t\r\n\ttab first\r\n--\r\n-- \r\n=3D=\r\n\
    gr\u{fc}\u{df}e \u{2014} \u{65e5}\u{672c}\u{8a9e}\r\n";

/// A small generator (xorshift): the same lines for the same number, on every machine.
struct Words(u64);

impl Words {
    fn new(seed: u32) -> Self {
        Self(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    fn line(&mut self, out: &mut Vec<u8>) {
        const TEXT: &[u8; 96] =
            b"pack my box with five dozen liquor jugs; sphinx of black quartz, \
            judge my vow. 0123456789 +/=-_*";
        let random = self.next();
        if random.is_multiple_of(16) {
            out.push(b'.');
        }
        out.extend_from_slice(format!("{random:08x} ").as_bytes());
        let length = (random >> 8) as usize % TEXT.len();
        out.extend_from_slice(TEXT.get(..length).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

#[test]
fn a_message_is_the_same_each_time_and_has_its_number() {
    let to = recipients_of(4);
    let first = Message::new(4, "a@b.example", &to, 5000);
    assert_eq!(
        first.content,
        Message::new(4, "a@b.example", &to, 5000).content
    );
    assert_eq!(number_of(&first.content), Some(4));
    assert!(first.content.len() >= 5000);
}

#[test]
fn a_changed_octet_is_found() {
    let fields = prefix_of(b"Received: a\r\n\tb\r\nX: y\r\nhello\r\n", b"hello\r\n");
    assert_eq!(
        fields,
        Ok(vec![
            "Received: a\r\n\tb\r\n".to_owned(),
            "X: y\r\n".to_owned()
        ])
    );
    assert!(prefix_of(b"Received: a\r\nhellO\r\n", b"hello\r\n").is_err());
    assert!(prefix_of(b"llo\r\n", b"hello\r\n").is_err());
}
