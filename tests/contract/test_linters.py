"""What others' linters and GitHub's own parser say of our workflows and actions: nothing.

Each is shown to speak up on a file that is wrong, so that its silence means something.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import npm_packages
import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WORKFLOWS = sorted(
    f".github/workflows/{path.name}" for path in ROOT.glob(".github/workflows/*.yml")
)
ACTIONS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("actions/*/action.yml"))

GOOD = """\
name: Good
on:
  push:
permissions: {}
concurrency:
  group: good
  cancel-in-progress: false
jobs:
  good:
    name: Good
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      contents: read # to check out
    steps:
      - name: Say so
        run: echo good
"""
WRONG_KEY = ("timeout-minutes: 5", "timeout: 5")
ACTION = """\
name: Good
description: It is good.
inputs:
  model:
    description: Name of the model.
    required: true
runs:
  using: composite
  steps:
    - name: Say so
      shell: bash
      env:
        MODEL: ${{ inputs.model }}
      run: echo "${MODEL}"
"""


def run(command: Sequence[str | Path], folder: Path) -> tuple[int, str]:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return finished.returncode, finished.stdout + finished.stderr


def program(name: str) -> Path:
    if not (BIN / name).is_file():
        pytest.skip(f"{name} is not in the environment of the tests: nobody linted the workflows")
    return BIN / name


def zizmor(folder: Path, *what: str) -> tuple[int, str]:
    flags = ("--offline", "--persona", "pedantic", "--no-progress", "--color", "never")
    return run([program("zizmor"), *flags, *what], folder)


def schema(folder: Path, kind: str, files: Sequence[str]) -> tuple[int, str]:
    return run([program("check-jsonschema"), "--builtin-schema", f"vendor.{kind}", *files], folder)


def parser(folder: Path, files: Sequence[str]) -> list[str]:
    """Return what GitHub's parser finds, each with its file and line."""
    script = ROOT / "tests/npm/parse_workflow.mjs"
    code, told = run([npm_packages.node(), script, npm_packages.node_modules(), *files], folder)
    assert code == 0, told
    findings: list[str] = json.loads(told)
    return findings


def write(folder: Path, text: str, path: str = ".github/workflows/sample.yml") -> str:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    return path


def test_zizmor_finds_nothing_even_as_a_pedant() -> None:
    code, told = zizmor(ROOT, ".github", "actions")

    assert code == 0, told
    assert "No findings" in told


@pytest.mark.parametrize(
    ("old", "new", "audit"),
    [
        pytest.param(
            "run: echo good",
            "run: echo ${{ github.event.head_commit.message }}",
            "template-injection",
            id="an injection",
        ),
        pytest.param(
            "run: echo good", "uses: actions/cache@v5", "unpinned-uses", id="a tag for a commit"
        ),
        pytest.param("{}", "write-all", "excessive-permissions", id="a grant of everything"),
        pytest.param(" # to check out", "\n      actions: write", "undocumented", id="no reason"),
        pytest.param("  push:", "  pull_request_target:", "dangerous-triggers", id="a trigger"),
    ],
)
def test_zizmor_would_have_found(tmp_path: Path, old: str, new: str, audit: str) -> None:
    assert zizmor(tmp_path, write(tmp_path, GOOD))[0] == 0

    code, told = zizmor(tmp_path, write(tmp_path, GOOD.replace(old, new)))

    assert code != 0
    assert audit in told


def ignored() -> list[tuple[str, str, str]]:
    """Return each line that zizmor is told to pass over, with its file and the line above."""
    found = []
    for name in [*WORKFLOWS, *ACTIONS]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        found += [
            (name, above, line)
            for above, line in zip(["", *lines], lines, strict=False)
            if "zizmor: ignore" in line
        ]
    return found


def test_whatever_zizmor_passes_over_has_its_reason_beside_it() -> None:
    assert ignored()
    for name, above, line in ignored():
        reason = line.partition("zizmor: ignore")[2].partition("]")[2]
        assert re.search(r"\w+ \w+", reason) or re.match(r"\s*# \w+ \w+", above), (name, line)


