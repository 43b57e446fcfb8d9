from pathlib import Path

import pytest
import trainers
from trainers import REPORT, Repository

from trainshed.run_files import FileCannotBeKept, FileIsMissing, OutputHasNoPlace
from trainshed.training import Outcome


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository")


def test_every_reported_file_is_kept_under_its_key(repository: Repository) -> None:
    program = 'for one in "$2" p.csv e.jsonl deep/s.json; do mkdir -p "$(dirname $one)"\n'
    program += 'echo "$one" >"$one"; done\n'
    lines = "predictions=p.csv\\nexamples=./e.jsonl\\nschema=deep/s.json\\nparam.depth=4\\n"
    repository.commit({"code/train.sh": f"{program}printf '{lines}'\n{REPORT}"})

    outcome = train(repository)

    run = outcome.run
    kept = {file.path for file in (run.artifact, run.predictions, run.examples, run.schema) if file}
    assert kept == {"artifact/tiny", "predictions/p.csv", "examples/e.jsonl", "schema/s.json"}
    for path in kept:
        assert (outcome.folder / path).is_file()
    assert run.params == {"depth": "4"}
    assert run.artifact.size == len("models/tiny\n")


def test_an_artifact_may_be_a_folder(repository: Repository) -> None:
    program = 'mkdir -p "$2/deep"; echo w >"$2/deep/weights"; echo c >"$2/config"\n'
    repository.commit({"code/train.sh": program + REPORT})

    outcome = train(repository)

    assert (outcome.folder / "artifact/tiny/deep/weights").read_text() == "w\n"
    assert outcome.run.artifact.size == 4
    assert train(repository).was_found


def test_an_artifact_may_be_a_link_to_a_file_of_the_checkout(repository: Repository) -> None:
    program = 'echo best >epoch-3; ln -s ../epoch-3 "$2"\n'
    repository.commit({"code/train.sh": program + REPORT})

    outcome = train(repository)

    assert (outcome.folder / "artifact/tiny").read_text() == "best\n"
    assert not (outcome.folder / "artifact/tiny").is_symlink()


@pytest.mark.parametrize(
    ("program", "error", "problem"),
    [
        pytest.param(
            "", FileIsMissing, "printed `artifact=models/tiny`, but made no such file.", id="none"
        ),
        pytest.param(
            'touch "$2"',
            FileIsMissing,
            "`artifact=models/tiny`, but it has no content.",
            id="empty",
        ),
        pytest.param(
            'mkdir "$2"',
            FileIsMissing,
            "`artifact=models/tiny`, but it has no content.",
            id="hollow",
        ),
        pytest.param(
            'ln -s /etc/hostname "$2"',
            FileIsMissing,
            "`artifact=models/tiny` lies outside the checkout (a symlink leads there).",
            id="link-outside",
        ),
        pytest.param(
            'rmdir models; ln -s "$OUTSIDE" models; echo model >"$2"',
            FileIsMissing,
            "`artifact=models/tiny` lies outside the checkout (a symlink leads there).",
            id="folder-outside",
        ),
        pytest.param(
            'ln -s nowhere "$2"',
            FileIsMissing,
            "printed `artifact=models/tiny`, but made no such file.",
            id="dangling-link",
        ),
        pytest.param(
            'mkdir "$2"; echo m >"$2/m"; ln -s /etc/hostname "$2/key"',
            FileCannotBeKept,
            "`artifact=models/tiny` cannot be kept: models/tiny/key is a symbolic link "
            "(to /etc/hostname).",
            id="link-in-a-folder",
        ),
        pytest.param(
            'mkfifo "$2"',
            FileCannotBeKept,
            "`artifact=models/tiny` cannot be kept: models/tiny is neither a file nor a folder "
            "but a pipe, a socket or a device.",
            id="pipe",
        ),
    ],
)
def test_an_artifact_that_cannot_be_kept_is_told(
    repository: Repository, tmp_path: Path, program: str, error: type[Exception], problem: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    program = program.replace("$OUTSIDE", str(outside))
    repository.commit({"code/train.sh": f"{program}\n{REPORT}"})

    with pytest.raises(error) as caught:
        train(repository)

    assert problem in caught.value.problem
    assert list((repository.folder / ".trainshed/runs").iterdir()) == []


@pytest.mark.parametrize("blocked_by", ["a-file", "a-dangling-link"])
def test_an_output_folder_that_cannot_be_made_is_told(
    repository: Repository, blocked_by: str
) -> None:
    if blocked_by == "a-file":
        (repository.folder / "models").write_text("")
    else:
        (repository.folder / "models").symlink_to("/nowhere/at/all")
    repository.commit({"trainshed.yml": trainers.config(inputs=["code/", "models"])})

    with pytest.raises(OutputHasNoPlace, match=r"^The folder of models/tiny cannot be made"):
        train(repository)


def train(repository: Repository) -> Outcome:
    return repository.trainings.train_or_find(repository.head, None)
