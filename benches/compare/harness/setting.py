"""What every measurement needs: an upstream, and the server in front of it."""

from contextlib import contextmanager
from dataclasses import dataclass

from .accounts import Group
from .servers import Direct, Job, Server
from .sink import Sink


@dataclass
class Setting:
    """A sink and a server that answer."""

    sink: Sink
    server: Server
    port: int
    # Whose cost is measured: the server's, or the sink's where there is no server.
    measured: Group


@contextmanager
def setting(kind, scenario, folder, pki, programs):
    """Starts both in a folder of their own, and ends them whatever happens."""
    folder.mkdir(parents=True)
    sink = Sink(programs["tenantry"], pki)
    server = None
    try:
        server = kind(job(folder, pki, scenario, sink, programs))
        port = server.start()
        yield Setting(sink, server, port, sink.group if kind is Direct else server.group)
    finally:
        if server:
            server.stop()
        sink.stop()


def job(folder, pki, scenario, sink, programs):
    """What the server is started for."""
    return Job(
        folder=folder / "server",
        pki=pki,
        tenants=[f"tenant-{number:04}" for number in range(1, scenario.tenants + 1)],
        evidence=scenario.evidence,
        upstream_port=sink.port,
        connections=scenario.connections,
        programs=programs,
    )
