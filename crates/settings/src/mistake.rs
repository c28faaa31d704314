//! What is wrong with a single value or key, its place aside.

use toml::de::DeValue;

use crate::words::{closest, quoted};

/// What is wrong with a value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Mistake {
    /// A mistake in these words.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// A value of one kind where another belongs: `is a string, not a list`.
    pub fn kind(value: &DeValue<'_>, wanted: &str, remedy: impl Into<String>) -> Self {
        let is = match value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        Self::new(format!("is {is}, not {wanted}"), remedy)
    }

    /// A key that nobody knows where only these are.
    #[must_use]
    pub fn unknown_key(name: &str, known: &[&str]) -> Self {
        let remedy = match closest(name, known.iter().copied()) {
            Some(word) => format!("did you mean {word}?"),
            None => format!("remove it; the keys here are {}", known.join(", ")),
        };
        Self::new("unknown key", remedy)
    }

    /// A value that is none of these words.
    pub(crate) fn unknown_word<'w>(
        written: &str,
        known: impl IntoIterator<Item = &'w str>,
        remedy: String,
    ) -> Self {
        let what = format!("{} is not one of the words known here", quoted(written));
        match closest(written, known) {
            Some(word) => Self::new(what, format!("did you mean \"{word}\"? {remedy}")),
            None => Self::new(what, remedy),
        }
    }

    /// Text that is no TOML. The parser's message can quote what it found: a key that was pasted
    /// is not repeated.
    #[must_use]
    pub fn syntax(error: &toml::de::Error) -> Self {
        let message = error.message().lines().next().unwrap_or_default();
        let secret = message.contains("PRIVATE") || message.contains("-----");
        let what = if message.is_empty() || secret {
            String::from("cannot be read as TOML")
        } else {
            let message: String = message.chars().take(LONGEST).collect();
            format!("cannot be read as TOML: {message}")
        };
        Self::new(
            what,
            "correct the line; the syntax is that of https://toml.io",
        )
    }
}

/// Characters of the parser's message.
const LONGEST: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_has_a_suggestion_or_the_list_of_all() {
        let known = ["seed", "server"];
        let remedy = |name| Mistake::unknown_key(name, &known).remedy;
        assert_eq!(remedy("sead"), "did you mean seed?");
        assert_eq!(
            remedy("colour"),
            "remove it; the keys here are seed, server"
        );
    }

    #[test]
    fn syntax_errors_do_not_repeat_keys() {
        let (_, errors) =
            toml::de::DeTable::parse_recoverable("a = 1\na = 2\n-----BEGIN PRIVATE KEY-----\n");
        assert!(errors.len() > 1, "{errors:?}");
        for error in &errors {
            let what = Mistake::syntax(error).what;
            assert!(what.starts_with("cannot be read as TOML"), "{what}");
            assert!(!what.contains("PRIVATE"), "{what}");
        }
    }
}
