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


@pytest.fixture
def actions(written: Path, tmp_path: Path) -> Path:
    """A folder in which the actions' tables are current as well."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "actions", tmp_path / "actions")
    return tmp_path


def test_the_tables_of_the_actions_are_current(actions: Path) -> None:
    finished = generate("--root", actions, "--check")

    assert (finished.returncode, finished.stderr) == (0, ""), "run `make generate`"


def test_an_input_that_changes_makes_the_table_stale_until_it_is_made_again(actions: Path) -> None:
    manifest, readme = (actions / "actions/train" / name for name in ("action.yml", "README.md"))
    before = readme.read_text()
    manifest.write_text(manifest.read_text().replace("Branch, tag or commit", "What commit"))

    finished = generate("--root", actions, "--check")
    assert finished.stderr == "actions/train/README.md is not current: run `make generate`\n"
    assert (finished.returncode, readme.read_text()) == (1, before)

    assert generate("--root", actions).returncode == 0
    assert readme.read_text() == before.replace("Branch, tag or commit", "What commit") != before
