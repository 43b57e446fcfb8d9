"""Whatever a person can give wrongly is one error: what, where, what to do; and nothing is lost."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trainers
from trainers import REPORT, Content, Repository

CONFIGURATION, PROGRAM = 2, 3


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A mistake in a repository that was good, and the one error that it gives."""

    files: Mapping[str, Content] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)
    """What it changes in the model's configuration."""
    arguments: tuple[str, ...] = ()
    exit_code: int
    error: str
    """All that is said of it, from its slug on; {commit} is the commit's first digits."""


def trainer(program: str, *, error: str, exit_code: int = PROGRAM, **keys: Any) -> Mistake:
    """Return the mistake of a training program that does something else."""
    return Mistake(
        files={"code/train.sh": f"{program}\n"}, keys=keys, exit_code=exit_code, error=error
    )


def says(line: str, *, error: str) -> Mistake:
    """Return the mistake of a trainer that prints one line instead of its own."""
    key = line.partition("=")[0]
    lines = [line, *(one for one in LINES if not one.startswith(f"{key}="))]
    printed = "".join(f"echo '{one}'\n" for one in lines)
    return trainer(f'echo model >"$2"\n{printed}', error=error)


def malformed(yaml: str, *, error: str) -> Mistake:
    return Mistake(
        files={"trainshed.yml": yaml},
        exit_code=CONFIGURATION,
        error=f"config-is-malformed]: {error}",
    )


LINES = ["dataset=data/train.csv", "metric.score=0.9", "artifact=models/tiny"]
RAN = "`sh code/train.sh data/train.csv models/tiny 0`"
MEND = """
  Mend the program. It ran in a checkout that holds only what `inputs:` names (code/) and the \
data: if it needs another file, add it there.
"""
PRINT_IT = "\n  Print it on a line of its own on standard output (docs/contract.md).\n"
PRINT_PATH = "\n  Write beside the path that is passed as {{out}}, and print that relative path.\n"
DIGEST = "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
A_DIGEST = "a" * 64

CONFIGURATIONS = {
    "no-configuration": Mistake(
        files={"trainshed.yml": None, "README.md": "words"},
        exit_code=CONFIGURATION,
        error="config-is-missing]: There is no trainshed.yml in commit {commit}.\n"
        "  Commit one; the README shows the first steps.\n",
    ),
    "empty": malformed(
        "",
        error="trainshed.yml: should be a mapping with `models:`, got null.\n"
        "  Start from the example in the README.\n",
    ),
    "not-yaml": malformed(
        "models: [\n",
        error="trainshed.yml: is not YAML: while parsing a flow node did not find expected node "
        "content at line 2, column 1\n"
        "  Mend that line; an editor that knows YAML shows it.\n",
    ),
    "unknown-key": malformed(
        trainers.config(timeoot="30m"),
        error='trainshed.yml: models/tiny/timeoot: unknown key.\n  Did you mean "timeout"?\n',
    ),
    "missing-key": malformed(
        trainers.config(train=None),
        error="trainshed.yml: models/tiny/train: is missing.\n"
        '  Add it: train: [python, pipelines/train.py, --data, "{{data}}", --out, "{{out}}"]\n',
    ),
    "wrong-type": malformed(
        trainers.config(metrics={"score": {"direction": "maximize", "min": "high"}}),
        error='trainshed.yml: models/tiny/metrics/score/min: should be a number, got "high".\n'
        "  Write a value such as 0.80.\n",
    ),
    "unknown-model": Mistake(
        arguments=("--model", "tinny"),
        exit_code=CONFIGURATION,
        error='model-is-unknown]: trainshed.yml has no model "tinny"; it has: tiny.\n'
        '  Did you mean "tiny"?\n',
    ),
    "no-model-of-two": Mistake(
        files={
            "trainshed.yml": json.dumps(
                {"models": {"tiny": trainers.model(), "other": trainers.model()}}
            )
        },
        exit_code=CONFIGURATION,
        error="model-is-unknown]: trainshed.yml has 2 models: tiny, other.\n"
        "  Say which one with --model.\n",
    ),
    "unknown-commit": Mistake(
        arguments=("--commit", "v9"),
        exit_code=CONFIGURATION,
        error="commit-is-unknown]: There is no commit v9 in {folder}.\n"
        "  Look at `git log`; in a new clone, `git fetch origin` first.\n",
    ),
    "missing-input": Mistake(
        keys={"inputs": ["code/", "lib/"]},
        exit_code=CONFIGURATION,
        error="input-is-missing]: lib/ is not in commit {commit}.\n"
        "  Add it to git and commit, or correct the path in trainshed.yml.\n",
    ),
    "missing-lock": Mistake(
        keys={"lock": "requirements.txt"},
        exit_code=CONFIGURATION,
        error="lock-file-is-missing]: The lock file requirements.txt is not in commit {commit}.\n"
        "  Commit it, or correct `lock:` in trainshed.yml.\n",
    ),
    "output-in-the-way": Mistake(
        files={"models": "a file"},
        keys={"inputs": ["code/", "models"]},
        exit_code=CONFIGURATION,
        error="output-has-no-place]: The folder of models/tiny cannot be made in the checkout: "
        "File exists.\n"
        "  Change `out:` in trainshed.yml, or remove from git what lies in its way.\n",
    ),
}

