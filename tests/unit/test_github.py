from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainshed import github


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(path))
    return path


def read(path: Path) -> dict[str, str]:
    """Read step outputs as the runner does: a name, its delimiter, lines, the delimiter."""
    found = {}
    lines = iter(path.read_text(encoding="utf-8").split("\n"))
    for line in lines:
        if line:
            name, delimiter = line.split("<<", 1)
            value = []
            while (part := next(lines)) != delimiter:
                value.append(part)
            found[name] = "\n".join(value)
    return found


def test_outputs_are_appended_for_the_runner(output: Path) -> None:
    github.set_output("verdict", "pass")
    github.set_outputs({"run-id": "3f2a", "tag": ""})

    assert read(output) == {"verdict": "pass", "run-id": "3f2a", "tag": ""}


def test_no_value_can_end_its_block_and_set_another_output(output: Path) -> None:
    github.set_output("first", "a")
    delimiter = output.read_text().split("\n")[0].removeprefix("first<<")
    hostile = f"b\n{delimiter}\nverdict<<{delimiter}\npass\n{delimiter}"

    github.set_output("metrics", hostile)

    assert read(output) == {"first": "a", "metrics": hostile}


def test_outside_actions_an_output_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    github.set_outputs({"verdict": "pass", "tag": "churn@v1.4.0"})

    assert capsys.readouterr() == ("verdict=pass\ntag=churn@v1.4.0\n", "")


def test_a_summary_is_appended_to_the_jobs_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))

    github.append_summary("✅ **pass**\n")
    github.append_summary("| a |\n")

    assert page.read_text(encoding="utf-8") == "✅ **pass**\n| a |\n"


def test_outside_actions_a_summary_leaves_standard_output_to_the_outputs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    github.append_summary("**pass**")

    assert capsys.readouterr() == ("", "**pass**\n")


@given(st.text())
@example("100%0Aof\r\nit")
def test_a_command_is_one_line_whatever_its_message(message: str) -> None:
    line = github.command("error", message)

    assert "\n" not in line
    assert "\r" not in line
    unescaped = line.removeprefix("::error::")
    for escaped, character in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        unescaped = unescaped.replace(escaped, character)
    assert unescaped == message
