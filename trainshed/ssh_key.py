"""The private key that we were given, where the program `ssh` can read it and nobody else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainshed import cmd
from trainshed.errors import ConfigurationError
from trainshed.settings import settings


class PrivateKeyCannotBeRead(ConfigurationError):
    """TRAINSHED_SSH_KEY is not a private key, or it has a passphrase."""


@contextmanager
def readable(folder: Path) -> Iterator[Path | None]:
    """Yield where `ssh` can read the private key that we were given, if we were given one."""
    key = settings().ssh_key
    if key is None:
        yield None
        return
    path = folder / "key"
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("key")
        os.fchmod(file, 0o600)
        path = Path(f"/proc/{os.getpid()}/fd/{file}")
    else:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # A secret that was pasted often lacks the last end of line, without which it is no key.
        os.write(file, f"{key.strip()}\n".replace("\r\n", "\n").encode())
        yield path
    finally:
        os.close(file)
        (folder / "key").unlink(missing_ok=True)


def require_readable(key: Path) -> None:
    """Raise PrivateKeyCannotBeRead when it is the key's own fault that it was refused."""
    argv = ["ssh-keygen", "-y", "-P", "", "-f", str(key)]
    if cmd.run(argv, cwd=Path("/"), check=False).returncode != 0:
        raise PrivateKeyCannotBeRead(
            "TRAINSHED_SSH_KEY holds no private key that can be read without a passphrase.",
            fix='Make one (`ssh-keygen -t ed25519 -N "" -f deploy`), and put the whole file '
            "`deploy` into that secret, its first and last line too.",
        )