DATA_SETS = {
    "missing": Mistake(
        keys={"data": "data/v2.csv"},
        exit_code=CONFIGURATION,
        error="input-is-missing]: data/v2.csv is not in commit {commit}.\n"
        "  Add it to git and commit, or correct the path in trainshed.yml.\n",
    ),
    "empty": Mistake(
        files={"data/train.csv": ""},
        exit_code=CONFIGURATION,
        error="dataset-is-empty]: The dataset data/train.csv has no content.\n"
        "  Check the path (`data:` in trainshed.yml), or write or fetch the data again.\n",
    ),
    "without-the-target": Mistake(
        files={"data/train.csv": "a,b\n1,2\n"},
        exit_code=CONFIGURATION,
        error="target-is-missing]: data/train.csv has no column y; it has: a, b.\n"
        "  Correct `target:` in trainshed.yml, or the data.\n",
    ),
    "another-digest": Mistake(
        keys={"data": {"path": "d", "fetch": ["sh", "-c", "echo x >d"], "sha256": A_DIGEST}},
        exit_code=CONFIGURATION,
        error=f"dataset-has-another-digest]: d has the digest {DIGEST}, "
        f"trainshed.yml says {A_DIGEST}.\n"
        "  If the new data is meant, commit its digest as `sha256:`; else restore the data.\n",
    ),
    "not-fetched": Mistake(
        keys={"data": {"path": "d", "fetch": ["true"], "sha256": A_DIGEST}},
        exit_code=PROGRAM,
        error="fetch-failed]: The `fetch:` command ended well but brought no d.\n"
        "  Make it write there: it runs in the checkout's folder.\n",
    ),
    "no-program-to-fetch-it": Mistake(
        keys={"data": {"path": "d", "fetch": ["./no-such-program"], "sha256": A_DIGEST}},
        exit_code=PROGRAM,
        error="fetch-failed]: The `fetch:` command of d failed: the program ./no-such-program "
        "cannot be started: No such file or directory.\n"
        "  Install it, or name it by a path; it is looked for as `train:` is.\n",
    ),
}

