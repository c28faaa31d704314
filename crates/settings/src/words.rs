//! Words of messages: what was written, what can be written, what was probably meant.

/// A value from a file, quoted, escaped and shortened; text that could be a key is not repeated.
#[must_use]
pub fn quoted(value: &str) -> String {
    if value.contains("-----") || value.contains("PRIVATE KEY") || value.contains('\n') {
        return String::from("(text that is not repeated here)");
    }
    let mut characters = value.chars();
    let mut shown = String::from("\"");
    for character in characters.by_ref().take(SHOWN) {
        shown.extend(character.escape_debug());
    }
    let cut = characters.next().is_some();
    shown.push_str(if cut { "...\"" } else { "\"" });
    shown
}

const SHOWN: usize = 80;

/// Words as a sentence lists them: `a, b or c`.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if !text.is_empty() {
            text.push_str(if words.peek().is_some() { ", " } else { " or " });
        }
        text.push_str(word);
    }
    text
}

/// The known word that a misspelt one most probably stands for: at most a third of it is wrong,
/// capital letters and what stands between words aside.
pub fn closest<'a>(misspelt: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let misspelt = plain(misspelt);
    if misspelt.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .map(|word| (plain(word), word))
        .map(|(plain, word)| (edits(&misspelt, &plain), plain.len(), word))
        .filter(|(edits, length, _)| *edits <= (misspelt.len().max(*length) / 3).clamp(1, 4))
        .min_by_key(|(edits, _, _)| *edits)
        .map(|(_, _, word)| word)
}

/// Nobody misspells a longer word.
const LONGEST: usize = 64;

/// Letters and digits alone, so that `tls_version` is as near to `TlsVersion` as it looks.
fn plain(word: &str) -> Vec<char> {
    word.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(LONGEST + 1)
        .collect()
}

/// Optimal string alignment distance: insertions, deletions, substitutions, neighbours swapped.
fn edits(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, &a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut beside = None;
        for (column, &b) in right.iter().enumerate() {
            let cell =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let changed = cell(&above, column) + usize::from(a != b);
            let mut best = changed
                .min(cell(&above, column + 1) + 1)
                .min(cell(&current, column) + 1);
            if column > 0 && previous == Some(b) && beside == Some(a) {
                best = best.min(cell(&before, column - 1) + 1);
            }
            current.push(best);
            beside = Some(b);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(a);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_material_is_never_quoted() {
        for secret in ["-----BEGIN", "two\nlines", "x PRIVATE KEY x"] {
            assert_eq!(quoted(secret), "(text that is not repeated here)");
        }
        assert_eq!(quoted("a\u{1b}b\"c"), "\"a\\u{1b}b\\\"c\"");
        assert_eq!(quoted(&"x".repeat(80)).len(), 82);
        assert_eq!(quoted(&"x".repeat(81)).len(), 85);
    }

    #[test]
    fn words_are_listed_as_in_a_sentence() {
        assert_eq!(listed([]), "");
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "c"]), "a, b or c");
    }

    #[test]
    fn the_closest_word_is_suggested_only_when_it_is_close() {
        let known = [
            "upstream",
            "upstream_tls",
            "certificate",
            "key",
            "id",
            "TlsSenderCertificateName",
        ];
        for (misspelt, expected) in [
            ("upsteam", Some("upstream")),
            ("usptream", Some("upstream")),
            ("Upstream", Some("upstream")),
            ("upstream-tls", Some("upstream_tls")),
            ("certficate", Some("certificate")),
            ("kye", Some("key")),
            ("TlsSenderCertifcateName", Some("TlsSenderCertificateName")),
            (
                "tls_sender_certificate_name",
                Some("TlsSenderCertificateName"),
            ),
            ("colour", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(closest(misspelt, known), expected, "{misspelt}");
        }
        assert_eq!(closest(&"x".repeat(10_000), known), None);
    }
}
