//! `tests/data/worlds/bad/NAME` has what somebody wrote and, in `expected.txt`, exactly what they
//! must be told. With `TENANTRY_BLESS=1` the texts are written instead of compared: read the
//! difference before committing it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenantry_lab::file::{Lab, Problem, Severity};

use crate::data;

#[test]
fn everything_that_is_wrong_with_a_world_is_told_at_once() {
    let mut folders: Vec<PathBuf> = fs::read_dir(data("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 20, "{} worlds", folders.len());
    let wrong: Vec<String> = folders
        .iter()
        .filter_map(|folder| mismatch(folder))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_problem_names_its_file_and_what_to_do() {
    for folder in fs::read_dir(data("bad")).unwrap() {
        for problem in problems(&folder.unwrap().path()) {
            assert!(problem.place.file.is_some(), "{problem}");
            let said = problem.to_string();
            assert!(
                !problem.remedy.is_empty() || said.contains("; "),
                "{problem}"
            );
        }
    }
}

#[test]
fn what_microsoft_allows_is_no_error() {
    let lab = Lab::load(&data("bad/what_microsoft_allows")).unwrap();
    assert_eq!(lab.world.tenants.len(), 3);
    let notices = lab.notices.iter();
    assert!(notices.clone().count() >= 8);
    assert!(
        notices
            .into_iter()
            .all(|notice| notice.severity == Severity::Notice)
    );
}

/// A world of one tenant, `A`, that a test spoils.
fn tenant_folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let tenant = folder.path().join("A");
    fs::create_dir(&tenant).unwrap();
    fs::write(tenant.join("tenant.toml"), "region = \"EUR\"").unwrap();
    (folder, tenant)
}

fn told(folder: &Path) -> String {
    let problems = problems(folder).into_iter();
    let lines: Vec<String> = problems.map(|problem| problem.to_string()).collect();
    lines.join("\n")
}

#[test]
fn what_is_there_and_cannot_be_read_is_told() {
    let (folder, tenant) = tenant_folder();
    symlink("nowhere", tenant.join("connectors.json")).unwrap();
    let said = told(folder.path());
    assert!(
        said.contains("A/connectors.json: cannot be read: "),
        "{said}"
    );
    let (folder, _tenant) = tenant_folder();
    let other = folder.path().join("B");
    fs::create_dir(&other).unwrap();
    symlink("tenant.toml", other.join("tenant.toml")).unwrap();
    let said = told(folder.path());
    assert!(said.contains("B/tenant.toml: cannot be read: "), "{said}");
    assert!(said.contains("; what to do: "), "{said}");
}

#[test]
fn hidden_files_are_nobody_s_exports() {
    let (folder, tenant) = tenant_folder();
    fs::write(tenant.join("._domains.json"), b"\0\x05\x16\x07").unwrap();
    fs::write(tenant.join(".domains.json"), "[").unwrap();
    let lab = Lab::load(folder.path()).unwrap();
    let said = lab.notices.iter().map(ToString::to_string);
    assert!(
        said.clone().all(|said| !said.contains("json")),
        "{:?}",
        said.collect::<Vec<_>>()
    );
}

#[test]
fn a_world_file_by_itself_says_which_tenants_it_leaves_out() {
    let (folder, _tenant) = tenant_folder();
    let file = folder.path().join("world.toml");
    let world = "[[tenant]]\nname = \"hand\"\nregion = \"EUR\"\n";
    fs::write(&file, world).unwrap();
    let notice = "the tenant in \"A\" is left out; what to do: give the folder";
    assert!(told(&file).contains(notice), "{}", told(&file));
    assert!(!told(folder.path()).contains("left out"));
    fs::write(&file, format!("tenant_folders = [\"A\"]\n{world}")).unwrap();
    assert!(!told(&file).contains("left out"), "{}", told(&file));
}

#[test]
fn of_countless_problems_of_a_file_the_first_are_told_and_their_number() {
    let (folder, tenant) = tenant_folder();
    fs::write(
        tenant.join("notes.json"),
        format!("[{}7]", "7,".repeat(499)),
    )
    .unwrap();
    let lab = Lab::load(folder.path()).unwrap();
    let notes = |problems: &[Problem]| -> Vec<String> {
        let all = problems.iter().map(ToString::to_string);
        all.filter(|told| told.contains("notes.json")).collect()
    };
    let told = notes(&lab.notices);
    assert_eq!(told.len(), 101);
    assert!(
        told[100]
            .ends_with("notes.json: notice: and 400 more notices; what to do: look at those first"),
        "{}",
        told[100]
    );
    // Errors are told besides: notices do not crowd them out.
    fs::write(
        tenant.join("notes.json"),
        format!(
            "[{}{{\"DomainName\": 7}}]",
            "7,{\"DomainName\": 7},".repeat(499)
        ),
    )
    .unwrap();
    let problems = Lab::load(folder.path()).unwrap_err();
    let problems: Vec<Problem> = problems.iter().cloned().collect();
    let told = notes(&problems);
    assert_eq!(told.len(), 202);
    assert!(
        told[200].ends_with("notes.json: and 400 more problems; what to do: correct those first"),
        "{}",
        told[200]
    );
    assert!(told[201].contains("and 399 more notices"), "{}", told[201]);
}

#[test]
fn a_world_that_is_not_there_is_told_as_such() {
    let nowhere = data("nowhere.toml");
    let told = Lab::load(&nowhere).unwrap_err().to_string();
    assert!(
        told.contains("nowhere.toml: cannot be read: no such file"),
        "{told}"
    );
}

fn problems(folder: &Path) -> Vec<Problem> {
    match Lab::load(folder) {
        Ok(lab) => lab.notices,
        Err(problems) => problems.iter().cloned().collect(),
    }
}

/// What is wrong with what is told; nothing if it is as expected.
fn mismatch(folder: &Path) -> Option<String> {
    let place = format!("{}/", folder.display());
    let told: String = problems(folder)
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect();
    let told = told
        .replace(&place, "")
        .replace(place.trim_end_matches('/'), ".");
    let file = folder.join("expected.txt");
    if std::env::var_os("TENANTRY_BLESS").is_some() {
        fs::write(&file, &told).unwrap();
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    let name = folder.file_name().unwrap().to_string_lossy();
    (told != expected).then(|| format!("{name}\n-- expected\n{expected}-- told\n{told}"))
}