TRAINERS = {
    "fails": trainer(
        "echo no such column >&2; exit 7",
        error=f"trainer-failed]: {RAN} failed with exit code 7. Its last lines:\n"
        f"  no such column{MEND}",
    ),
    "is-killed": trainer(
        "kill -9 $$",
        error=f"trainer-failed]: {RAN} was ended by the signal SIGKILL. Its last lines:\n"
        f"  (nothing){MEND}",
    ),
    "hangs-past-its-limit": trainer(
        "echo epoch 1; sleep 600",
        timeout="1s",
        error=f"trainer-took-too-long]: {RAN} was stopped after its limit of 1 s. Its last lines:\n"
        "  epoch 1\n"
        "  Raise `timeout:` of the model in trainshed.yml, or make training faster.\n",
    ),
    "cannot-be-started": Mistake(
        keys={"train": ["./no-such-program", "{data}"]},
        exit_code=PROGRAM,
        error="trainer-is-missing]: `./no-such-program data/train.csv` cannot be started: "
        "No such file or directory.\n"
        "  Check `train:` in trainshed.yml, and that the program is installed here.\n",
    ),
    "prints-nothing": trainer(
        ":",
        error="trainer-broke-the-contract]: The trainer ended well but never printed "
        f"`dataset=<path>`.{PRINT_IT}",
    ),
    "prints-no-metric": trainer(
        "echo dataset=data/train.csv; echo artifact=models/tiny",
        error="trainer-broke-the-contract]: The trainer ended well but never printed "
        f"`metric.<name>=<number>`.{PRINT_IT}",
    ),
    "prints-not-the-metric-that-is-judged": Mistake(
        files={"code/new": "so that it is another run"},
        keys={"metrics": {"f1": {"direction": "maximize"}}},
        exit_code=PROGRAM,
        error="trainer-broke-the-contract]: The trainer ended well but never printed "
        f"`metric.f1=<number>`.{PRINT_IT}",
    ),
    "prints-nan": says(
        "metric.score=nan",
        error="trainer-broke-the-contract]: The trainer's line `metric.score=nan` "
        "is not a finite number.\n"
        "  Find out why the metric has no value.\n",
    ),
    "prints-infinity": says(
        "metric.score=-inf",
        error="trainer-broke-the-contract]: The trainer's line `metric.score=-inf` "
        "is not a finite number.\n"
        "  Find out why the metric has no value.\n",
    ),
    "prints-no-number": says(
        "metric.score=high",
        error="trainer-broke-the-contract]: The trainer's line `metric.score=high` "
        "is not a number.\n"
        "  Print a number, such as 0.842.\n",
    ),
    "names-other-data": says(
        "dataset=data/mine.csv",
        error="trainer-broke-the-contract]: The trainer's line `dataset=data/mine.csv` names "
        "another dataset than the one it was given, data/train.csv.\n"
        "  Read the path that is passed as {{data}}; a path in the code cannot be traced.\n",
    ),
    "names-no-artifact": trainer(
        "echo dataset=data/train.csv; echo metric.score=1",
        error="trainer-broke-the-contract]: The trainer ended well but never printed "
        f"`artifact=<path>`.{PRINT_IT}",
    ),
    "names-two-artifacts": trainer(
        f"echo artifact=models/first; {REPORT}",
        error="trainer-broke-the-contract]: The trainer's line `artifact=models/tiny` is a second "
        "`artifact=`.\n"
        "  One run makes one of it: print it once.\n",
    ),
    "artifact-is-missing": trainer(
        REPORT,
        error="file-is-missing]: The trainer printed `artifact=models/tiny`, but made no such "
        "file.\n"
        "  Write the file before printing the line; relative paths start at the checkout.\n",
    ),
    "artifact-is-empty": trainer(
        f': >"$2"; {REPORT}',
        error="file-is-missing]: The trainer printed `artifact=models/tiny`, but it has no "
        "content.\n"
        "  Write the file, and close it, before printing the line.\n",
    ),
    "artifact-is-absolute": says(
        "artifact=/tmp/model",
        error="trainer-broke-the-contract]: The trainer's line `artifact=/tmp/model` is not a "
        f"path inside the checkout: it is absolute.{PRINT_PATH}",
    ),
    "artifact-is-upwards": says(
        "artifact=models/../../model",
        error="trainer-broke-the-contract]: The trainer's line `artifact=models/../../model` is "
        f"not a path inside the checkout: it leads upwards with `..`.{PRINT_PATH}",
    ),
    "artifact-is-the-checkout": says(
        "artifact=.",
        error="trainer-broke-the-contract]: The trainer's line `artifact=.` is not a path inside "
        f"the checkout: it is the whole folder.{PRINT_PATH}",
    ),
    "artifact-is-a-link-outside": trainer(
        f'ln -s /etc/hostname "$2"; {REPORT}',
        error="file-is-missing]: The trainer's `artifact=models/tiny` lies outside the checkout "
        "(a symlink leads there).\n"
        "  Write the file itself beside the path that is passed as {{out}}.\n",
    ),
    "artifact-holds-a-link": trainer(
        f'mkdir "$2"; echo m >"$2/m"; ln -s /etc/hostname "$2/key"; {REPORT}',
        error="file-cannot-be-kept]: The trainer's `artifact=models/tiny` cannot be kept: "
        "models/tiny/key is a symbolic link (to /etc/hostname).\n"
        "  Write plain files: no links, no pipes, no odd names.\n",
    ),
}

