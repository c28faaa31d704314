//! A draft as a file of the relay's configuration, every value with its source beside it.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use tenantry_lab::world::Place;
use toml::Value;

use super::draft::{Claim, Decided, Draft, Identity, Note, Question, Target, Weight};
use crate::powershell::comment;

/// What begins the text in the place of a value that somebody has to decide.
const FILL_IN: &str = "FILL IN: ";

impl Draft {
    /// The file. Paths in it are relative to `folder`, where the file will stand; without one they are
    /// absolute.
    #[must_use]
    pub fn text(&self, folder: Option<&Path>) -> String {
        let mut out = Text::default();
        out.heading(self);
        out.line("[[tenant]]");
        out.line(&format!("name = {}", quoted(&self.name)));
        out.comment("", "names of client certificates that are this tenant's");
        if self.certificate_domains.is_empty() {
            out.line("# certificate_domains = []");
        } else {
            out.list("certificate_domains", &self.certificate_domains);
        }
        out.list("sender_domains", &self.domains);
        out.comment("", "Exchange Online asks the same list for recipients");
        out.list("recipient_domains", &self.domains);
        out.upstream(&self.upstream);
        out.identity(&self.identity, folder);
        out.line("# The defaults; what else there is stands in config/relay.reference.toml.");
        out.line("# on_conflict = \"follow\"");
        let helo = self.certificate_claims().next();
        let helo = helo.map_or("relay.example", |claim| claim.pattern.domain().as_str());
        out.line(&format!("# helo = {}", quoted(helo)));
        out.0
    }
}

/// The lines so far.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn comment(&mut self, indent: &str, text: &str) {
        self.line(&format!("{indent}# {}", comment(text)));
    }

    /// A point of the list at the top.
    fn point(&mut self, place: Option<&Place>, what: &str) {
        self.line(&format!("#   {}", comment(&told(place, what))));
    }

    fn heading(&mut self, draft: &Draft) {
        self.comment(
            "",
            &format!("{}, imported from {}", draft.name, draft.place),
        );
        self.line("# Made by `tenantry import`; each value says where it comes from.");
        self.line("# The tenant's region is in no export; its MX name leads there.");
        let decided = draft
            .notes
            .iter()
            .filter(|note| note.weight == Weight::Decide);
        let mut questions = draft.questions().peekable();
        let mut decided = decided.peekable();
        if questions.peek().is_some() || decided.peek().is_some() {
            self.line("#");
            self.line("# To decide, or `tenantry check` refuses this file:");
            for question in questions {
                self.point(question.place.as_ref(), &question.why);
            }
            for note in decided {
                self.point(note.place.as_ref(), &note.what);
            }
        }
        self.notes("To look at", &draft.notes, Weight::Look);
        self.notes("Passed over", &draft.notes, Weight::PassedOver);
        self.line("");
    }

    fn notes(&mut self, title: &str, notes: &[Note], weight: Weight) {
        let mut notes = notes.iter().filter(|note| note.weight == weight).peekable();
        if notes.peek().is_some() {
            self.line("#");
            self.line(&format!("# {title}:"));
        }
        for note in notes {
            self.point(note.place.as_ref(), &note.what);
        }
    }

    fn list(&mut self, key: &str, entries: &[Decided<Claim>]) {
        self.line(&format!("{key} = ["));
        for entry in entries {
            match entry {
                Decided::Known(claim) => {
                    let origin = told(Some(&claim.place), &claim.origin);
                    let pattern = quoted(&claim.pattern.to_string());
                    self.line(&format!("    {pattern}, # {}", comment(&origin)));
                }
                Decided::Open(question) => {
                    self.comment("    ", &told(question.place.as_ref(), &question.why));
                    self.line(&format!("    {},", placeholder(question)));
                }
            }
        }
        self.line("]");
    }

    fn upstream(&mut self, upstream: &Decided<Vec<Target>>) {
        match upstream {
            Decided::Open(question) => {
                self.comment("", &told(question.place.as_ref(), &question.why));
                self.line(&format!("upstream = {}", placeholder(question)));
            }
            Decided::Known(targets) => {
                for target in targets {
                    self.comment("", &told(Some(&target.place), &target.origin));
                }
                let addresses: Vec<String> = targets
                    .iter()
                    .map(|target| quoted(&format!("{}:{}", target.host, target.port)))
                    .collect();
                match addresses.as_slice() {
                    [only] => self.line(&format!("upstream = {only}")),
                    several => self.line(&format!("upstream = [{}]", several.join(", "))),
                }
            }
        }
    }

    fn identity(&mut self, identity: &Decided<Identity>, folder: Option<&Path>) {
        let (question, unwritable);
        match identity {
            Decided::Known(known) => {
                let certificate = written(&known.certificate, folder);
                let key = written(&known.key, folder);
                if let (Some(certificate), Some(key)) = (certificate, key) {
                    self.comment("", &told(Some(&known.place), &known.origin));
                    self.line(&format!("certificate = {}", quoted(&certificate)));
                    self.line(&format!("key = {}", quoted(&key)));
                    return;
                }
                unwritable = Question::new(
                    "certificate",
                    format!(
                        "{} has a name that no configuration can hold",
                        known.certificate.display()
                    ),
                );
                question = &unwritable;
            }
            Decided::Open(open) => question = open,
        }
        self.comment("", &told(question.place.as_ref(), &question.why));
        self.line(&format!("certificate = {}", placeholder(question)));
        let key = format!("{FILL_IN}key of the {}", question.placeholder);
        self.line(&format!("key = {}", quoted(&key)));
    }
}

/// File, line and text: a property's path in its file says no more than they do.
pub(super) fn told(place: Option<&Place>, what: &str) -> String {
    let Some(place) = place else {
        return what.to_owned();
    };
    let place = Place {
        path: String::new(),
        ..place.clone()
    };
    format!("{place}: {what}")
}

/// At most five, and how many more.
pub(super) fn listed(words: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let words: Vec<String> = words.collect();
    let more = words.len().saturating_sub(SHOWN);
    let mut text = words.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, " and {more} more");
    }
    text
}

fn placeholder(question: &Question) -> String {
    quoted(&format!("{FILL_IN}{}", question.placeholder))
}

/// A TOML string of one line.
fn quoted(text: &str) -> String {
    let one_line: String = text.chars().filter(|one| !one.is_control()).collect();
    Value::from(one_line).to_string()
}

/// The path as a file in `folder` names it; none if it is no text, or has what no configuration may.
fn written(path: &Path, folder: Option<&Path>) -> Option<String> {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let text = |path: PathBuf| {
        let text = path.to_str()?.to_owned();
        (!text.chars().any(char::is_control)).then_some(text)
    };
    let Some(folder) = folder.and_then(|folder| folder.canonicalize().ok()) else {
        return text(absolute);
    };
    if let Ok(below) = absolute.strip_prefix(&folder) {
        return text(below.to_owned());
    }
    // Beside the folder, and so in the same tree: that stays true when the tree is moved.
    let parent = folder
        .parent()
        .filter(|parent| parent.components().count() > 1);
    match parent.and_then(|parent| absolute.strip_prefix(parent).ok()) {
        Some(beside) => text(Path::new(&Component::ParentDir).join(beside)),
        None => text(absolute),
    }
}
