//! From octets to text: UTF-8 and UTF-16, with or without a byte order mark.
//!
//! Windows PowerShell 5.1 redirects as UTF-16LE with a mark and writes `-Encoding utf8` with one;
//! newer versions write UTF-8 without.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::error::{ExportError, Problem};
use super::position::Positions;

/// The text of a file, without its byte order mark.
///
/// # Errors
/// Where it stops being text.
pub fn decode<'a>(file: &Arc<Path>, octets: &'a [u8]) -> Result<Cow<'a, str>, ExportError> {
    match octets {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Err(refused(file, "", "UTF-8 or UTF-16"))
        }
        [0xFF, 0xFE, rest @ ..] => utf16(file, rest, u16::from_le_bytes, "UTF-16LE"),
        [0xFE, 0xFF, rest @ ..] => utf16(file, rest, u16::from_be_bytes, "UTF-16BE"),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(file, rest),
        // Exports begin with an ASCII character, whose other half is then zero.
        [first, 0, ..] if *first != 0 => utf16(file, octets, u16::from_le_bytes, "UTF-16LE"),
        [0, second, ..] if *second != 0 => utf16(file, octets, u16::from_be_bytes, "UTF-16BE"),
        _ => utf8(file, octets),
    }
}

fn utf8<'a>(file: &Arc<Path>, octets: &'a [u8]) -> Result<Cow<'a, str>, ExportError> {
    match std::str::from_utf8(octets) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            let good = octets.get(..error.valid_up_to()).unwrap_or_default();
            Err(refused(file, &String::from_utf8_lossy(good), "UTF-8"))
        }
    }
}

fn utf16(
    file: &Arc<Path>,
    octets: &[u8],
    unit: fn([u8; 2]) -> u16,
    encoding: &'static str,
) -> Result<Cow<'static, str>, ExportError> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(character) => text.push(character),
            Err(_half) => return Err(refused(file, &text, encoding)),
        }
    }
    if rest.is_empty() {
        Ok(Cow::Owned(text))
    } else {
        Err(refused(file, &text, encoding))
    }
}

/// An error behind the text that could be read.
fn refused(file: &Arc<Path>, good: &str, encoding: &'static str) -> ExportError {
    ExportError {
        place: Positions::new(file, good).at(good.len(), ""),
        problem: Problem::Encoding { encoding },
    }
}
