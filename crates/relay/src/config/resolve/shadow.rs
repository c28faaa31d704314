//! The configuration that decides beside another one: read and checked like any, and told apart by its file.

use std::time::SystemTime;

use super::super::include;
use super::super::problem::{Problem, Severity};
use super::super::tree::Setting;
use super::super::values::RelativePath;
use super::super::{Config, Listener, Role};

/// Loads the shadow; its problems are problems of the configuration that names it.
pub(super) fn resolve(
    setting: &Setting<RelativePath>,
    role: Role,
    listeners: &[Listener],
    now: SystemTime,
    problems: &mut Vec<Problem>,
) -> Option<Box<Config>> {
    if role == Role::Shadow {
        let what = "is a key of the configuration that acts, and this one is a shadow itself";
        let remedy = "remove the line, or name another file as the shadow";
        problems.push(setting.at.error(KEY, what, remedy));
        return None;
    }
    let path = setting.path();
    let mut found = Vec::new();
    let files = include::read(&path, &setting.at, KEY, &mut found);
    match super::resolve(&path, files, now, Role::Shadow, found) {
        Ok(mut shadow) => {
            problems.append(&mut shadow.warnings);
            for listener in listeners {
                if !shadow
                    .listeners
                    .iter()
                    .any(|other| other.name == listener.name)
                {
                    let what = format!("has no listener called \"{}\"", listener.name);
                    let remedy = "nothing, if its clients' certificates are to be judged as they are now; else add it";
                    problems.push(setting.at.warning(KEY, what, remedy));
                }
            }
            Some(Box::new(shadow))
        }
        Err(shadows) => {
            let errors = shadows.iter().filter(|problem| problem.is_error()).count();
            problems.extend(shadows.iter().cloned());
            // A file that cannot be read is told at this very line.
            let told =
                |problem: &Problem| problem.severity == Severity::Error && problem.key == KEY;
            if !shadows.iter().any(told) {
                let plural = if errors == 1 { "" } else { "s" };
                let what = format!("has {errors} error{plural}");
                let remedy = "correct that file, or remove the line";
                problems.push(setting.at.error(KEY, what, remedy));
            }
            None
        }
    }
}

const KEY: &str = "shadow";
