//! One tenant's table before it is written.

use std::path::PathBuf;

use tenantry_attribution::Pattern;
use tenantry_lab::world::Place;

/// What will be one file: a `[[tenant]]` table of the relay's configuration.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The tenant's place in the inventory.
    pub tenant: usize,
    /// `name`.
    pub name: String,
    /// What its file is called: safe in any folder, and no other draft's.
    pub file_name: String,
    /// Where the tenant was described.
    pub place: Place,
    /// `certificate_domains`.
    pub certificate_domains: Vec<Decided<Claim>>,
    /// `sender_domains`, which are the `recipient_domains`, too.
    pub domains: Vec<Decided<Claim>>,
    /// `upstream`: one or several.
    pub upstream: Decided<Vec<Target>>,
    /// `certificate` and `key`.
    pub identity: Decided<Identity>,
    /// What else there is to say, in the order of the files.
    pub notes: Vec<Note>,
}

/// A value, or what has to be decided first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided<T> {
    /// The value.
    Known(T),
    /// Somebody has to decide; the line says so, and `tenantry check` refuses it.
    Open(Question),
}

/// What somebody has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What stands in the place of the value, in a few words.
    pub placeholder: String,
    /// Why it is open, with the values of the files, and what to do.
    pub why: String,
    /// Where the question comes from, if from one place.
    pub place: Option<Place>,
}

/// A domain pattern that the tenant owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The pattern.
    pub pattern: Pattern,
    /// Where it comes from.
    pub place: Place,
    /// What stands there.
    pub origin: String,
}

/// Where mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Where it comes from.
    pub place: Place,
    /// What stands there.
    pub origin: String,
}

/// A certificate file and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificates.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
    /// Why this one.
    pub origin: String,
    /// The line of its leaf.
    pub place: Place,
}

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub weight: Weight,
    /// Where, if at one place.
    pub place: Option<Place>,
    /// What.
    pub what: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// `tenantry check` refuses the files until it is decided.
    Decide,
    /// Somebody should look whether it is meant.
    Look,
    /// It was passed over, and rightly so as far as the files say.
    PassedOver,
}

impl Draft {
    pub(super) fn new(tenant: usize, name: String, file_name: String, place: Place) -> Self {
        Self {
            tenant,
            name,
            file_name,
            place,
            certificate_domains: Vec::new(),
            domains: Vec::new(),
            upstream: Decided::Open(Question::new("host:25", "no export says where")),
            identity: Decided::Open(Question::new("certificate", "no certificate was given")),
            notes: Vec::new(),
        }
    }

    /// Everything that has to be decided in this file.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        let lists = self.certificate_domains.iter().chain(&self.domains);
        lists
            .filter_map(Decided::question)
            .chain(self.upstream.question())
            .chain(self.identity.question())
    }

    /// How many lines have to be decided; what `tenantry check` finds between two files counts, too.
    #[must_use]
    pub fn open(&self) -> usize {
        let notes = self.notes.iter();
        self.questions().count() + notes.filter(|note| note.weight == Weight::Decide).count()
    }

    pub(super) fn note(&mut self, weight: Weight, place: &Place, what: impl Into<String>) {
        self.notes.push(Note {
            weight,
            place: Some(place.clone()),
            what: what.into(),
        });
    }

    /// The patterns of `certificate_domains` that are decided.
    pub fn certificate_claims(&self) -> impl Iterator<Item = &Claim> {
        self.certificate_domains.iter().filter_map(Decided::known)
    }

    /// The patterns of `sender_domains` and `recipient_domains` that are decided.
    pub fn domain_claims(&self) -> impl Iterator<Item = &Claim> {
        self.domains.iter().filter_map(Decided::known)
    }
}

impl Question {
    pub(super) fn new(placeholder: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            placeholder: placeholder.into(),
            why: why.into(),
            place: None,
        }
    }

    pub(super) fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }
}

impl<T> Decided<T> {
    /// The value.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Open(_) => None,
        }
    }

    /// What has to be decided.
    pub const fn question(&self) -> Option<&Question> {
        match self {
            Self::Known(_) => None,
            Self::Open(question) => Some(question),
        }
    }
}
