//! Plans that are wrong, and what is said about them.

use std::path::Path;

use tenantry_load::plan::{
    Content, EvidenceMix, Length, Overrides, Pace, Plan, TlsMode, TlsVersions, Transfer,
};
use toml::Value;

fn read(text: &str) -> Result<Plan, Vec<String>> {
    read_with(text, &Overrides::default())
}

fn read_with(text: &str, overrides: &Overrides) -> Result<Plan, Vec<String>> {
    Plan::read(Path::new("folder/plan.toml"), text, overrides)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

const TARGET: &str = "[target]\naddress = 'h:1'\n";

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let text = "[target]\naddress = 'nowhere'\ntls = 'maybe'\nresumption = 2\ncolour = 1\n\
                [pace]\nduration = 30\nconnections = 0\n[nonsense]\n[envelope]\nsender = '{x}@a.b'\n";
    let problems = read(text).unwrap_err();
    for (place, part) in [
        (
            "folder/plan.toml:2:11: target.address:",
            "\"nowhere\" has no port",
        ),
        (
            "folder/plan.toml:3:7: target.tls:",
            "\"maybe\" is not one of",
        ),
        ("folder/plan.toml:4:14: target.resumption:", "out of range"),
        ("folder/plan.toml:5:1: target.colour:", "unknown key"),
        ("folder/plan.toml:7:12: pace.duration:", "without a unit"),
        ("folder/plan.toml:8:15: pace.connections:", "is 0"),
        ("folder/plan.toml:9:2: nonsense:", "unknown key"),
        ("folder/plan.toml:11:10: envelope.sender:", "{x}"),
    ] {
        let found = problems.iter().find(|problem| problem.starts_with(place));
        let found = found.unwrap_or_else(|| panic!("{place} in {problems:#?}"));
        assert!(found.contains(part), "{found}");
        assert!(found.contains("; what to do: "), "{found}");
    }
    assert_eq!(problems.len(), 8, "{problems:#?}");
}

#[test]
fn single_mistakes_are_named() {
    for (text, part) in [
        ("", "target.address: is missing"),
        ("[target", "cannot be read as TOML"),
        ("target = 1", "is a number, not a table"),
        ("[target]\naddress = 'h:0'", "\"h:0\" has no port from 1"),
        ("[target]\naddress = '::1:25'", "without brackets"),
        ("[target]\naddress = 'h:1'\nhello = 'a b'", "no name"),
        (
            "[target]\naddress = 'h:1'\ntls_versions = ['1.1']",
            "did you mean \"1.2\"?",
        ),
        ("[target]\naddress = 'h:1'\ntls_versions = []", "is empty"),
        (
            "[target]\naddress = 'h:1'\n[evidence]\nsender = 0",
            "no kind of evidence",
        ),
        (
            "[target]\naddress = 'h:1'\n[evidence]\nsender = -1",
            "out of range",
        ),
        (
            "[target]\naddress = 'h:1'\n[evidence]\nsender = nan",
            "out of range",
        ),
        (
            "[target]\naddress = 'h:1'\n[[tenant]]\nname = 'a'",
            "tenant \"a\".domain: is missing",
        ),
        (
            "[target]\naddress = 'h:1'\n[[tenant]]\nname = 'a'\ndomain = 'a b'",
            "no domain",
        ),
        (
            "[target]\naddress = 'h:1'\n[tenant]\nname = 'a'",
            "is a table",
        ),
        (
            "[target]\naddress = 'h:1'\n[identities]\npeer_key = 'a'",
            "has no certificate",
        ),
        (
            "[target]\naddress = 'h:1'\n[envelope]\nrecipients = 0",
            "is 0",
        ),
        (
            "[target]\naddress = 'h:1'\n[envelope]\nsender = 'nobody'",
            "does not make an address",
        ),
        (
            "[target]\naddress = 'h:1'\n[envelope]\nsender = '{id@b'",
            "without its partner",
        ),
        (
            "[target]\naddress = 'h:1'\n[content]\nsize = '2 apples'",
            "unknown unit",
        ),
        (
            "[target]\naddress = 'h:1'\n[content]\nsize = '99999999999GiB'",
            "too large",
        ),
        (
            "[target]\naddress = 'h:1'\n[content]\nsizes = 'uniform'\nmin = '2MiB'",
            "larger than max",
        ),
        (
            "[target]\naddress = 'h:1'\n[content]\nsizes = 'fixed'\nfolder = 'x'",
            "sizes of its own",
        ),
        (
            "[target]\naddress = 'h:1'\n[pace]\nduration = '1s'\nmessages = 5",
            "beside duration",
        ),
        (
            "[target]\naddress = 'h:1'\n[pace]\nmessages = 5\nsteps = [3]",
            "how long a step lasts",
        ),
        (
            "[target]\naddress = 'h:1'\n[pace]\nmessages = 0",
            "is nothing",
        ),
        (
            "[target]\naddress = 'h:1'\n[pace]\nsteps = [0]",
            "out of range",
        ),
        (
            "[target]\naddress = 'h:1'\n[pace]\nduration = '99999h'",
            "too long",
        ),
        (
            "[target]\naddress = 'h:1'\n[pace]\nrate = 1e400",
            "out of range",
        ),
        (
            "[target]\naddress = 'h:1'\n[knee]\nstart = 10\nmost = 5",
            "more than most",
        ),
        (
            "[target]\naddress = 'h:1'\n[check]\nsettle = '1s'",
            "check.journal: is missing",
        ),
    ] {
        let problems = read(text).unwrap_err();
        assert!(
            problems.iter().any(|one| one.contains(part)),
            "{text}: {problems:#?}"
        );
    }
}

