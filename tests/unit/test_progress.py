import contextlib
import io
import os
import re
import time

import pytest
from goldens import Golden
from hypothesis import given
from hypothesis import strategies as st

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


def test_in_a_workflow_what_a_step_tells_lies_in_one_group_and_the_answer_below_it() -> None:
    stream = io.StringIO()
    progress = Progress(stream=stream, in_actions=True)

    with progress.step("Releasing 100%") as outer:
        with progress.step("Training"):
            progress.folded("epoch 1")
        outer.result = "done"
    with progress.step("Short"):
        pass

    told = steady(stream.getvalue()).splitlines()
    token = told[1].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert told == [
        "::group::Releasing 100%25",
        f"::stop-commands::{token}",
        "    epoch 1",
        "  ✓ Training  (0.00 s)",
        f"::{token}::",
        "::endgroup::",
        "  ✓ Releasing 100%: done  (0.00 s)",
        "  ✓ Short  (0.00 s)",
    ]


def test_a_group_is_closed_when_its_step_fails() -> None:
    stream = io.StringIO()

    with pytest.raises(RuntimeError):
        told_and_failed(Progress(stream=stream, in_actions=True))

    assert commands(stream.getvalue()) == ["group", "stop-commands", "endgroup"]


def told_and_failed(progress: Progress) -> None:
    with progress.step("Training"):
        progress.tell("::error::not ours")
        raise RuntimeError


def test_a_folded_line_is_kept_from_whoever_is_not_in_a_workflow() -> None:
    stream = io.StringIO()

    Progress(stream=stream, in_actions=False).folded("epoch 1")

    assert stream.getvalue() == ""


HOSTILE = st.lists(
    st.sampled_from(["::", "##[", "]", "add-mask", "::error::x", "::endgroup::", "\n", "\r", " "])
    | st.text(max_size=5),
    max_size=6,
).map("".join)


@given(st.lists(HOSTILE, max_size=5), st.booleans())
def test_no_line_that_is_told_is_a_command_to_the_runner(
    lines: list[str], is_in_a_step: bool
) -> None:
    stream = io.StringIO(newline="")
    progress = Progress(stream=stream, in_actions=True)

    with progress.step("Training") if is_in_a_step else contextlib.nullcontext():
        for line in lines:
            progress.tell(line)

    assert not {*commands(stream.getvalue())} - {"group", "stop-commands", "endgroup"}
    assert commands(stream.getvalue()).count("endgroup") <= 1


def commands(text: str) -> list[str]:
    """Return the names of the commands that GitHub's runner would follow in an output.

    As its ActionCommand and ActionCommandManager do: `::` at the start of a line, blanks aside, or
    `##[` anywhere in it; after stop-commands, nothing until its token.
    """
    found: list[str] = []
    awaited = None
    for line in re.split(r"\r\n|\r|\n", text):
        match = re.match(r"\s*::([^\s:]+).*?::(.*)", line) or re.search(r"##\[([^\s\]]+)()", line)
        if match is None or (awaited is not None and match[1] != awaited):
            continue
        if match[1] == awaited:
            awaited = None
            continue
        found.append(match[1])
        if match[1] == "stop-commands":
            awaited = match[2]
    return found


def everything(terminal: int) -> str:
    """Read what was written to a terminal that is closed; Linux ends it with an error."""
    written = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 4096):
            written += part
    os.close(terminal)
    return written.decode()
