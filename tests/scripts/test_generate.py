import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/errors.md", "docs/trainshed.schema.json")


def generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts/generate.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_committed_is_current() -> None:
    finished = generate("--check")

    assert (finished.returncode, finished.stderr) == (0, "")


def test_every_document_is_written_and_is_then_current(tmp_path: Path) -> None:
    assert generate("--root", tmp_path).stderr == "".join(f"wrote {one}\n" for one in DOCUMENTS)

    for one in DOCUMENTS:
        assert (tmp_path / one).read_bytes() == (ROOT / one).read_bytes()
    assert generate("--root", tmp_path, "--check").returncode == 0
    assert generate("--root", tmp_path).stderr == ""


def test_one_that_is_not_current_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    generate("--root", tmp_path)
    stale = tmp_path / "docs/errors.md"
    stale.write_text("old\n")

    finished = generate("--root", tmp_path, "--check")

    assert finished.returncode == 1
    assert finished.stderr == "docs/errors.md is not current: run `make generate`\n"
    assert stale.read_text() == "old\n"