#[test]
fn a_plan_is_what_it_says() {
    let text = "[target]\naddress = '[::1]:25'\ntls = 'implicit'\ntls_versions = ['1.3']\n\
        [identities]\nfolder = 'pki'\n[evidence]\ncertificate = 3\nconflicting = 1\n\
        [content]\nsizes = 'lognormal'\nmedian = '4KiB'\n[session]\ntransfer = 'bdat'\n\
        [pace]\nloop = 'open'\nrate = 12.5\nduration = '1m30s'\n";
    let plan = read(text).unwrap();
    assert_eq!(plan.target.tls, TlsMode::Implicit);
    assert_eq!(plan.target.tls_versions, TlsVersions::Tls13);
    assert_eq!(
        plan.identities.folder.as_deref(),
        Some(Path::new("folder/pki"))
    );
    assert!((plan.evidence.certificate - 3.0).abs() < f64::EPSILON);
    assert!(matches!(
        plan.content,
        Content::Lognormal { median: 4_096, .. }
    ));
    assert_eq!(plan.session.transfer, Transfer::Bdat);
    assert!(matches!(plan.pace, Pace::Open { rate, .. } if (rate - 12.5).abs() < f64::EPSILON));
    assert!(matches!(plan.length, Length::Seconds(time) if time.as_secs() == 90));
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn evidence_that_nobody_chose_is_what_the_tenants_have() {
    let with = |text: &str| read(&format!("{TARGET}{text}")).unwrap().evidence;
    let none = EvidenceMix {
        certificate: 0.0,
        sender: 0.0,
        recipient: 0.0,
        unattributable: 0.0,
        conflicting: 0.0,
        untrusted: 0.0,
    };
    let sender = EvidenceMix {
        sender: 1.0,
        ..none
    };
    let certificate = EvidenceMix {
        certificate: 1.0,
        ..none
    };
    assert_eq!(with("[[tenant]]\nname = 'a'\ndomain = 'a.b'"), sender);
    assert_eq!(with("[identities]\nfolder = 'x'"), certificate);
}

#[test]
fn flags_go_over_the_file_and_problems_name_them() {
    let mut over = Overrides::default();
    over.set("--rate", "pace", "rate", &Value::from(7.0));
    over.set("--rate", "pace", "loop", &Value::from("open"));
    over.set("--identities", "identities", "folder", &Value::from("here"));
    let text = format!("{TARGET}[pace]\nrate = 1\n[identities]\nfolder = 'there'");
    let plan = read_with(&text, &over).unwrap();
    assert!(matches!(plan.pace, Pace::Open { rate, .. } if (rate - 7.0).abs() < f64::EPSILON));
    // A flag's path is where the command is, not where the plan is.
    assert_eq!(plan.identities.folder.as_deref(), Some(Path::new("here")));
    over.set("--size", "content", "size", &Value::from("big"));
    over.set("--set pace.colour", "pace", "colour", &Value::from(1));
    let problems = read_with(&text, &over).unwrap_err();
    assert!(
        problems
            .iter()
            .any(|one| one.starts_with("--size: content.size:")),
        "{problems:?}"
    );
    let colour = problems
        .iter()
        .any(|one| one.starts_with("--set pace.colour: pace.colour:"));
    assert!(colour, "{problems:?}");
}

#[test]
fn a_flag_goes_over_what_it_excludes_in_the_file() {
    let flag = |section: &str, key: &str, value: Value| {
        let mut over = Overrides::default();
        over.set("--flag", section, key, &value);
        over
    };
    let timed = format!("{TARGET}[pace]\nduration = '1m'\n");
    let plan = read_with(&timed, &flag("pace", "messages", Value::from(7))).unwrap();
    assert_eq!(plan.length, Length::Messages(7));
    let counted = format!("{TARGET}[pace]\nmessages = 5\n");
    let plan = read_with(&counted, &flag("pace", "duration", Value::from("2s"))).unwrap();
    assert!(matches!(plan.length, Length::Seconds(time) if time.as_secs() == 2));
    for content in ["sizes = 'uniform'", "sizes = 'lognormal'", "folder = 'x'"] {
        let text = format!("{TARGET}[content]\n{content}\n");
        let plan = read_with(&text, &flag("content", "size", Value::from("3KiB"))).unwrap();
        assert_eq!(plan.content, Content::Fixed { size: 3_072 }, "{content}");
        let plan = read_with(&text, &flag("content", "folder", Value::from("y"))).unwrap();
        assert!(matches!(plan.content, Content::Folder { .. }), "{content}");
    }
    // Two flags exclude one another as two lines do.
    let mut both = flag("pace", "messages", Value::from(7));
    both.set(
        "--set pace.duration",
        "pace",
        "duration",
        &Value::from("2s"),
    );
    assert!(read_with(TARGET, &both).unwrap_err()[0].contains("stands beside duration"));
}

#[test]
fn flags_that_say_one_key_twice_are_named() {
    let mut over = Overrides::default();
    over.set("--rate", "pace", "loop", &Value::from("open"));
    over.set("--set pace.loop", "pace", "loop", &Value::from("open"));
    assert!(read_with(TARGET, &over).is_ok());
    over.set("--set pace.loop", "pace", "loop", &Value::from("closed"));
    over.set("--set pace.seed", "pace", "seed", &Value::from(1));
    over.set("--set pace.seed", "pace", "seed", &Value::from(2));
    let problems = read_with(TARGET, &over).unwrap_err();
    assert_eq!(
        problems,
        [
            "--set pace.loop: pace.loop: is given by --rate already; what to do: write it once",
            "--set pace.seed: pace.seed: is given twice; what to do: write it once",
        ]
    );
}

#[test]
fn a_rate_makes_the_loop_open() {
    let pace = |text: &str| read(&format!("{TARGET}[pace]\n{text}\n")).unwrap().pace;
    assert!(matches!(
        pace("rate = 5"),
        Pace::Open {
            connections: 256,
            ..
        }
    ));
    assert!(matches!(
        pace("rate = 5\nloop = 'closed'"),
        Pace::Closed { .. }
    ));
    assert_eq!(pace(""), Pace::Closed { connections: 32 });
}

#[test]
fn no_text_makes_the_reader_panic() {
    let reference = include_str!("../../../../config/load.reference.toml");
    for cut in (0..reference.len()).step_by(13) {
        if let Some(part) = reference.get(..cut) {
            let _ = read(part);
        }
    }
    for (at, _) in reference.char_indices().step_by(29) {
        let (before, after) = reference.split_at(at);
        let _ = read(&format!("{before}\"\u{0}={after}"));
    }
}
