//! Tenants out of a folder with a relay's configuration.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tenantry_load::plan::{Overrides, Plan};
use tenantry_load::run::Run;

use crate::bench::{Bench, run};

/// `[[tenant]]` of those with these indexes; `pki` leads to their certificates.
fn tenants(bench: &Bench, indexes: &[usize], pki: &str) -> String {
    let mut text = String::new();
    for index in indexes {
        let tenant = &bench.pki.tenants[*index];
        let (name, domain) = (&tenant.tenant, &tenant.domain);
        write!(
            text,
            "[[tenant]]\nname = '{name}'\ncertificate_domains = ['mail.{domain}']\nsender_domains = ['*.{domain}']\n\
             certificate = '{pki}/tenants/{name}.pem'\nkey = '{pki}/tenants/{name}.key'\n"
        )
        .unwrap();
    }
    text
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn plan(bench: &Bench, address: &str) -> Plan {
    let text = format!(
        "[target]\naddress = '{address}'\n[identities]\nfolder = 'relay'\n\
         [pace]\nconnections = 5\nmessages = 50\n"
    );
    let path = bench.path().join("plan.toml");
    Plan::read(&path, &text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn tenants_of_included_files_are_read_with_paths_from_where_they_stand() {
    let bench = Bench::new(5);
    let folder = bench.path().join("relay");
    let include = "include = ['tenants.d/*.toml', 'more/one.toml', '*.toml']\n";
    let main = format!("{include}{}", tenants(&bench, &[4], "../pki"));
    put(&folder, "relay.toml", &main);
    let of = |indexes: &[usize]| tenants(&bench, indexes, "../../pki");
    put(&folder, "tenants.d/b.toml", &of(&[1, 0]));
    put(&folder, "tenants.d/a.toml", &of(&[2]));
    put(&folder, "tenants.d/.hidden.toml", "this is no TOML");
    put(&folder, "tenants.d/old.toml~", "nor is this");
    put(&folder, "more/one.toml", &of(&[3]));
    let upstream = bench.upstream(bench.settings());
    let plan = plan(&bench, &upstream.address().to_string());
    let names = Run::prepare(plan.clone()).unwrap();
    let names: Vec<String> = names.tenants().map(str::to_owned).collect();
    let expected = [4, 2, 1, 0, 3].map(|index: usize| bench.pki.tenants[index].tenant.clone());
    assert_eq!(names, expected);
    let outcome = run(plan);
    assert_eq!(outcome.totals.accepted, 50, "{:?}", outcome.errors);
    assert!(outcome.tenants.iter().all(|row| row.accepted > 0));
}

#[test]
fn an_included_file_that_cannot_be_read_is_named() {
    let bench = Bench::new(1);
    let folder = bench.path().join("relay");
    put(
        &folder,
        "relay.toml",
        "include = ['absent.toml', 'bad.toml']\n",
    );
    put(&folder, "bad.toml", "[[tenant\n");
    let error = Run::prepare(plan(&bench, "127.0.0.1:25")).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("absent.toml"), "{error}");
    assert!(
        error.contains("bad.toml") && error.contains("TOML"),
        "{error}"
    );
}
