"""The demo, played from a repository of what lies in the working tree; target `process`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
STEPS = [
    "First release, from main (data v1)",
    "A pull request moves to data v2",
    "Merge: released and deployed",
    "A pull request with a worse model",
    "git push --delete origin churn@v1.1.0",
    "A stale clone pushes the deleted tag back",
]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    """A copy of the working tree: what is tracked, and what could be."""
    folder = tmp_path / "source"
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():  # one that was deleted is still tracked
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    yield folder
    for process in processes_of(folder):  # of a demo that failed to stop them
        process.kill()


def test_every_step_of_the_demo_is_true_and_nothing_is_left_of_it(source: Path) -> None:
    finished = play(source)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert table(finished.stdout) == [(step, "yes") for step in STEPS]
    assert left(source) == []


def test_a_demo_that_is_not_true_fails_and_names_the_step(source: Path) -> None:
    file = source / "trainshed.yml"
    file.write_text(file.read_text().replace("min: 0.80,", "min: 0.99,"))

    finished = play(source)

    assert finished.returncode == 1
    assert table(finished.stdout) == [(STEPS[0], "NO")]
    assert f"✗ {STEPS[0]}" in finished.stdout
    assert "error[demo-is-not-true]: the first release: expected" in finished.stderr
    assert left(source) == []


def play(source: Path) -> subprocess.CompletedProcess[str]:
    git(source, "commit", "--quiet", "--all", "--message", "What lies here")
    temporary(source).mkdir()
    here = {"TMPDIR": str(temporary(source)), "DOCKER_HOST": "unix:///nowhere", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, source / "scripts" / "demo.py"],
        env={**os.environ, **here},
        capture_output=True,
        text=True,
        check=False,
    )


def temporary(source: Path) -> Path:
    return source.with_name("temporary")


def table(text: str) -> list[tuple[str, str]]:
    """Return the rows of the table at the end: each step, and whether it was true."""
    return re.findall(r"^│ (.*?) +│ (yes|NO) +│ +[\d.]+ +│$", text, re.MULTILINE)


def left(source: Path) -> list[str]:
    """List the processes and folders that a demo left behind."""
    processes = [" ".join(one.info["cmdline"]) for one in processes_of(source)]
    return [*processes, *map(str, temporary(source).iterdir())]


def processes_of(source: Path) -> list[psutil.Process]:
    place = str(temporary(source))
    return [
        one
        for one in psutil.process_iter(["cmdline", "status"])
        if any(place in part for part in one.info["cmdline"] or ())
        and one.info["status"] != psutil.STATUS_ZOMBIE
    ]


def git(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return finished.stdout