TABLE = [
    pytest.param(mistake, id=f"{kind}-{name}")
    for kind, mistakes in [
        ("configuration", CONFIGURATIONS),
        ("dataset", DATA_SETS),
        ("trainer", TRAINERS),
    ]
    for name, mistake in mistakes.items()
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good repository, and in it the run of its only commit; each test takes a copy."""
    repository = trainers.make(tmp_path_factory.mktemp("trained") / "repository")
    assert repository.script("train").returncode == 0
    return repository.folder


@pytest.mark.parametrize("mistake", TABLE)
def test_a_mistake_is_one_error_with_a_fix_and_nothing_is_lost(
    trained: Path, tmp_path: Path, mistake: Mistake
) -> None:
    repository = Repository(Path(shutil.copytree(trained, tmp_path / "repository")))
    good, (kept,) = repository.head, repository.store.runs()
    commit = repository.commit({"trainshed.yml": trainers.config(**mistake.keys), **mistake.files})

    finished = repository.script("train", *mistake.arguments)

    expected = mistake.error.format(commit=commit[:12], folder=repository.folder)
    assert (finished.returncode, finished.stdout) == (mistake.exit_code, "")
    assert finished.stderr.partition("error[")[2] == expected
    assert "Traceback" not in finished.stderr
    assert leftovers(repository) == []
    assert repository.git("status", "--porcelain") == ""
    again = repository.script("train", "--commit", good)
    assert (again.returncode, again.stderr.count("found, not trained again")) == (0, 1)
    assert list(repository.store.runs()) == [kept]


def test_on_github_an_error_is_one_annotation(tmp_path: Path) -> None:
    repository = trainers.make(tmp_path / "repository", data="data/100%.csv")

    finished = repository.script("train", GITHUB_ACTIONS="true")

    assert finished.returncode == CONFIGURATION
    assert finished.stderr.partition("::")[2] == (
        f"error::data/100%25.csv is not in commit {repository.head[:12]}.%0A"
        "Add it to git and commit, or correct the path in trainshed.yml.\n"
    )


def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    finished = Repository(tmp_path).script("train")

    assert finished.returncode == CONFIGURATION
    assert finished.stderr.startswith(
        f"error[not-a-repository]: {tmp_path} is not inside a git repository: fatal: "
    )
    assert finished.stderr.endswith(
        "\n  Change into your repository, or make one with `git init`.\n"
    )


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    finished = Repository(tmp_path).script("train", "--repository", "nowhere")

    assert finished.returncode == CONFIGURATION
    assert finished.stderr == (
        f"error[not-a-repository]: There is no folder {tmp_path}/nowhere.\n"
        "  Pass --repository a folder of a git clone.\n"
    )


def test_a_repository_without_a_commit_is_told(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.git("init", "--quiet")

    finished = repository.script("train")

    assert finished.returncode == CONFIGURATION
    assert finished.stderr.startswith(
        f"error[commit-is-unknown]: There is no commit HEAD in {tmp_path}.\n"
    )


def test_an_unknown_option_is_told_with_the_usage(tmp_path: Path) -> None:
    finished = trainers.make(tmp_path).script("train", "--modle", "tiny")

    assert finished.returncode == 2
    assert finished.stderr.startswith("usage: train.py [-h]")
    assert finished.stderr.endswith("error: unrecognized arguments: --modle tiny\n")


def leftovers(repository: Repository) -> list[Path]:
    state = repository.folder / ".trainshed"
    places = [state / "checkouts", repository.folder / ".git/worktrees"]
    found = [path for place in places if place.is_dir() for path in place.iterdir()]
    return [*found, *(state / "runs").glob(".*")]
