"""The load: `tenantry load run` as a process of its own, with one plan for every server."""

import json
import subprocess
from datetime import datetime
from pathlib import Path

from .accounts import Group

PLAN = """\
[target]
address = "127.0.0.1:{port}"
tls = "starttls"
trust = ["{pki}/authority.pem"]
server_name = "localhost"
resumption = {resumption}

[identities]
folder = "{pki}"
limit = {tenants}
peer_certificate = "{pki}/client.pem"
peer_key = "{pki}/client.key"

[evidence]
{evidence} = 1

[envelope]
sender = "{{id}}@{{domain}}"

[content]
size = "{size}"

[session]
messages_per_connection = {messages}
reply_timeout = "60s"

[pace]
{pace}
warm_up = "{warm_up}s"
drain = "60s"
seed = {seed}
"""


class Generator:
    """Runs one plan, and says what came of it."""

    def __init__(self, programs, folder):
        self.program = programs["tenantry"]
        self.folder = Path(folder)
        self.group = Group("generator")

    def close(self):
        """Ends it."""
        self.group.close()

    def run(self, scenario, port, pki, seconds, seed):
        """Sends, and gives the measured window in wall-clock milliseconds with its counts."""
        pace = f"connections = {scenario.connections}"
        if scenario.rate:
            pace += f'\nloop = "open"\nrate = {scenario.rate}'
        pace += f"\nmessages = {scenario.messages}" if scenario.messages else f'\nduration = "{seconds}s"'
        plan = self.folder / "plan.toml"
        plan.write_text(
            PLAN.format(
                port=port,
                pki=pki,
                resumption=0.0 if scenario.connections_are == "full" else 1.0,
                tenants=scenario.tenants,
                evidence=scenario.evidence,
                size=f"{scenario.size // 1024}KiB",
                messages=0 if scenario.connections_are == "lasting" else 1,
                pace=pace,
                warm_up=scenario.warm_up,
                seed=seed,
            )
        )
        written = self.folder / "result.json"
        process = self.group.start(
            [self.program, "load", "run", plan, "--json", written, "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told, _ = process.communicate(timeout=scenario.warm_up + seconds + 180)
        if not written.is_file():
            raise RuntimeError(f"the generator ended with {process.returncode}: {told}")
        return outcome(json.loads(written.read_text()))


def outcome(result):
    """The few numbers of a result that are compared."""
    totals = result["totals"]
    started = datetime.fromisoformat(result["started"].replace("Z", "+00:00")).timestamp() * 1000
    begin = started + result["timeline"]["measured_from"] * 1000
    latency = {row["phase"]: row["histogram"] for row in result["phases"]}.get("latency", {"p50": 0, "p99": 0})
    problems = [f"{row['count']} x {row['code']} {row['text']}" for row in result["replies"] if row["code"] >= 400]
    problems += [f"{row['count']} x {row['kind']}: {row['text']}" for row in result["errors"]]
    return {
        "from_ms": begin,
        "to_ms": begin + totals["seconds"] * 1000,
        "accepted": totals["accepted"],
        "not_accepted": totals["refused"] + totals["deferred"] + totals["failed"],
        "problems": problems[:5],
        "p50_ms": latency["p50"] / 1000,
        "p99_ms": latency["p99"] / 1000,
        "tls_full": totals["tls_full"],
        "tls_resumed": totals["tls_resumed"],
    }
