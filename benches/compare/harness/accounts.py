"""What processes cost: CPU time and memory of a group of processes, children that have ended too.

Mail servers that work with many short processes can only be measured exactly by the kernel's own
account of a control group: every process that a server starts is in it from its first instruction
to its last. Version 2 (cpu.stat, microseconds) and version 1 (cpuacct.usage, nanoseconds) are both
exact; neither needs a controller to be delegated. Where no group can be made, the processes below
the server's first one are added up from /proc with their reaped children, in ticks of 10 ms.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Group:
    """A control group of our own, or the process tree that stands in for it."""

    def __init__(self, name):
        self.name = f"tenantry-compare-{os.getpid()}-{name}"
        self.usage = None
        self.folder = None
        self.roots = []
        for parent, usage in _hierarchies():
            folder = parent / self.name
            try:
                folder.mkdir()
            except OSError:
                continue
            self.folder = folder
            self.usage = usage
            break

    @property
    def method(self):
        """How CPU time is measured, for the record."""
        return {None: "proc", "cpu.stat": "cgroup v2", "cpuacct.usage": "cgroup v1"}[self.usage]

    def start(self, command, **options):
        """Starts a process in the group."""
        if self.folder is not None:
            enter = 'echo $$ > "$0" && exec "$@"'
            command = ["sh", "-c", enter, str(self.folder / "cgroup.procs"), *command]
        process = subprocess.Popen([str(part) for part in command], **options)
        self.roots.append(process.pid)
        return process

    def run(self, command, **options):
        """Runs a process in the group that must succeed."""
        process = self.start(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )
        told, _ = process.communicate(timeout=60)
        if process.returncode != 0:
            raise RuntimeError(f"{command} ended with {process.returncode}: {told.decode(errors='replace')}")

    def cpu_us(self):
        """CPU time so far, microseconds."""
        if self.usage == "cpu.stat":
            for line in (self.folder / "cpu.stat").read_text().splitlines():
                key, value = line.split()
                if key == "usage_usec":
                    return int(value)
            raise RuntimeError(f"{self.folder}/cpu.stat has no usage_usec")
        if self.usage == "cpuacct.usage":
            return int((self.folder / "cpuacct.usage").read_text()) / 1000
        return sum(_ticks(pid) for pid in self.pids()) * 1_000_000 / TICK

    def pids(self):
        """The processes that run now."""
        if self.folder is not None:
            return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]
        return _tree(self.roots)

    def memory_kib(self):
        """Memory of all processes, shared pages divided among those that share them (PSS)."""
        return sum(_pss(pid) for pid in self.pids())

    def peak_kib(self):
        """The most memory that each process has had resident at one time, added up."""
        return sum(_peak(pid) for pid in self.pids())

    def close(self):
        """Ends, by their ids, whatever still runs, and removes the group."""
        for way, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
            pids = self.pids()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, way)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + patience
            while self.pids() and time.monotonic() < end:
                time.sleep(0.05)
        if self.folder is not None:
            for _ in range(50):
                try:
                    self.folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)
            self.folder = None


def _hierarchies():
    """Folders in which a group can be made, with the file that tells its CPU time."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own[controllers] = path
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        mount = Path(left.split()[4])
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            yield _below(mount, own.get("", "/")), "cpu.stat"
        elif kind == "cgroup" and "cpuacct" in options.split(","):
            names = [name for name in own if "cpuacct" in name.split(",")]
            yield _below(mount, own[names[0]] if names else "/"), "cpuacct.usage"


def _below(mount, path):
    folder = mount / path.lstrip("/")
    return folder if folder.is_dir() else mount


def _stat(pid):
    """The fields of /proc/PID/stat behind the name, which may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def _ticks(pid):
    try:
        fields = _stat(pid)
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])


def _tree(roots):
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(entry.name)[1])
            except OSError:
                continue
    found = {pid for pid in roots if pid in parents}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found)
        found |= more


def _pss(pid):
    return _kib(f"/proc/{pid}/smaps_rollup", "Pss:")


def _peak(pid):
    return _kib(f"/proc/{pid}/status", "VmHWM:")


def _kib(path, key):
    """A line of an account of /proc in KiB; nothing when its process has ended."""
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
