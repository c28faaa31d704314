//! Certificates that were rotated: whoever presents the old name counts as presenting the new one.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Names of rotated certificates.
///
/// It stands in for the sender's side, which the lab does not own: a sample of messages, or a
/// client that keeps its old certificate, is judged as if the certificate had been exchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Substitutions {
    /// Old name in lower case to new name.
    names: BTreeMap<String, String>,
}

impl Substitutions {
    /// From now on `from` counts as `to`; a chain of rotations counts as its last name.
    pub fn rotate(&mut self, from: &str, to: &str) {
        let to = to.to_ascii_lowercase();
        let from = from.to_ascii_lowercase();
        for name in self.names.values_mut().filter(|name| **name == from) {
            name.clone_from(&to);
        }
        self.names.retain(|old, new| old != new && *old != to);
        if from != to {
            self.names.insert(from, to);
        }
    }

    /// Whether nothing was rotated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names of a presented certificate as they count.
    #[must_use]
    pub fn of<'a>(&self, names: &'a [String]) -> Cow<'a, [String]> {
        if self.is_empty() || !names.iter().any(|name| self.lookup(name).is_some()) {
            return Cow::Borrowed(names);
        }
        let replaced = names
            .iter()
            .map(|name| self.lookup(name).unwrap_or(name).to_owned());
        Cow::Owned(replaced.collect())
    }

    fn lookup(&self, name: &str) -> Option<&str> {
        self.names
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| String::from(*text)).collect()
    }

    #[test]
    fn a_rotated_name_counts_as_the_new_one_and_others_as_themselves() {
        let mut rotated = Substitutions::default();
        let presented = names(&["Mail.A.example", "other.example"]);
        assert!(matches!(rotated.of(&presented), Cow::Borrowed(_)));
        rotated.rotate("mail.a.example", "mail.b.example");
        assert_eq!(
            *rotated.of(&presented),
            names(&["mail.b.example", "other.example"])
        );
    }

    #[test]
    fn a_chain_of_rotations_counts_as_its_last_name_and_a_way_back_as_none() {
        let mut rotated = Substitutions::default();
        rotated.rotate("a.example", "b.example");
        rotated.rotate("b.example", "c.example");
        assert_eq!(*rotated.of(&names(&["a.example"])), names(&["c.example"]));
        assert_eq!(*rotated.of(&names(&["b.example"])), names(&["c.example"]));
        rotated.rotate("c.example", "a.example");
        assert_eq!(*rotated.of(&names(&["a.example"])), names(&["a.example"]));
        assert_eq!(*rotated.of(&names(&["b.example"])), names(&["a.example"]));
        assert_eq!(*rotated.of(&names(&["c.example"])), names(&["a.example"]));
    }
}
