//! One line of a batch: evidence as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

/// One question of a batch; texts are borrowed from it where they have no escapes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) certificate_names: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    pub(crate) certificate_problem: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) peer: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) listener: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) mail_from: Text<'a>,
    #[serde(borrow)]
    pub(crate) rcpt_to: Vec<Text<'a>>,
}

/// Text, borrowed if possible also inside of lists.
#[derive(Debug)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(String::from(text))))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}
