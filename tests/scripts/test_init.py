import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trainers
import yaml
from trainers import Repository

from trainshed import config_file

ROOT = Path(__file__).parents[2]
COMMIT = "f" * 40
FRAMEWORK = f"--framework=acme/trainshed@{COMMIT}"  # its files are those of this folder
MODEL = ("--model=churn", "--target=y", "--metric=score:maximize")
TRAINER = """\
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--data")
parser.add_argument("--out")
args = parser.parse_args()
pathlib.Path(args.out).write_text("model")
print(f"dataset={args.data}")
print(f"metric.score={0.9}")
print(f"artifact={args.out}")
"""
FILES = {"code/train.py": TRAINER, "data/train.csv": trainers.DATA}
WORKFLOWS = ["comment.yml", "deploy.yml", "pull-request.yml", "release.yml"]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository that has a trainer and nothing of ours."""
    return make(tmp_path / "repository", "")


def make(folder: Path, below: str) -> Repository:
    folder.mkdir()
    trainers.git(folder, "init", "--quiet", "--initial-branch=trunk")
    made = Repository(folder)
    made.commit({f"{below}{path}": text for path, text in FILES.items()})
    return made


def init(repository: Repository, *arguments: str) -> subprocess.CompletedProcess[str]:
    return repository.script("init", FRAMEWORK, *arguments)


def untracked(repository: Repository) -> list[str]:
    listed = repository.git("ls-files", "--others", "--exclude-standard").splitlines()
    return [path for path in listed if path]


def test_a_repository_is_adopted_by_flags(repository: Repository) -> None:
    finished = init(repository, *MODEL, "--environment=production=docker:8080")

    assert finished.returncode == 0, finished.stderr
    assert untracked(repository) == [
        *(f".github/workflows/{name}" for name in WORKFLOWS), ".gitignore", "trainshed.yml",
    ]  # fmt: skip
    config = config_file.load((repository.folder / "trainshed.yml").read_text())
    assert list(config.models) == ["churn"]
    assert config.models["churn"].train[:2] == ["python", "code/train.py"]
    assert (repository.folder / ".gitignore").read_text() == ".trainshed/\n"
    assert "trainer: code/train.py\n" in finished.stderr
    assert "doctor.py" in finished.stderr
    release = (repository.folder / ".github/workflows/release.yml").read_text()
    assert yaml.safe_load(release)[True]["push"]["branches"] == ["trunk"]
    assert f"uses: acme/trainshed/actions/train@{COMMIT} # v" in release


def test_the_diff_is_what_is_written_and_a_dry_run_writes_nothing(repository: Repository) -> None:
    before = trainers.git(repository.folder, "status", "--porcelain", "--ignored")

    dry = init(repository, *MODEL, "--dry-run")

    assert trainers.git(repository.folder, "status", "--porcelain", "--ignored") == before
    assert dry.returncode == 0
    assert init(repository, *MODEL).stdout == dry.stdout
    repository.git("stash", "--include-untracked", "--quiet")
    subprocess.run(
        ["git", "apply", "-"], input=dry.stdout, text=True, cwd=repository.folder, check=True
    )
    assert "trainshed.yml" in untracked(repository)


def test_what_is_there_already_is_said_and_stays(repository: Repository) -> None:
    init(repository, *MODEL)
    again = init(repository, *MODEL)
    bare = init(repository)

    assert (again.returncode, bare.returncode) == (0, 0)
    assert "trainshed.yml: is there already, the same\n" in again.stdout
    assert bare.stderr.endswith("everything is there already\n")


def test_a_file_that_differs_is_never_overwritten_silently(repository: Repository) -> None:
    init(repository, *MODEL)
    mine = repository.folder / ".github/workflows/release.yml"
    mine.write_text("# my own\n")

    refused = init(repository, *MODEL, "--image=ghcr.io/acme/churn")

    assert refused.returncode == 2
    assert "-# my own\n" in refused.stdout
    assert "[files-would-be-overwritten]: Nothing was written: " in refused.stderr
    assert mine.read_text() == "# my own\n"
    assert "image" not in (repository.folder / "trainshed.yml").read_text()
    assert init(repository, "--force").returncode == 0
    assert mine.read_text() != "# my own\n"


def test_a_later_init_moves_the_pin_and_keeps_what_was_chosen(repository: Repository) -> None:
    init(repository, *MODEL, "--data-environment=data", "--fetch-secret=AWS_KEY")
    config = (repository.folder / "trainshed.yml").read_text()

    moved = repository.script("init", f"--framework=acme/trainshed@{'e' * 40}", "--force")

    assert moved.returncode == 0, moved.stderr
    text = (repository.folder / ".github/workflows/pull-request.yml").read_text()
    assert COMMIT not in text
    assert "TRAINSHED_FETCH_AWS_KEY: ${{ secrets.AWS_KEY }}" in text
    assert (repository.folder / "trainshed.yml").read_text() == config


def test_a_project_in_a_folder_has_its_workflows_at_the_top(tmp_path: Path) -> None:
    made = make(tmp_path / "repository", "models/churn/")
    finished = made.script("init", FRAMEWORK, *MODEL, "--repository=models/churn")

    assert finished.returncode == 0, finished.stderr
    assert untracked(made) == [
        *(f".github/workflows/{name}" for name in WORKFLOWS),
        "models/churn/.gitignore", "models/churn/trainshed.yml",
    ]  # fmt: skip
    text = (made.folder / ".github/workflows/deploy.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["environments"]["steps"]
    assert steps[1]["with"] == {"folder": "models/churn"}
    train = config_file.load((made.folder / "models/churn/trainshed.yml").read_text())
    assert train.models["churn"].train[1] == "code/train.py"


def test_what_it_cannot_know_is_an_error_that_names_the_flag(repository: Repository) -> None:
    finished = init(repository, "--model=churn", "--metric=score:maximize")

    assert finished.returncode == 2
    assert finished.stderr.endswith(
        "error[answer-is-missing]: Not known, and not to be guessed: which column of "
        "data/train.csv is predicted? Found here: y, a.\n"
        "  Pass --target COLUMN (or --target none); or run it at a terminal, where it asks.\n"
    )
    assert untracked(repository) == []


def test_a_secret_needs_an_environment(repository: Repository) -> None:
    finished = init(repository, *MODEL, "--fetch-secret=AWS_KEY")

    assert finished.returncode == 2
    assert "--data-environment NAME" in finished.stderr


def test_a_probe_trains_once_from_the_last_commit(repository: Repository) -> None:
    probe = ("--probe", "--train=python3 code/train.py --data {data} --out {out}")
    finished = init(repository, *MODEL, *probe)
    assert finished.returncode == 0, finished.stderr
    assert "it printed score=0.9\n" in finished.stderr
    assert ".trainshed" not in " ".join(untracked(repository))

    other = init(repository, "--model=churn", "--target=y", "--metric=f1:maximize", *probe)

    assert other.returncode == 2
    assert "--metric f1: the trainer does not print it.\n  It prints: score." in other.stderr


def test_a_probe_needs_what_is_committed(repository: Repository) -> None:
    repository.write({"new.csv": "a,y\n1,2\n"})
    finished = init(repository, *MODEL, "--probe", "--data=new.csv")

    assert finished.returncode == 2
    assert "new.csv" in finished.stderr
    assert "[input-is-missing]" in finished.stderr


def test_fetched_data_is_named_with_its_digest(repository: Repository) -> None:
    finished = init(repository, *MODEL, "--data=data/train.csv", "--fetch=dvc pull data/train.csv")

    assert finished.returncode == 0, finished.stderr
    config = config_file.load((repository.folder / "trainshed.yml").read_text())
    assert config.models["churn"].data.fetch == ["dvc", "pull", "data/train.csv"]
    assert len(config.models["churn"].data.sha256 or "") == 64


def test_outside_a_repository_it_is_told(tmp_path: Path) -> None:
    finished = subprocess.run(
        trainers.command("init", FRAMEWORK), cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert finished.returncode == 2
    assert "[not-a-repository]" in finished.stderr


def test_a_person_at_a_terminal_is_asked(repository: Repository) -> None:
    code, shown = at_terminal(repository, ["churn", "", "", "1", "code/", "none", "", "y"])

    assert code == 0, shown
    assert "What is the model called?" in shown
    assert "Write these files? [y/N]" in shown
    config = config_file.load((repository.folder / "trainshed.yml").read_text())
    assert config.models["churn"].inputs == ["code/"]
    assert config.models["churn"].target == "y"


def test_a_person_who_says_no_gets_nothing(repository: Repository) -> None:
    code, shown = at_terminal(repository, ["churn", "", "", "1", "all", "none", "", "n"])

    assert code == 0, shown
    assert "nothing was written" in shown
    assert untracked(repository) == []


@pytest.mark.parametrize("delay", [0.25, 0.35, 0.45, 0.55, 0.65, 0.8])
def test_killed_at_any_moment_no_file_is_half_written(
    repository: Repository, tmp_path: Path, delay: float
) -> None:
    reference = make(tmp_path / "reference", "")
    init(reference, *MODEL)
    process = subprocess.Popen(
        trainers.command("init", FRAMEWORK, *MODEL), cwd=repository.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.wait()

    for path in untracked(repository):
        assert (repository.folder / path).read_text() == (reference.folder / path).read_text()
    assert init(repository, *MODEL).returncode == 0
    assert untracked(repository) == untracked(reference)


def at_terminal(repository: Repository, answers: list[str]) -> tuple[int, str]:
    """Run it at a terminal of its own, answer each question, and return all that was shown."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts/init.py"), FRAMEWORK], cwd=repository.folder,
        stdin=its, stdout=its, stderr=its, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    shown, waiting = "", list(answers)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and (text := _read(ours)) is not None:
            shown += text
            if waiting and shown.endswith(("? ", "] ", ") ")):
                os.write(ours, f"{waiting.pop(0)}\n".encode())
        return process.wait(timeout=30), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> str | None:
    """Return what was written to a terminal, after a moment; None when it was closed."""
    if not select.select([terminal], [], [], 5)[0]:
        return ""
    try:
        return os.read(terminal, 65536).decode() or None
    except OSError:
        return None
