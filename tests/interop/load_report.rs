//! The page of a load test in a real browser: it is drawn, in light and dark, without a complaint
//! and without asking for anything.
//!
//! `CHROMIUM` names another browser of its kind than Debian's; `TENANTRY_PICTURES` a folder in which
//! the pictures stay.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server;

const PLOTS: [&str; 8] = [
    "throughput-over-time",
    "latency-over-time",
    "levels-over-time",
    "latency-by-percentile",
    "replies",
    "tenants",
    "tenants-by-rank",
    "tenant-latency-by-rank",
];

/// Text that would be noticed if it were taken for markup.
const BAD: &str = "<script>console.error('run')</script><img src=\"http://192.0.2.1/x\">";

#[test]
fn the_page_of_a_run_is_drawn_by_a_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    let result = measured(folder.path());
    let page = page(folder.path(), &result);
    let seen = opened(folder.path(), &page, "run");
    expect_well(&seen);
    let title = &seen["themes"]["light"]["title"];
    assert!(
        title
            .as_str()
            .is_some_and(|title| title.starts_with("Load test of 127.0.0.1:"))
    );
}

#[test]
fn the_page_of_a_long_run_with_ten_thousand_hostile_tenants_is_small_and_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut result = measured(folder.path());
    let tenant = result["tenants"][0].clone();
    let tenants = (0..10_000).map(|index| {
        let mut tenant = tenant.clone();
        tenant["name"] = json!(format!("{BAD}{index}"));
        tenant["sent"] = json!(1_000_000 / (index + 1));
        tenant
    });
    result["tenants"] = tenants.collect();
    let point = result["timeline"]["points"][0].clone();
    let points = (0..3_600).map(|second| {
        let mut point = point.clone();
        point["at"] = json!(second);
        point
    });
    result["timeline"]["points"] = points.collect();
    result["plan"]["target"]["address"] = json!(BAD);
    result["errors"] = json!([{"kind": BAD, "count": 3, "text": BAD}]);
    let reply = json!({"at": "rcpt", "code": 550, "enhanced": BAD, "count": 7, "text": BAD});
    result["replies"] = json!([reply]);
    let page = page(folder.path(), &result);
    let size = fs::metadata(&page).expect("the page").len();
    assert!(size < 500_000, "{size} octets");
    let seen = opened(folder.path(), &page, "large");
    expect_well(&seen);
}

/// A short run against a sink of its own, with steps of everything the page shows.
fn measured(folder: &Path) -> Value {
    let pki = folder.join("pki");
    tenantry(&["pki", &path(&pki), "--tenants", "30"]);
    let mut sink = Command::new(server::program())
        .args(["load", "sink", "--json", "--pki", &path(&pki)])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the sink");
    let mut lines = std::io::BufReader::new(sink.stdout.take().expect("its output"));
    let mut first = String::new();
    std::io::BufRead::read_line(&mut lines, &mut first).expect("a line");
    let first: Value = serde_json::from_str(&first).expect("where it listens");
    let address = first["address"].as_str().expect("an address").to_owned();
    let result = folder.join("result.json");
    tenantry(&[
        "load",
        "run",
        "--quiet",
        "--target",
        &address,
        "--identities",
        &path(&pki),
        "--rate",
        "200",
        "--messages",
        "600",
        "--messages-per-connection",
        "5",
        "--set",
        "target.resumption=0.5",
        "--json",
        &path(&result),
    ]);
    sink.kill().expect("the sink ends");
    sink.wait().expect("the sink ends");
    let text = fs::read_to_string(&result).expect("a result");
    serde_json::from_str(&text).expect("JSON")
}

fn page(folder: &Path, result: &Value) -> PathBuf {
    let (json, html) = (folder.join("shown.json"), folder.join("shown.html"));
    fs::write(&json, result.to_string()).expect("the result is written");
    tenantry(&["load", "report", &path(&json), "--html", &path(&html)]);
    html
}

fn tenantry(arguments: &[&str]) {
    let done = Command::new(server::program())
        .args(arguments)
        .output()
        .expect("the program");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{arguments:?}: {told}");
}

fn opened(folder: &Path, page: &Path, name: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/browser.js");
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium-headless-shell".into());
    let pictures = match std::env::var_os("TENANTRY_PICTURES") {
        Some(kept) => PathBuf::from(kept).join(name),
        None => folder.join("pictures"),
    };
    let done = Command::new("node")
        .arg(script)
        .args([&browser, &path(page), &path(&pictures)])
        .output()
        .expect("node");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{told}");
    for theme in ["light", "dark"] {
        let picture = fs::read(pictures.join(format!("{theme}.png"))).expect("a picture");
        assert!(picture.starts_with(b"\x89PNG"), "{theme}");
    }
    serde_json::from_slice(&done.stdout).expect("what was seen")
}

fn expect_well(seen: &Value) {
    assert_eq!(seen["console"], json!([]), "{seen}");
    assert_eq!(seen["errors"], json!([]), "{seen}");
    let requests = seen["requests"].as_array().expect("requests");
    let foreign: Vec<_> = requests
        .iter()
        .filter(|url| url.as_str().is_none_or(|url| !url.ends_with("/shown.html")))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(requests.len(), 2, "the page itself, once for each theme");
    for theme in ["light", "dark"] {
        let look = &seen["themes"][theme];
        for name in PLOTS {
            let plot = &look["plots"][name];
            assert!(plot["marks"].as_u64() > Some(0), "{theme} {name}: {plot}");
            assert_eq!(plot["visible"], plot["marks"], "{theme} {name}: {plot}");
            assert_eq!(plot["outside"], 0, "{theme} {name}: {plot}");
            assert_eq!(plot["named"], true, "{theme} {name}: {plot}");
            assert!(
                plot["width"].as_f64() > Some(300.0),
                "{theme} {name}: {plot}"
            );
        }
        assert!(look["tables"].as_u64() >= Some(5), "{look}");
        assert_eq!(
            (&look["scripts"], &look["foreign"]),
            (&json!(0), &json!(0)),
            "{look}"
        );
        assert_eq!(look["wider"], false, "{look}");
    }
    let themes = &seen["themes"];
    for what in ["background", "ink"] {
        assert_ne!(themes["light"][what], themes["dark"][what], "{what}");
    }
    let stroke = |theme: &str| themes[theme]["plots"]["latency-over-time"]["stroke"].clone();
    assert_ne!(stroke("light"), stroke("dark"));
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