def test_zizmor_counts_what_it_passes_over_as_we_do() -> None:
    """None of those comments is left from a finding that is gone."""
    _, told = zizmor(ROOT, ".github", "actions")

    assert f"({len(ignored())} ignored" in told


def test_a_rule_that_is_switched_off_has_its_reason_beside_it() -> None:
    text = (ROOT / ".github/zizmor.yml").read_text(encoding="utf-8")
    rules = re.split(r"^  (?=[a-z])", text, flags=re.MULTILINE)[1:]

    assert [rule.partition(":")[0] for rule in rules] == list(yaml.safe_load(text)["rules"])
    assert all(re.search(r"^    # \w+|:.* # \w+", rule, re.MULTILINE) for rule in rules)


@pytest.mark.parametrize(
    ("kind", "files"), [("github-workflows", WORKFLOWS), ("github-actions", ACTIONS)]
)
def test_every_file_fits_its_published_schema(kind: str, files: list[str]) -> None:
    code, told = schema(ROOT, kind, files)

    assert code == 0, told


def test_the_published_schemas_would_have_refused_a_wrong_key(tmp_path: Path) -> None:
    workflow = write(tmp_path, GOOD.replace(*WRONG_KEY))
    action = write(tmp_path, ACTION.replace("  steps:", "  stages:"), "action.yml")

    assert schema(tmp_path, "github-workflows", [write(tmp_path, GOOD, "good.yml")])[0] == 0
    assert schema(tmp_path, "github-workflows", [workflow])[0] == 1
    assert schema(tmp_path, "github-actions", [write(tmp_path, ACTION, "good.yml")])[0] == 0
    assert schema(tmp_path, "github-actions", [action])[0] == 1


def test_github_parses_every_workflow_and_action_without_a_word() -> None:
    """It knows `concurrency.queue` and `environment.deployment` too: nothing is left out here."""
    assert parser(ROOT, [*WORKFLOWS, *ACTIONS]) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(
            "echo good", "echo ${{ matrix.a == }}", "==", id="an expression that is not one"
        ),
        pytest.param(*WRONG_KEY, "Unexpected value 'timeout'", id="a key that it does not know"),
        pytest.param("echo good", "echo ${{ secret.TOKEN }}", "secret", id="no such context"),
        pytest.param("contents: read", "contents: maybe", "maybe", id="no such grant"),
        pytest.param("group: good", "group: good\n  queue: most", "most", id="no such queue"),
        pytest.param("steps:", "needs: other\n    steps:", "other", id="no such job"),
    ],
)
def test_github_would_have_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert parser(tmp_path, [write(tmp_path, GOOD)]) == []

    (finding, *_) = parser(tmp_path, [write(tmp_path, GOOD.replace(old, new))])

    assert finding.startswith(".github/workflows/sample.yml:")
    assert told in finding


def test_github_would_have_refused_a_wrong_action(tmp_path: Path) -> None:
    assert parser(tmp_path, [write(tmp_path, ACTION, "actions/good/action.yml")]) == []

    wrong = write(tmp_path, ACTION.replace("inputs.model }}", "inputs.model == }}"), "action.yml")

    assert parser(tmp_path, [wrong])


def test_github_would_have_refused_an_input_that_a_called_workflow_lacks(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("  push:", "  workflow_call:"), ".github/workflows/callee.yml")
    caller = """\
name: Caller
on:
  push:
jobs:
  call:
    uses: ./.github/workflows/callee.yml
"""
    assert parser(tmp_path, [write(tmp_path, caller)]) == []

    findings = parser(tmp_path, [write(tmp_path, f"{caller}    with:\n      forward: true\n")])

    assert any("forward" in one for one in findings)


def test_a_file_that_the_parser_stumbles_over_is_not_called_faultless(tmp_path: Path) -> None:
    assert parser(tmp_path, [write(tmp_path, "jobs: {")])
