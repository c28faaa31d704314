//! Changes as text: `domain-moved domain=contoso.com to=B`.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::{Change, ChangeError};

impl FromStr for Change {
    type Err = ChangeError;

    /// Reads `kind key=value key="a value with spaces"`; within quotes `\` takes the next
    /// character as it is.
    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let mut words = words(text)?.into_iter();
        let kind = words.next().ok_or(ChangeError::Empty)?;
        let fields = words.map(|word| match word.split_once('=') {
            Some((key, value)) => Ok((String::from(key), String::from(value))),
            None => Err(ChangeError::NoField(shortened(&word))),
        });
        Self::new(&kind, fields.collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind())?;
        for (key, value) in self.fields() {
            write!(out, " {key}=")?;
            quote(out, &value)?;
        }
        Ok(())
    }
}

/// At most 60 characters of what somebody wrote.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn quote(out: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let plain = |character: char| !character.is_whitespace() && !matches!(character, '"' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        return out.write_str(value);
    }
    out.write_char('"')?;
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.write_char('\\')?;
        }
        out.write_char(character)?;
    }
    out.write_char('"')
}

/// Words between white space, quotes taken away.
fn words(text: &str) -> Result<Vec<String>, ChangeError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => {
                let next = characters.next().ok_or(ChangeError::OpenQuote)?;
                word.get_or_insert_default().push(next);
            }
            _ if character.is_whitespace() && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quoted {
        return Err(ChangeError::OpenQuote);
    }
    words.extend(word);
    Ok(words)
}
