"""One run: a sink, a server, the generator, and what each of them cost."""

import shutil
import time
from contextlib import closing

from .generator import Generator
from .sampler import Sampler, at
from .setting import setting
from .sink import wrong

DRAIN = 120


def measure(kind, scenario, seconds, seed, folder, pki, programs):
    """Runs a scenario against a server and gives the row."""
    with setting(kind, scenario, folder, pki, programs) as found, closing(Generator(programs, folder)) as generator:
        groups = {"server": found.measured, "sink": found.sink.group, "generator": generator.group}
        sampler = Sampler(groups)
        result = generator.run(scenario, found.port, pki, seconds, seed)
        drained = drain(found.server, found.sink)
        sampler.stop()
        method = found.measured.method
        log = found.server.tail()
    shutil.rmtree(folder, ignore_errors=True)
    # The sink has had its last word.
    return row(kind, scenario, result, sampler, found.sink, drained, method, log)


def drain(server, sink):
    """Waits until a server with a queue has delivered what it has accepted, and gives the moment of
    the last delivery."""
    if not server.queues:
        return 0
    end = time.monotonic() + DRAIN
    while server.queued() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(0.2)
    last = sink.messages
    return next(moment for moment, messages in sink.history if messages == last)


def row(kind, scenario, result, sampler, sink, drained, method, log):
    """What was measured. CPU time and deliveries are those between the end of the warm-up and the
    end of the window; of a server with a queue, until its last delivery. What such a server has
    accepted before the window and delivers in it counts as a whole message, in its favour."""
    begin = result["from_ms"]
    end = max(drained, result["to_ms"])
    delivered = at(sink.history, end) - at(sink.history, begin)

    def each(name):
        return round(sampler.used_us(name, begin, end) / delivered, 1) if delivered > 0 else None

    found = {
        "server": kind.name,
        "scenario": scenario.name,
        "cpu_us_per_message": each("server"),
        "messages_per_second": round(result["accepted"] * 1000 / (result["to_ms"] - begin), 1),
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
        "accepted": result["accepted"],
        "not_accepted": result["not_accepted"],
        "delivered_in_all": sink.last["messages"],
        "wrong_certificate": wrong(sink.last["tally"]),
        "generator_cpu_us_per_message": each("generator"),
        "upstream_cpu_us_per_message": each("sink"),
        "client_handshakes": {"full": result["tls_full"], "resumed": result["tls_resumed"]},
        "upstream_handshakes": {
            "full": sink.last["handshakes"] - sink.last["resumed"],
            "resumed": sink.last["resumed"],
        },
        "cpu_by": method,
    }
    if kind.queues:
        found["drained_after_ms"] = round(max(0, drained - result["to_ms"]))
    if result["not_accepted"]:
        found["problems"] = result["problems"]
        found["log"] = log[-2000:]
    return found
