import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/errors.md", "docs/trainshed.schema.json")


def generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts/generate.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every document was written from nothing."""
    folder = tmp_path_factory.mktemp("written")
    finished = generate("--root", folder)
    assert finished.stderr == "".join(f"wrote {one}\n" for one in DOCUMENTS)
    return folder


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_committed_is_what_would_be_written(written: Path, document: str) -> None:
    assert (ROOT / document).read_text() == (written / document).read_text(), "run `make generate`"


def test_what_was_written_is_current(written: Path) -> None:
    finished = generate("--root", written, "--check")

    assert (finished.returncode, finished.stderr) == (0, "")


def test_one_that_is_not_current_is_named_and_left_as_it_is(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    stale = tmp_path / "docs/errors.md"
    stale.write_text("old\n")

    finished = generate("--root", tmp_path, "--check")

    assert finished.returncode == 1
    assert finished.stderr == "docs/errors.md is not current: run `make generate`\n"
    assert stale.read_text() == "old\n"
