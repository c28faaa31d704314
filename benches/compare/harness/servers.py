"""The servers that are compared: how each is configured, started and stopped.

All of them do the same job: STARTTLS in with client certificates asked for, the tenant by the
client's certificate or by the sender's domain, STARTTLS out to one upstream, verified, with that
tenant's own certificate.
"""

import json
import os
import shutil
import socket
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .accounts import Group

HERE = Path(__file__).resolve().parent.parent
PATIENCE = 30


@dataclass
class Job:
    """What a server is started for."""

    folder: Path
    pki: Path
    tenants: list
    evidence: str
    upstream_port: int
    connections: int
    programs: dict


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def filled(template, **values):
    """A template's text with @NAME@ filled in."""
    text = (HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class Server:
    """A server under test. `start` comes back when it answers."""

    name = ""
    title = ""
    queues = False

    def __init__(self, job):
        self.job = job
        self.port = free_port()
        self.group = Group(self.name)
        self.process = None

    def start(self):
        """Writes the configuration and starts."""
        self.job.folder.mkdir(parents=True)
        try:
            self.configure()
            self.launch()
            self.wait()
            self.rest()
        except BaseException:
            self.stop()
            raise
        return self.port

    def configure(self):
        """Writes the configuration."""

    def launch(self):
        """Starts the first process."""

    def wait(self):
        """Until it greets."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as client:
                    if client.recv(3) == b"220":
                        return
            except OSError:
                pass
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} does not answer: {self.tail()}")
            time.sleep(0.05)

    def rest(self):
        """Until its start costs nothing any more: workers may still load when the first one greets."""
        end = time.monotonic() + PATIENCE
        used = self.group.cpu_us()
        while time.monotonic() < end:
            time.sleep(0.3)
            before, used = used, self.group.cpu_us()
            if used - before < 15_000:
                return

    def stop(self):
        """Ends every process of it."""
        self.group.close()
        if self.process is not None:
            self.process.wait(timeout=PATIENCE)

    def log(self):
        """Where it logs."""
        return self.job.folder / "log"

    def tail(self):
        """The end of its log."""
        path = self.log()
        if not path.is_file():
            return "it logged nothing"
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:])

    def put(self, name, text, mode=0o644):
        """Writes a file below its folder."""
        path = self.job.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def spawn(self, command, **options):
        """Starts its first process with its log as output."""
        with self.log().open("ab") as log:
            self.process = self.group.start(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
            )


class Direct(Server):
    """No relay at all: the upstream's own cost."""

    name = "direct"
    title = "no relay"

    def start(self):
        return self.job.upstream_port


class Tenantry(Server):
    """The relay, as it is by default."""

    name = "tenantry"
    title = "Tenantry, cut-through"

    def configure(self):
        self.put("relay.toml", filled("tenantry/relay.toml", PORT=self.port, PKI=self.job.pki))
        tenants = []
        for tenant in self.job.tenants:
            owns = {
                "certificate": f'certificate_domains = ["mail.{tenant}.example"]',
                "sender": f'sender_domains = ["{tenant}.example"]',
            }[self.job.evidence]
            tenants.append(
                f'[[tenant]]\nname = "{tenant}"\n{owns}\n'
                f'upstream = "localhost:{self.job.upstream_port}"\n'
                f'upstream_trust = ["{self.job.pki}/authority.pem"]\n'
                f'certificate = "{self.job.pki}/tenants/{tenant}.pem"\n'
                f'key = "{self.job.pki}/tenants/{tenant}.key"\n'
            )
        self.put("tenants.toml", "\n".join(tenants))

    def launch(self):
        self.spawn([self.job.programs["tenantry"], "run", "--config", self.job.folder / "relay.toml"])


class Postfix(Server):
    """Postfix has no delivery in line over SMTP with TLS to the next server: it queues."""

    name = "postfix"
    title = "Postfix, queue"
    queues = True

    def configure(self):
        for name in ("queue", "data", "etc"):
            (self.job.folder / name).mkdir()
        shutil.chown(self.job.folder / "data", "postfix")
        # tlsproxy reads the tenants' keys as user postfix; the originals are their owner's alone.
        shutil.copytree(self.job.pki / "tenants", self.job.folder / "tenants")
        for path in [self.job.folder / "tenants", *(self.job.folder / "tenants").iterdir()]:
            shutil.chown(path, "postfix")
        values = {
            "FOLDER": self.job.folder,
            "PKI": self.job.pki,
            "PORT": self.port,
            "PROCESSES": self.job.connections + 200,
        }
        evidence = filled(f"postfix/{self.job.evidence}.cf", **values)
        self.put("etc/main.cf", filled("postfix/main.cf", EVIDENCE=evidence, **values))
        services = [filled("postfix/master.cf", **values)]
        services += [filled("postfix/transport.cf", TENANT=tenant, **values) for tenant in self.job.tenants]
        self.put("etc/master.cf", "".join(services))
        way = f"[localhost]:{self.job.upstream_port}"
        fingerprints = self.job.programs["fingerprints"]
        if self.job.evidence == "certificate":
            clients = [fingerprints[tenant] for tenant in self.job.tenants]
            tenants = [f"{fingerprints[tenant]} FILTER {tenant}:{way}" for tenant in self.job.tenants]
        else:
            clients = [fingerprints["client"]]
            tenants = [f"@{tenant}.example {tenant}:{way}" for tenant in self.job.tenants]
        for name, lines in (("clients", [f"{line} ok" for line in clients]), ("tenants", tenants)):
            path = self.put(f"etc/{name}", "\n".join(lines) + "\n")
            subprocess.run(["postmap", "-c", self.job.folder / "etc", f"hash:{path}"], check=True)

    def launch(self):
        self.group.run(["postfix", "-c", self.job.folder / "etc", "start"])

    def queued(self):
        """Whether anything waits in its queue."""
        folders = ("maildrop", "incoming", "active", "deferred")
        return any(files for name in folders for _, _, files in os.walk(self.job.folder / "queue" / name))

    def stop(self):
        if (self.job.folder / "queue/pid/master.pid").exists():
            command = ["postfix", "-c", self.job.folder / "etc", "stop"]
            subprocess.run(command, capture_output=True, timeout=60, check=False)
        super().stop()


class Exim(Server):
    """Exim hands a message on while the client waits, once `cutthrough_delivery` is said."""

    name = "exim"
    title = "Exim, cut-through"

    def configure(self):
        folder = self.job.folder
        shutil.copy(self.job.programs["exim"], folder / "exim4")
        (folder / "exim4").chmod(0o755)
        for name in ("spool", "log"):
            (folder / name).mkdir()
            shutil.chown(folder / name, "Debian-exim", "Debian-exim")
        # It reads keys as its own user; the originals are their owner's alone.
        shutil.copytree(self.job.pki, folder / "pki")
        for path in [folder / "pki", *(folder / "pki").rglob("*")]:
            shutil.chown(path, "Debian-exim", "Debian-exim")
        values = {"FOLDER": folder, "PORT": self.port, "UPSTREAM_PORT": self.job.upstream_port}
        evidence = {
            "certificate": "${extract{2}{.}{${certextract{subj_altname,dns}{$tls_in_peercert}}}}",
            "sender": "${extract{1}{.}{$sender_address_domain}}",
        }[self.job.evidence]
        transports = [
            filled("exim/transport.conf", TENANT=tenant, NAME=tenant.replace("-", "_"), **values)
            for tenant in self.job.tenants
        ]
        text = filled(
            "exim/exim.conf",
            EVIDENCE=evidence,
            TRANSPORTS="\n".join(transports),
            PROCESSES=self.job.connections + 200,
            **values,
        )
        self.put("exim.conf", text)

    def launch(self):
        with (self.job.folder / "output").open("ab") as output:
            self.process = self.group.start(
                [self.job.folder / "exim4", "-C", self.job.folder / "exim.conf", "-bdf"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def log(self):
        return self.job.folder / "log/mainlog"

    def tail(self):
        return super().tail() + (self.job.folder / "output").read_text(errors="replace")


class Haraka(Server):
    """Haraka forwards in line by a plugin; ours is its own smtp_forward with tenants."""

    name = "haraka"
    title = "Haraka, in-line forward"

    def configure(self):
        folder = self.job.folder
        shutil.copytree(HERE / "haraka/plugins", folder / "plugins")
        shutil.copytree(self.job.pki / "tenants", folder / "tenants")
        values = {
            "PORT": self.port,
            "NODES": os.cpu_count(),
            "EVIDENCE": self.job.evidence,
            "UPSTREAM_PORT": self.job.upstream_port,
        }
        for path in (HERE / "haraka/config").iterdir():
            self.put(f"config/{path.name}", filled(path, **values))
        fingerprints = self.job.programs["fingerprints"]
        owners = {tenant: fingerprints[tenant] for tenant in self.job.tenants}
        known = {"client": fingerprints["client"], "tenants": owners}
        self.put("config/fingerprints.json", json.dumps(known))
        # Without it, it spends its first seconds making one.
        group = ["-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"]
        made = subprocess.run(["openssl", "genpkey", *group], check=True, capture_output=True, text=True)
        self.put("config/dhparams.pem", made.stdout)
        for ours, theirs in (
            ("relay.pem", "tls_cert.pem"),
            ("relay.key", "tls_key.pem"),
            ("authority.pem", "tls_ca.pem"),
        ):
            shutil.copy(self.job.pki / ours, folder / "config" / theirs)

    def launch(self):
        environment = dict(os.environ, NODE_ENV="production")
        self.spawn([self.job.programs["node"], self.job.programs["haraka"], "-c", self.job.folder], env=environment)


SERVERS = {server.name: server for server in (Direct, Tenantry, Postfix, Exim, Haraka)}


def reachable(folder):
    """Whether other users, as whom mail servers work, can get into a folder."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in [folder, *folder.parents])
