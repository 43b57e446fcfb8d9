"""What every script in scripts/ shares: how it reads its arguments and how it ends."""

import argparse
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from trainshed import github
from trainshed.errors import OutsideError, TrainshedError
from trainshed.settings import settings

_FULL = {errno.ENOSPC, errno.EDQUOT}


class DiskIsFull(OutsideError):
    """There is no space left for what had to be written."""


def parser(description: str | None, *, examples: str = "") -> argparse.ArgumentParser:
    """Return a parser whose help teaches: the module's docstring, then examples as written."""
    return argparse.ArgumentParser(
        description=description,
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_repository(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--repository",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="a folder of the repository, at or below its trainshed.yml (default: this one)",
    )


def run(main: Callable[[], int | None]) -> int:
    """Run `main`; tell a TrainshedError in full and return the exit code of its kind."""
    try:
        code = main() or 0
        sys.stdout.flush()  # here, where a full disk is still told, not when Python ends
        return code
    except BrokenPipeError:  # who read it went away, as `| head` does: there is nobody to tell
        _discard_output()
        return 141
    except TrainshedError as error:
        return _tell(error)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return _tell(
            DiskIsFull(
                f"No space is left on the disk (writing {error.filename or 'a file'}).",
                fix="Free some space and run the same command again: nothing half-written counts.",
            )
        )
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing half-done counts: run it again.", file=sys.stderr)
        return 130


def _tell(error: TrainshedError) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    if settings().in_github_actions:
        print(github.command("error", str(error)), file=sys.stderr)
    else:
        print(f"error[{error.slug}]: {error.problem}\n  {_indented(error.fix)}", file=sys.stderr)
    if settings().debug:
        raise error
    return error.exit_code


def _discard_output() -> None:
    """Let go of what could not be written: Python would try again on ending, and fail then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
