"""The upstream of every server: `tenantry load sink` as a process of its own."""

import json
import subprocess
import threading

from .accounts import Group


class Sink:
    """A running sink. What it has taken is known every 50 ms."""

    def __init__(self, program, pki):
        self.group = Group("sink")
        self.history = []
        self.last = None
        self.process = self.group.start(
            [program, "load", "sink", "--pki", pki, "--tally", "sender", "--json", "--every", "50ms"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            self.group.close()
            raise RuntimeError(f"the sink ended with {self.process.wait()}")
        first = json.loads(line)
        self.port = int(first["address"].rsplit(":", 1)[1])
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.history.append((event["at_ms"], event["messages"]))
            self.last = event

    @property
    def messages(self):
        """How many messages it has taken."""
        return self.history[-1][1] if self.history else 0

    def stop(self):
        """Ends it and gives its last word: totals and tally."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)
        self.reader.join(timeout=30)
        self.group.close()
        return self.last


def wrong(tally):
    """Messages that came under another certificate than that of their sender's domain."""
    return sum(row["messages"] for row in tally if f"mail.{row['domain']}" not in row["names"])
