//! What makes a message findable: a word in its sender, its recipients and its header section.
//!
//! `tl-RUN-NUMBER-TENANT`: the run in hexadecimal, the message's number in it, and the number of
//! the tenant whose it should become, `x` when it must become nobody's. Whoever reads a journal
//! needs nothing else to tell whether a message is where it belongs.

use bytes::{BufMut as _, BytesMut};
use tenantry_smtp::put_decimal;

/// A message of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// The run.
    pub run: u32,
    /// The message's number, from 0.
    pub number: u64,
    /// The index of the intended tenant; absent: nobody's.
    pub tenant: Option<u32>,
}

impl MessageId {
    /// Appends the word.
    pub fn write(&self, out: &mut BytesMut) {
        out.put_slice(b"tl-");
        for digit in (0..8).rev() {
            let nibble = (self.run >> (4 * digit)) & 15;
            out.put_u8(char::from_digit(nibble, 16).map_or(b'0', |digit| digit as u8));
        }
        out.put_u8(b'-');
        put_decimal(self.number, out);
        out.put_u8(b'-');
        match self.tenant {
            Some(tenant) => put_decimal(tenant.into(), out),
            None => out.put_u8(b'x'),
        }
    }

    /// The first id in a text, as in an address or a Message-ID.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once("tl-") {
            if let Some(found) = Self::behind(behind) {
                return Some(found);
            }
            rest = behind;
        }
        None
    }

    fn behind(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let mut words = text.get(..end.unwrap_or(text.len()))?.splitn(3, '-');
        let run = words.next().filter(|run| run.len() == 8)?;
        let number: u64 = words.next()?.parse().ok()?;
        let tenant = match words.next()? {
            "x" => None,
            tenant => Some(tenant.parse().ok()?),
        };
        Some(Self {
            run: u32::from_str_radix(run, 16).ok()?,
            number,
            tenant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_what_it_was_written_into() {
        for (number, tenant) in [(0, None), (1, Some(0)), (u64::MAX, Some(u32::MAX))] {
            let id = MessageId {
                run: 0x0bad_cafe,
                number,
                tenant,
            };
            let mut out = BytesMut::from(&b"<x.tl-y+"[..]);
            id.write(&mut out);
            out.put_slice(b".1@tenant.example>");
            let text = String::from_utf8_lossy(&out);
            assert_eq!(MessageId::find(&text), Some(id), "{text}");
        }
    }

    #[test]
    fn other_texts_have_none() {
        for text in [
            "",
            "tl-",
            "tl-0badcafe-1",
            "tl-0badcafe-1-",
            "tl-badcafe-1-2",
            "tl-0badcafe--2",
            "tl-0badcafe-1-99999999999",
            "tl-0badcafe-1-2x",
            "tl-xbadcafe-1-2",
        ] {
            assert_eq!(MessageId::find(text), None, "{text}");
        }
    }
}
