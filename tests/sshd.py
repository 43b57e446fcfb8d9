"""A real SSH server on a port of its own: host key, users' keys and configuration in one folder.

It runs as whoever runs the tests, and lets only that person in; as root, every user of the machine.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import containers
import psutil
import pytest
from served_project import free_port

from trainshed import engine, hosts, ssh
from trainshed.hosts import Host

_PROGRAM = shutil.which("sshd") or "/usr/sbin/sshd"
_PRIVILEGE_SEPARATION = Path("/run/sshd")  # where a package's own service would make it


class Sshd:
    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.host_key = make_key(folder / "host_key")
        make_key(folder / "user_key")
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host_key",
            # Whoever logs in need not be able to enter the folder.
            f"AuthorizedKeysCommand /usr/bin/cat {folder}/user_key.pub",
            f"AuthorizedKeysCommandUser {self.user}", "AuthorizedKeysFile none", "UsePAM no",
            "PasswordAuthentication no", "PidFile none", "LogLevel DEBUG1", *options,
        ]  # fmt: skip
        (folder / "config").write_text("\n".join([*lines, ""]))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def key(self) -> str:
        """The private key that it lets in."""
        return (self.folder / "user_key").read_text()

    @property
    def url(self) -> str:
        return self.url_of(self.user)

    def url_of(self, user: str) -> str:
        return f"ssh://{user}@127.0.0.1:{self.port}"

    def host(self, *, user: str | None = None, key: str | None = None) -> Host:
        return hosts.parse(self.url_of(user or self.user), key or self.host_key)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def connections(self) -> int:
        """How many TCP connections came in so far."""
        return self.log.count("Connection from 127.0.0.1")

    def sessions(self) -> list[psutil.Process]:
        """List the processes that serve a connection now."""
        assert self._process is not None
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [one for one in found if one.is_running() and one.status() != "zombie"]

    def start(self) -> None:
        if os.getuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        before = self.log.count("Server listening") if (self.folder / "log").exists() else 0
        argv = [_PROGRAM, "-D", "-f", str(self.folder / "config"), "-E", str(self.folder / "log")]
        self._process = subprocess.Popen(argv)
        containers.eventually(
            lambda: (self.folder / "log").exists() and self.log.count("Server listening") > before
        )

    def hang_up(self) -> None:
        """End every connection, as when the network between breaks."""
        for one in self.sessions():
            one.kill()

    def stop(self) -> None:
        if self._process is not None:
            self.hang_up()
            self._process.kill()
            self._process.wait()
            self._process = None


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a pair of keys; return the public one, without its comment."""
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)]
    subprocess.run(argv, check=True)
    return hosts.check_key(path.with_name(f"{path.name}.pub").read_text().strip())


def require_program() -> None:
    if not Path(_PROGRAM).exists():
        pytest.skip("there is no sshd here: install openssh-server")


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A server that lets us in with TRAINSHED_SSH_KEY."""
    require_program()
    folder = tmp_path / "sshd"
    folder.mkdir()
    server = Sshd(folder)
    monkeypatch.setenv("TRAINSHED_SSH_KEY", server.key)
    yield server
    forget_connections()
    server.stop()


def forget_connections() -> None:
    """End what this process has open, as its end does."""
    ssh.close_all()
    engine.connect_to.cache_clear()


def processes_with(text: str) -> list[str]:
    """Return the command lines of running processes that hold a text."""
    found = []
    for one in psutil.process_iter(["cmdline", "status"]):
        argv = one.info["cmdline"] or []
        if one.info["status"] != psutil.STATUS_ZOMBIE and any(text in part for part in argv):
            found.append(" ".join(argv))
    return found
