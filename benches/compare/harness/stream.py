"""What large messages cost in memory: sessions that stream at the same time, and the server's peak."""

from .generator import Generator
from .measure import job
from .scenarios import Scenario
from .servers import Direct
from .sink import Sink

SESSIONS = 100
SIZE = 100 * 1024 * 1024
# The others keep a message in files before they hand it on, and refuse this size as they are installed.
SERVERS = ("direct", "tenantry")
PATIENCE = 600


def measure_stream(kind, folder, pki, programs):
    """Sends one message over each of many connections at the same time, and gives the row."""
    scenario = Scenario("stream", "", tenants=10, connections=SESSIONS, size=SIZE, messages=SESSIONS, warm_up=0)
    folder.mkdir(parents=True)
    sink = Sink(programs["tenantry"], pki)
    server = generator = None
    try:
        server = kind(job(folder, pki, scenario, sink, programs))
        port = server.start()
        group = sink.group if kind is Direct else server.group
        generator = Generator(programs, folder)
        before = group.peak_kib()
        result = generator.run(scenario, port, pki, PATIENCE, 1)
        after = group.peak_kib()
    finally:
        for part in (generator and generator.group.close, server and server.stop, sink.stop):
            if part:
                part()
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
