//! `config/lab.reference.toml`: complete, and what it calls a default is one.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tenantry_lab::file::Lab;

/// A folder with the reference and the files that it names.
struct Reference {
    folder: TempDir,
    text: String,
}

impl Reference {
    fn new() -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/lab.reference.toml");
        let folder = TempDir::new().unwrap();
        let customer = folder.path().join("customers/adatum");
        fs::create_dir_all(&customer).unwrap();
        fs::write(
            customer.join("tenant.toml"),
            "region = \"NAM\"\naccepted_domains = [\"adatum.com\"]\n",
        )
        .unwrap();
        fs::write(folder.path().join("recipients.txt"), "v@contoso.com\n").unwrap();
        Self {
            folder,
            text: fs::read_to_string(shipped).unwrap(),
        }
    }

    /// What comes of the reference, in words, with some lines blanked.
    fn load(&self, blanked: &[usize]) -> Result<String, String> {
        let lines =
            self.text.lines().enumerate().map(
                |(number, line)| {
                    if blanked.contains(&number) { "" } else { line }
                },
            );
        self.load_text(&lines.collect::<Vec<_>>().join("\n"))
    }

    fn load_text(&self, text: &str) -> Result<String, String> {
        let file = self.folder.path().join("lab.toml");
        fs::write(&file, text).unwrap();
        match Lab::load(&file) {
            Ok(lab) => Ok(format!("{lab:?}")),
            Err(problems) => Err(problems.to_string()),
        }
    }

    /// Line and key of every key with this mark.
    fn marked(&self, mark: &str) -> Vec<(usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines
            .filter(|(_, line)| !line.starts_with('#') && line.ends_with(mark))
            .filter_map(|(number, line)| Some((number, line.split_once(" = ")?.0)))
            .collect()
    }
}

#[test]
fn the_reference_loads_without_a_notice() {
    let reference = Reference::new();
    reference.load(&[]).unwrap();
    let lab = Lab::load(&reference.folder.path().join("lab.toml")).unwrap();
    let told: Vec<String> = lab.notices.iter().map(ToString::to_string).collect();
    assert_eq!(told, [""; 0]);
    assert_eq!(lab.world.tenants.len(), 3);
    assert_eq!((lab.faults.len(), lab.events.len()), (2, 8));
}

#[test]
fn every_default_that_the_reference_states_is_the_default() {
    let reference = Reference::new();
    let stated = reference.load(&[]).unwrap();
    let defaults = reference.marked("# default");
    assert!(defaults.len() > 30, "{} defaults", defaults.len());
    for (line, key) in defaults {
        assert_eq!(reference.load(&[line]).as_ref(), Ok(&stated), "{key}");
    }
}

#[test]
fn what_the_reference_calls_required_is_required() {
    let reference = Reference::new();
    let required = reference.marked("# required");
    assert!(required.len() > 20, "{} required keys", required.len());
    for (line, key) in required {
        let told = reference.load(&[line]).unwrap_err();
        assert!(
            told.contains(&format!("{key}: is missing")) || told.contains(&format!("needs {key};")),
            "{key}: {told}"
        );
    }
}

#[test]
fn what_the_reference_calls_an_example_may_be_missing() {
    let reference = Reference::new();
    for (line, key) in reference.marked("# example") {
        let told = reference.load(&[line]).err().unwrap_or_default();
        // Without their names, connectors and domains are missing elsewhere.
        // And a certificate has no use without its key.
        let follows = ["blocked_connectors", "event[", "server.expired_"];
        let elsewhere = follows.iter().any(|other| told.contains(other));
        assert!(told.is_empty() || elsewhere, "{key}: {told}");
    }
}

#[test]
fn every_line_of_the_reference_is_marked() {
    let reference = Reference::new();
    for line in reference.text.lines() {
        let is_key = line.contains(" = ") && !line.starts_with('#');
        let marks = ["# default", "# required", "# example"];
        let marked = marks.iter().any(|mark| line.ends_with(mark));
        assert!(!is_key || marked, "{line}");
    }
}

/// An unknown key makes every section list the keys that it has.
#[test]
fn the_reference_has_every_key() {
    let reference = Reference::new();
    let mut text = String::from("zzzzzzzz = 1\n");
    for line in reference.text.lines() {
        text.push_str(line);
        text.push('\n');
        if line.starts_with('[') && line != "[[event]]" && line != "[addresses]" {
            text.push_str("zzzzzzzz = 1\n");
        }
    }
    let told = reference.load_text(&text).unwrap_err();
    let mut lists = 0;
    for line in told.lines() {
        let Some((_, keys)) = line
            .split_once("the keys here are ")
            .or_else(|| line.split_once("the properties here are "))
        else {
            panic!("{line}");
        };
        lists += 1;
        for key in keys.split(", ") {
            let written = reference.text.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = "))
                    || line.trim_matches(['[', ']']).rsplit('.').next() == Some(key)
            });
            assert!(written, "{key} is not in the reference");
        }
    }
    assert!(lists >= 12, "{lists} sections");
}
