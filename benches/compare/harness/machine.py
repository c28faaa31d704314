"""What a measurement ran on, in general terms."""

import os
import platform
import re
import subprocess
from pathlib import Path


def said(command, pattern=r"(\S.*)"):
    """The first match in what a program says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1).strip() if found else None


def machine(programs):
    """Processors, memory, system, and the version of every program."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    return {
        "processors": os.cpu_count(),
        "processor": model.group(1) if model else platform.machine(),
        "memory_gib": round(int(memory.group(1)) / 1024**2) if memory else None,
        "system": system.group(1) if system else platform.system(),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "versions": {
            "tenantry": said([programs["tenantry"], "--version"], r"tenantry (\S+)"),
            "postfix": said(["postconf", "-h", "mail_version"]),
            "exim": said([programs["exim"], "-C", "/dev/null", "-bV"], r"Exim version (\S+)"),
            "haraka": said([programs["node"], programs["haraka"], "-v"], r"(\d+\.\d+\.\d+)"),
            "node": said([programs["node"], "--version"], r"v(\S+)"),
            "openssl": said(["openssl", "version"], r"OpenSSL (\S+)"),
        },
    }


def words(found):
    """The same in one sentence for the README."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    return (
        f"{found['processors']} processors ({found['processor']}), {found['memory_gib']} GiB of memory, "
        f"{found['system']}, Linux {found['kernel']}; {versions}."
    )
