import contextlib
import io
import os
import re
import time

import pytest
from goldens import Golden

from trainshed.progress import Progress


def steady(text: str) -> str:
    """The text with every duration as it would be in no time at all."""
    return re.sub(r"\(\d+\.\d\d s\)", "(0.00 s)", text)


def journey(progress: Progress) -> None:
    with progress.step("Training the candidate") as step:
        progress.tell("f1=0.842")
        progress.quiet("a line that a log file keeps")
        step.result = "run 3f2a9c trained"
    with progress.step("Comparing"):
        pass
    with pytest.raises(RuntimeError), progress.step("Releasing"):
        raise RuntimeError
    progress.tell("nothing was released")


def test_where_there_is_no_terminal_each_step_is_one_line(golden: Golden) -> None:
    stream = io.StringIO()

    journey(Progress(stream=stream))

    golden(steady(stream.getvalue()), "progress/no_terminal.txt")


def test_it_tells_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    journey(Progress())

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "✓ Training the candidate: run 3f2a9c trained" in printed.err


def test_steps_are_kept_with_how_they_went_and_how_long_they_took() -> None:
    progress = Progress(stream=io.StringIO())

    with progress.step("Waiting") as waiting:
        started = time.monotonic()
        while time.monotonic() == started:
            pass
    with pytest.raises(ValueError, match="odd"), progress.step("Failing"):
        raise ValueError("odd")

    assert [(step.title, step.is_done) for step in progress.steps] == [
        ("Waiting", True),
        ("Failing", False),
    ]
    assert waiting.seconds > 0


def test_on_a_terminal_the_same_lines_remain_when_the_spinner_has_gone() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        assert terminal.isatty()
        journey(Progress(stream=terminal))
    written = everything(ours)

    assert "\x1b[2K" in written  # the spinner's line, erased
    assert "✓ Training the candidate: run 3f2a9c trained" in written
    assert "✗ Releasing" in written


def everything(terminal: int) -> str:
    """Read what was written to a terminal that is closed; Linux ends it with an error."""
    written = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 4096):
            written += part
    os.close(terminal)
    return written.decode()
