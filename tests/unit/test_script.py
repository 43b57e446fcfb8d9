import argparse
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed import errors, script
from trainshed.errors import TrainshedError
from trainshed.script import DiskIsFull

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


class PlanIsOdd(errors.ConfigurationError):
    """The plan is odd."""


def fails() -> None:
    raise PlanIsOdd("100% of it\nis odd.", fix="Mend it.\nThen again.")


def started(code: str, *, stdout: Path | None = None, **variables: str) -> tuple[int, str]:
    """Run a script of a few lines as a process; return its exit code and standard error."""
    lines = f"import sys\nfrom trainshed import script\n{code}\nsys.exit(script.run(main))\n"
    with (stdout or Path("/dev/null")).open("wb") as output:
        finished = subprocess.run(
            [sys.executable, "-c", lines],
            env={"PYTHONPATH": str(ROOT), **variables},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return finished.returncode, finished.stderr


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1)])
def test_a_script_ends_with_what_its_main_returns(answer: int | None, code: int) -> None:
    assert script.run(lambda: answer) == code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (TrainshedError, 1),
        (errors.ConfigurationError, 2),
        (errors.ProgramError, 3),
        (errors.OutsideError, 4),
        (errors.ReleaseStateError, 5),
        (errors.ConflictError, 6),
    ],
)
def test_an_error_ends_a_script_with_the_exit_code_of_its_kind(
    kind: type[TrainshedError], code: int
) -> None:
    def main() -> None:
        raise kind("It is odd.", fix="Mend it.")

    assert script.run(main) == code


def test_a_person_reads_slug_problem_and_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert script.run(fails) == 2

    assert capsys.readouterr() == (
        "",
        "error[plan-is-odd]: 100% of it\nis odd.\n  Mend it.\n  Then again.\n",
    )


def test_github_reads_one_line_with_everything_escaped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    assert script.run(fails) == 2

    annotation = "::error::100%25 of it%0Ais odd.%0AMend it.%0AThen again.\n"
    assert capsys.readouterr() == ("", annotation)


def test_an_exception_that_is_no_error_of_ours_keeps_its_traceback() -> None:
    code, told = started("def main(): {}['key']")

    assert code == 1
    assert told.startswith("Traceback")
    assert told.endswith("KeyError: 'key'\n")


def test_with_debug_set_an_error_shows_its_traceback_too() -> None:
    lines = (
        "from trainshed.errors import ConflictError\ndef main(): raise ConflictError('a', fix='b')"
    )

    code, told = started(lines, TRAINSHED_DEBUG="1")

    assert code == 1
    assert told.startswith("error[conflict-error]: a\n  b\nTraceback")


def test_an_interrupt_ends_with_130_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise KeyboardInterrupt

    assert script.run(main) == 130
    assert capsys.readouterr().err == "\nInterrupted. Nothing half-done counts: run it again.\n"


def test_a_wrong_command_line_is_for_argparse_to_tell() -> None:
    def main() -> None:
        script.parser("A script.").parse_args(["--odd"])

    with pytest.raises(SystemExit) as raised:
        script.run(main)

    assert raised.value.code == 2


@needs_full
def test_a_full_disk_is_an_error_of_the_outside_world(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        FULL.write_text("a model")

    assert script.run(main) == DiskIsFull.exit_code == 4
    assert capsys.readouterr().err == (
        "error[disk-is-full]: No space is left on the disk (writing a file).\n"
        "  Free some space and run the same command again: nothing half-written counts.\n"
    )


@needs_full
def test_a_step_output_that_the_disk_has_no_room_for_is_told() -> None:
    code, told = started(
        "def main():\n    from trainshed import github\n    github.set_output('run-id', 'x')",
        GITHUB_OUTPUT=str(FULL),
    )

    assert (code, told.split(":")[0]) == (4, "error[disk-is-full]")


@needs_full
@pytest.mark.parametrize("size", [1, 100_000])
def test_standard_output_that_goes_to_a_full_disk_is_told(size: int) -> None:
    code, told = started(f"def main(): print('x' * {size})", stdout=FULL)

    assert (code, told.split(":")[0]) == (4, "error[disk-is-full]")
    assert "Exception ignored" not in told


def test_another_error_of_the_system_is_not_called_a_full_disk() -> None:
    def main() -> None:
        raise OSError(errno.EACCES, "Permission denied", "a.pkl")

    with pytest.raises(PermissionError):
        script.run(main)


def test_help_shows_the_description_and_the_examples_as_they_are_written() -> None:
    help_text = script.parser("One.\n\n  Two.", examples="  a.py   --b\n").format_help()

    assert "\nOne.\n\n  Two.\n" in help_text
    assert help_text.endswith("\nexamples:\n  a.py   --b\n")


def test_a_flag_is_never_guessed_from_its_beginning() -> None:
    parser = script.parser("A script.")
    parser.add_argument("--dry-run", action="store_true")

    with pytest.raises(SystemExit):
        parser.parse_args(["--dry"])


def test_the_repository_is_this_folder_unless_named() -> None:
    parser = argparse.ArgumentParser()
    script.add_repository(parser)

    assert parser.parse_args([]).repository == Path()
    assert parser.parse_args(["--repository", "shop"]).repository == Path("shop")
