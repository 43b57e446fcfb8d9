"""One SSH connection to a host, held by the program `ssh`; all that is said to it goes through.

A master holds the connection; each forward is asked of it, and ends here in a unix socket. All lies
in a folder that nobody else can enter: no port of this machine is opened, none can be raced.

The master is the child of a keeper, a shell that reads a pipe of ours. When that ends, because we
close it or because we were killed, the keeper ends the master and removes the folder. When the
master ends, the keeper closes a pipe that we read. A private key is never in that folder.
"""

import atexit
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from trainshed import cmd, ssh_key, ssh_refusal
from trainshed.errors import OutsideError
from trainshed.hosts import Host
from trainshed.settings import users_environment
from trainshed.ssh_refusal import HostRefusesTheKey

_KEEPER = """\
exec 3<&0
"$@" </dev/null >/dev/null 3<&- &
master=$!
{ read -r _ <&3; kill $master; } >/dev/null &
wait $master
kill $! 2>/dev/null
exec >/dev/null
read -r _ <&3
rm -rf -- "$0"
"""
_OPEN_SECONDS = 30.0
_END_MILLISECONDS = 250
"""How much later than its forwards a master that loses its connection may end."""
_POLL_SECONDS = 0.005
_LONGEST_FOLDER = 60
"""A socket's whole path may have about a hundred characters."""
# Not even a person's own configuration can take these back: the first that is said counts.
_ALWAYS = (
    "BatchMode=yes", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none", "CheckHostIP=no", "VerifyHostKeyDNS=no", "UpdateHostKeys=no",
    "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no", "RemoteCommand=none",
    "ClearAllForwardings=yes", "ControlPersist=no", "ExitOnForwardFailure=yes",
    "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3", "LogLevel=INFO",
)  # fmt: skip
_ALIAS = "trainshed"
"""The pinned key's name: so it counts whatever the host's name, port or address."""


class HostForbidsForwarding(OutsideError):
    """A host's SSH server does not let us reach its engine and its ports."""


class HostWentAway(OutsideError):
    """The connection to a host was lost in the middle of something."""


class Connection:
    """An open connection; `connect` makes one."""

    def __init__(self, host: Host, folder: Path, options: list[str]) -> None:
        self.host = host
        self.folder = folder
        self._control = folder / "control"
        self._log = folder / "log"
        self._forwards: dict[str, Path] = {}
        argv = [_program(), "-N", "-T", "-M", "-S", str(self._control), *options]
        argv += ["-p", str(host.port), "-l", host.user, "--", host.name]
        with self._log.open("wb") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, folder, *argv],
                env=users_environment({"LC_ALL": "C"}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: we may still have something to clear up
            )
        _connections.append(self)

    def await_open(self) -> bool:
        """Return whether it opened."""
        deadline = time.monotonic() + _OPEN_SECONDS
        while not self._control.exists():
            if self.has_ended() or time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def has_ended(self, *, within: int = 0) -> bool:
        """Tell whether the master is gone, or goes: its keeper then closes what we read.

        Args:
            within: milliseconds.
        """
        assert self._keeper.stdout is not None
        pipe = select.poll()
        pipe.register(self._keeper.stdout, select.POLLIN)
        return bool(pipe.poll(within))

    @property
    def said(self) -> str:
        """What `ssh` complained of so far."""
        return self._log.read_text(encoding="utf-8", errors="replace").strip()

    def forward(self, to: str) -> Path:
        """Return a unix socket that leads to `host:port`, or to a socket's path, over there.

        Raises:
            HostWentAway: the connection was lost.
        """
        if to not in self._forwards:
            path = self.folder / f"{len(self._forwards)}.sock"
            self._ask_for(f"{path}:{to}")
            self._forwards[to] = path
        return self._forwards[to]

    def trouble(self, doing: str) -> OutsideError | None:
        """Return what has become of the connection, as an error; None when nothing has."""
        if self.has_ended(within=_END_MILLISECONDS):
            last = self.said.rpartition("\n")[2]
            return HostWentAway(
                f"The connection to {self.host} was lost while {doing}{last and f' ({last})'}.",
                fix="What is live there goes on. When the host can be reached again, run the same "
                "command again to converge.",
            )
        if "administratively prohibited" in self.said:
            return HostForbidsForwarding(
                f"{self.host} let us in, but its SSH server forbids forwards while {doing}.",
                fix="Let that user be forwarded to every port of 127.0.0.1 there: neither "
                "PermitOpen in sshd_config nor `permitopen=` in authorized_keys may be narrower.",
            )
        return None

    def close(self) -> None:
        """End it. Returns when the master is gone, and the folder with it."""
        if self in _connections:
            _connections.remove(self)
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait()
        self._keeper.stdout.close()

    def _ask_for(self, forward: str) -> None:
        argv = [_program(), "-F", "none", "-S", str(self._control), "-O", "forward", "-L", forward]
        finished = cmd.run([*argv, _ALIAS], cwd=Path("/"), env={"LC_ALL": "C"}, check=False)
        if finished.returncode != 0:
            raise self.trouble(f"asking for {forward}") or cmd.failure(finished, cwd=Path("/"))


_connections: list[Connection] = []
"""Those that are open, or were lost."""


def connect(host: Host) -> Connection:
    """Open a connection; it ends with this process, however that ends.

    Raises:
        HostKeyDiffers: before anything was said that a stranger should not hear.
        HostIsNotReached, HostRefusesTheKey, PrivateKeyCannotBeRead
        ProgramIsMissing: there is no `ssh` here.
    """
    _program()
    folder = _private_folder()
    known = folder / "known_hosts"
    known.write_text(f"{_ALIAS} {host.key}\n", encoding="utf-8")
    options = [*_ALWAYS, f"HostKeyAlias={_ALIAS}", f'UserKnownHostsFile="{known}"']
    with ssh_key.readable(folder) as key:
        if key is not None:
            options += [f'IdentityFile="{key}"', "IdentitiesOnly=yes", "IdentityAgent=none"]
        # A key that we are given is used as it is; a person's own are found by their configuration.
        arguments = [] if key is None else ["-F", "none"]
        arguments += [part for option in options for part in ("-o", option)]
        connection = Connection(host, folder, arguments)
        if not connection.await_open():
            refusal = ssh_refusal.refusal(host, connection.said)
            connection.close()
            if isinstance(refusal, HostRefusesTheKey) and key is not None:
                ssh_key.require_readable(key)
            raise refusal
    return connection


def trouble(doing: str) -> OutsideError | None:
    """Return what has become of a connection of this process; None when nothing has."""
    found = (one.trouble(doing) for one in _connections)
    return next((error for error in found if error is not None), None)


@atexit.register
def close_all() -> None:
    while _connections:
        _connections[-1].close()


def _private_folder() -> Path:
    base = tempfile.gettempdir()
    return Path(
        tempfile.mkdtemp(
            prefix="trainshed-ssh-",
            dir=base if len(base) <= _LONGEST_FOLDER else "/tmp",  # noqa: S108  # made as 0700
        )
    )


def _program() -> str:
    found = shutil.which("ssh")
    if found is None:
        raise cmd.ProgramIsMissing(
            "The program ssh, which `host:` in trainshed.yml needs, is not installed.",
            fix="Install it (`apt-get install openssh-client`) and run the same command again.",
        )
    return found
