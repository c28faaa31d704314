"""What large messages cost in memory: sessions that stream at the same time, and the server's peak."""

from contextlib import closing

from .generator import Generator
from .scenarios import Scenario
from .setting import setting

SESSIONS = 100
SIZE = 100 * 1024 * 1024
# The others keep a message in files before they hand it on, and refuse this size as they are installed.
SERVERS = ("direct", "tenantry")
PATIENCE = 600


def measure_stream(kind, folder, pki, programs):
    """Sends one message over each of many connections at the same time, and gives the row."""
    scenario = Scenario("stream", "", tenants=10, connections=SESSIONS, size=SIZE, messages=SESSIONS, warm_up=0)
    with setting(kind, scenario, folder, pki, programs) as found, closing(Generator(programs, folder)) as generator:
        before = found.measured.peak_kib()
        result = generator.run(scenario, found.port, pki, PATIENCE, 1)
        after = found.measured.peak_kib()
    return {
        "server": kind.name,
        "scenario": "stream",
        "connections": SESSIONS,
        "octets": SIZE,
        "accepted": result["accepted"],
        "not_accepted": result["not_accepted"],
        "problems": result["problems"],
        "kib_before": before,
        "kib_peak": after,
    }
