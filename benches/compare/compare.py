#!/usr/bin/env python3
"""Tenantry, Postfix, Exim and Haraka doing the same job on this machine, in turns.

  sudo benches/compare/compare.py            everything: about 25 minutes, results and tables
  sudo benches/compare/compare.py --quick    one short round, to see that it works
  benches/compare/compare.py --print FILE    the tables of results that are there

It needs root on Debian: Postfix and Exim start only as root. What is missing is installed by
tests/run.sh; everything else happens in a folder below target/. Every process that it starts is
ended by its id.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Nothing is left in the checkout.
sys.dont_write_bytecode = True

from harness import idle, machine, measure, scenarios, servers, stream, table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
README = HERE / "README.md"
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def arguments():
    """The command line."""
    names = [scenario.name for scenario in scenarios.SCENARIOS] + ["idle", "stream"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=positive, metavar="N", default=3, help="rounds, each with every server in turn (3)")
    parser.add_argument("--seconds", type=positive, metavar="N", default=4, help="measured seconds of one run (4)")
    parser.add_argument("--servers", type=listed(servers.SERVERS), default=list(servers.SERVERS), metavar="NAME,...")
    parser.add_argument("--scenarios", type=listed(names), default=names, metavar="NAME,...")
    parser.add_argument("--quick", action="store_true", help="one round of 2 seconds each")
    parser.add_argument("--out", type=Path, default=TARGET / "compare/results.json", help="where results go")
    parser.add_argument("--readme", action="store_true", help="keep the results, and put the tables into README.md")
    parser.add_argument("--print", type=kept, metavar="FILE", help="only print the tables of results")
    parser.add_argument("--no-build", action="store_true", help="everything is built and installed already")
    return parser.parse_args()


def positive(text):
    """Reads a number from 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def kept(path):
    """Reads results that were kept."""
    try:
        results = json.loads(Path(path).read_text())
        document(results)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"{path} has no results of a comparison: {error!r}") from None
    return results


def listed(known):
    """Reads names out of those that are known."""

    def read(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return read


def prepare(wanted):
    """Builds and installs what is needed, and says where it is."""
    if not wanted.no_build:
        subprocess.run([ROOT / "tests/run.sh", "peers"], check=True)
        build = ["cargo", "build", "--release", "--locked", "-p", "tenantry"]
        subprocess.run(build, check=True, cwd=ROOT)
    return {
        "tenantry": TARGET / "release/tenantry",
        "exim": TARGET / "tools/exim/usr/sbin/exim4",
        "haraka": TARGET / "compare/haraka/node_modules/Haraka/bin/haraka",
        "node": shutil.which("node"),
    }


def fingerprint(path):
    """SHA-256 of a certificate, as Postfix and Haraka write it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def certificates(folder, programs):
    """A throw-away authority with a thousand tenants."""
    pki = folder / "pki"
    command = [programs["tenantry"], "pki", pki, "--tenants", "1000"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = [*(pki / "tenants").glob("*.pem"), pki / "client.pem"]
    programs["fingerprints"] = {path.stem: fingerprint(path) for path in found}
    return pki


def run(wanted, programs, folder):
    """All runs, in rounds with every server in turn."""
    pki = certificates(folder, programs)
    chosen = [scenario for scenario in scenarios.SCENARIOS if scenario.name in wanted.scenarios]
    rows = []
    for number in range(1, wanted.rounds + 1):
        for scenario in chosen:
            for name in wanted.servers:
                if name == "direct" and scenario.evidence == "sender":
                    continue
                kind = servers.SERVERS[name]
                place = folder / f"{number}-{scenario.name}-{name}"
                row = measure.measure(kind, scenario, wanted.seconds, number, place, pki, programs)
                rows.append({"round": number, **row})
                tell(rows[-1])
    if "idle" in wanted.scenarios:
        for name in wanted.servers:
            row = idle.measure_idle(servers.SERVERS[name], folder / f"idle-{name}", pki, programs)
            rows.append({"round": 1, **row})
            print(f"idle {name}: {row['kib_per_connection']} KiB each", flush=True)
    if "stream" in wanted.scenarios:
        for name in (name for name in stream.SERVERS if name in wanted.servers):
            row = stream.measure_stream(servers.SERVERS[name], folder / f"stream-{name}", pki, programs)
            rows.append({"round": 1, **row})
            print(f"stream {name}: {row['kib_before']} KiB before, {row['kib_peak']} KiB at most", flush=True)
    return rows


def tell(row):
    """One line of progress."""
    cost, rate = row["cpu_us_per_message"], row["messages_per_second"]
    print(
        f"{row['round']} {row['scenario']} {row['server']}: {cost} us, {rate}/s, "
        f"p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms, wrong {row['wrong_certificate']}, "
        f"not accepted {row['not_accepted']}",
        flush=True,
    )
    for problem in row.get("problems", []):
        print(f"    {problem}", flush=True)


def document(results):
    """What stands in the README: machine, tables, how it was asked for."""
    asked = results["asked"]
    return (
        f"{machine.words(results['machine'])}\n"
        f"{asked['rounds']} rounds of {asked['seconds']} measured seconds each, "
        "median (smallest-largest); times are CPU time in medians.\n\n"
        f"{table.tables(results['rows'])}"
    )


def keep(results):
    """Puts results beside the README and their tables into it."""
    kept = HERE / "results" / f"{results['date']}.json"
    write(kept, results)
    text = README.read_text()
    begin, end = (text.index(mark) for mark in MARKS)
    text = f"{text[:begin]}{MARKS[0]}\n\nRaw results: [results/{kept.name}](results/{kept.name}).\n{document(results)}\n{text[end:]}"
    README.write_text(text)


def write(path, results):
    """One row a line, so that results stay small and readable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {key: value for key, value in results.items() if key != "rows"}
    rows = ",\n".join(json.dumps(row) for row in results["rows"])
    path.write_text(f"{json.dumps(head, indent=1)[:-2]},\n \"rows\": [\n{rows}\n]}}\n")


def workplace():
    """A folder below target/, or one in /tmp where the servers' own users cannot get there."""
    below = TARGET / "compare"
    below.mkdir(parents=True, exist_ok=True)
    parent = below if servers.reachable(below) else None
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    # Postfix and Exim work as users of their own; the keys stay readable by their owners alone.
    folder.chmod(0o711)
    return folder


def ended(*_):
    """SIGTERM ends as an interrupt does, so that everything is stopped."""
    raise KeyboardInterrupt


def main():
    """Does what was asked for."""
    wanted = arguments()
    if wanted.print:
        print(document(wanted.print))
        return 0
    if os.geteuid() != 0:
        print("Postfix and Exim start only as root: run this as root", file=sys.stderr)
        return 77
    if wanted.quick:
        wanted.rounds, wanted.seconds = 1, 2
    # Before everything is measured, not after it.
    try:
        wanted.out.parent.mkdir(parents=True, exist_ok=True)
        wanted.out.open("a").close()
    except OSError as error:
        print(f"cannot write {wanted.out}: {error.strerror}", file=sys.stderr)
        return 73
    signal.signal(signal.SIGTERM, ended)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    programs = prepare(wanted)
    folder = workplace()
    try:
        rows = run(wanted, programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.machine(programs),
        "asked": {"rounds": wanted.rounds, "seconds": wanted.seconds},
        "rows": rows,
    }
    write(wanted.out, results)
    if wanted.readme:
        keep(results)
    print(f"\n{document(results)}\nresults: {wanted.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
