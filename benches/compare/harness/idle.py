"""What a TLS session that does nothing costs: memory of the server's processes."""

import socket
import ssl
import time

from .scenarios import Scenario
from .setting import setting

# As many as say something about each: servers with a process for each connection need fewer.
CONNECTIONS = {"direct": 10_000, "tenantry": 10_000, "haraka": 2_000, "exim": 400, "postfix": 400}
PATIENCE = 60


def measure_idle(kind, folder, pki, programs):
    """Opens sessions up to the EHLO inside TLS, and gives the row."""
    many = CONNECTIONS[kind.name]
    scenario = Scenario("idle", "", tenants=10, connections=many)
    clients = []
    print(f"idle {kind.name}: {many} connections", flush=True)
    with setting(kind, scenario, folder, pki, programs) as found:
        context = ssl.create_default_context(cafile=str(pki / "authority.pem"))
        context.load_cert_chain(str(pki / "tenants/tenant-0001.pem"), str(pki / "tenants/tenant-0001.key"))
        try:
            # The first few bring what every later one shares.
            clients += [session(found.port, context) for _ in range(10)]
            before = settled(found.measured)
            clients += [session(found.port, context) for _ in range(many)]
            after = settled(found.measured)
        finally:
            for client in clients:
                client.close()
    return {
        "server": kind.name,
        "scenario": "idle",
        "connections": many,
        "kib_before": before,
        "kib_after": after,
        "kib_per_connection": round((after - before) / many, 1),
    }


def session(port, context):
    """A client that has said EHLO inside TLS."""
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    reply(client)
    ask(client, b"EHLO client.example\r\n")
    ask(client, b"STARTTLS\r\n")
    client = context.wrap_socket(client, server_hostname="localhost")
    ask(client, b"EHLO client.example\r\n")
    return client


def ask(client, line):
    """Sends a command and reads its reply."""
    client.sendall(line)
    reply(client)


def reply(client):
    """Reads one reply."""
    text = b""
    while True:
        octets = client.recv(4096)
        if not octets:
            raise RuntimeError(f"closed after {text!r}")
        text += octets
        last = text.rstrip(b"\r\n").rsplit(b"\r\n", 1)[-1]
        if text.endswith(b"\r\n") and last[3:4] == b" ":
            if last[:1] != b"2":
                raise RuntimeError(f"answered {text!r}")
            return


def settled(group):
    """Memory once it does not change any more."""
    last = group.memory_kib()
    for _ in range(20):
        time.sleep(0.5)
        now = group.memory_kib()
        if abs(now - last) <= max(64, last // 500):
            return now
        last = now
    return last
