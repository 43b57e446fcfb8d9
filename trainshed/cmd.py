"""Run another program: one way to start it, one error that shows what it said."""

import shlex
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed.errors import OutsideError
from trainshed.settings import child_environment


class CommandFailed(OutsideError):
    """A program that Trainshed started (git, an installer) failed."""


class ProgramIsMissing(OutsideError):
    """A program that Trainshed needs is not installed."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode("utf-8", "surrogateescape")

    @property
    def err(self) -> str:
        return self.stderr.decode("utf-8", "replace")


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    stdin: bytes | None = None,
    check: bool = True,
) -> Finished:
    """Run a program to its end.

    `env` adds to the environment, less `without`; secrets go there, never in argv.

    Raises:
        CommandFailed: it ended with another code than 0 and `check` is set; shows both streams.
        ProgramIsMissing: there is no such program, or it cannot be started.
    """
    try:
        process = subprocess.run(
            argv,
            cwd=cwd,
            env=child_environment(env, without=without),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        if not cwd.is_dir():
            raise
        raise ProgramIsMissing(
            f"The program {argv[0]} cannot be started: {error.strerror}.",
            fix=f"Install {argv[0]}, or make it executable, and run the same command again.",
        ) from None
    finished = Finished(
        argv=tuple(argv),
        returncode=process.returncode,
        stdout=process.stdout,
        stderr=process.stderr,
    )
    if check and finished.returncode != 0:
        raise failure(finished, cwd=cwd)
    return finished


def failure(finished: Finished, *, cwd: Path) -> CommandFailed:
    said = "\n".join(text for text in (finished.out.strip(), finished.err.strip()) if text)
    return CommandFailed(
        f"`{shlex.join(finished.argv)}` failed in {cwd} (exit code {finished.returncode}):\n{said}",
        fix="Mend what it says, then run the same command again.",
    )
