//! As much of PowerShell as the commands need that are printed: words, quoted in single quotes, and
//! parameters. It shares nothing with what prints them.

use std::collections::BTreeMap;

use tenantry_audit::powershell::quoted;

/// A command with its parameters.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Command {
    /// Reads one line.
    pub(crate) fn read(line: &str) -> Self {
        let mut words = words(line).into_iter();
        let name = words.next().unwrap().text;
        let mut parameters = BTreeMap::new();
        while let Some(word) = words.next() {
            let parameter = word.text.strip_prefix('-').filter(|_| word.bare);
            let parameter = parameter.unwrap_or_else(|| panic!("{word:?} in {line}"));
            let value = words
                .next()
                .unwrap_or_else(|| panic!("-{parameter} has no value in {line}"));
            let twice = parameters.insert(parameter.to_owned(), value.text);
            assert_eq!(twice, None, "-{parameter} twice in {line}");
        }
        Self { name, parameters }
    }

    pub(crate) fn get(&self, parameter: &str) -> Option<&str> {
        self.parameters.get(parameter).map(String::as_str)
    }

    pub(crate) fn is_true(&self, parameter: &str) -> bool {
        self.get(parameter) == Some("$true")
    }
}

#[derive(Debug)]
struct Word {
    text: String,
    bare: bool,
}

/// Words between spaces; in single quotes only the quotes mean something, and two are one.
fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        if closes(first) {
            let (text, left) = in_quotes(&rest[first.len_utf8()..]);
            words.push(Word { text, bare: false });
            rest = left.trim_start();
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            let text = rest[..end].to_owned();
            assert!(
                !text.contains(['\'', '"', '`', ';', '(']),
                "{text:?} in {line}"
            );
            words.push(Word { text, bare: true });
            rest = rest[end..].trim_start();
        }
    }
    words
}

fn in_quotes(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if !closes(character) {
            value.push(character);
            continue;
        }
        let after = &text[at + character.len_utf8()..];
        match after.chars().next() {
            Some(second) if closes(second) => {
                value.push(second);
                characters.next();
            }
            _ => return (value, after),
        }
    }
    panic!("no end of the string in {text:?}")
}

fn closes(character: char) -> bool {
    ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'].contains(&character)
}

#[test]
fn quoted_words_are_read_back_as_they_were() {
    for text in [
        "plain",
        "with spaces",
        "O'Hara",
        "'",
        "''",
        "$(Remove-Mailbox *)",
        "`n \"double\" ; | & # <",
        "\u{2019}typographic\u{2018}",
        "",
        "*.contoso.com",
    ] {
        let line = format!(
            "Set-InboundConnector -Identity {} -Enabled $true",
            quoted(text)
        );
        let command = Command::read(&line);
        assert_eq!(command.get("Identity"), Some(text), "{line}");
        assert!(command.is_true("Enabled"), "{line}");
    }
}
