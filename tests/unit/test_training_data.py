import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import trainers
from trainers import DATA, REPORT, Repository

from trainshed import training_data
from trainshed.checkout import InputIsMissing
from trainshed.config import Model
from trainshed.dataset import DatasetHasASymlink, DatasetIsEmpty
from trainshed.training import Outcome
from trainshed.training_data import DatasetHasAnotherDigest, FetchFailed, TargetIsMissing

FETCHED = hashlib.sha256(b"a,y\n9,no\n").hexdigest()
OTHER = hashlib.sha256(b"a,y\n8,no\n").hexdigest()
COUNT = '#!/bin/sh\necho smudged >>"$SMUDGED"\nsed s/POINTER/content/\n'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return trainers.make(tmp_path / "repository")


@pytest.fixture
def filtered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository in which CSV files are pointers, as with LFS; each reading of one is counted."""
    smudge = tmp_path / "smudge"
    smudge.write_text(COUNT)
    smudge.chmod(0o755)
    monkeypatch.setenv("SMUDGED", str(tmp_path / "smudged"))
    repository = trainers.make(tmp_path / "filtered")
    repository.git("config", "filter.pointers.smudge", str(smudge))
    repository.git("config", "filter.pointers.clean", "sed s/content/POINTER/")
    repository.commit(
        {".gitattributes": "*.csv filter=pointers\n", "data/train.csv": "a,y\ncontent,no\n"}
    )
    return repository


def test_a_tracked_files_digest_is_that_of_sha256sum(repository: Repository) -> None:
    assert digest(repository) == sha256(DATA)


def test_a_tracked_folders_digest_is_that_of_its_manifest(repository: Repository) -> None:
    files = {"data/parts/b.csv": "a,y\n1,yes\n", "data/parts/a/ü.csv": "a,y\n2,no\n"}
    repository.commit({"trainshed.yml": trainers.config(data="data/parts/"), **files})

    lines = [f"{sha256(content)}  {name.removeprefix('data/parts/')}\n" for name, content in
             sorted(files.items())]  # fmt: skip
    assert digest(repository) == sha256("".join(lines))


def test_the_folder_is_what_the_trainer_is_given(repository: Repository) -> None:
    repository.commit(
        {
            "trainshed.yml": trainers.config(data="data/parts/"),
            "data/parts/b.csv": "a,y\n1,yes\n",
            "code/train.sh": 'ls "$1" >"$2"\n' + REPORT,
        }
    )

    outcome = train(repository)

    assert (outcome.folder / "artifact/tiny").read_text() == "b.csv\n"


def test_data_that_changes_has_another_digest(repository: Repository) -> None:
    digest(repository)

    repository.commit({"data/train.csv": DATA + "4,no\n"})

    assert digest(repository) == sha256(DATA + "4,no\n")


def test_the_persons_own_copy_of_the_data_does_not_count(repository: Repository) -> None:
    repository.write({"data/train.csv": "changed"})

    assert digest(repository) == sha256(DATA)


def test_what_is_hashed_is_what_a_filter_checks_out(filtered: Repository) -> None:
    assert filtered.git("show", "HEAD:data/train.csv") == "a,y\nPOINTER,no"
    assert digest(filtered) == sha256("a,y\ncontent,no\n")


def test_what_is_hashed_is_what_the_trainer_reads(filtered: Repository) -> None:
    filtered.commit({"code/train.sh": 'cat "$1" >"$2"\n' + REPORT})

    outcome = train(filtered)

    assert outcome.run.artifact.digest == outcome.run.dataset.digest


def test_tracked_data_is_hashed_once_whatever_else_is_committed(
    filtered: Repository, tmp_path: Path
) -> None:
    first = digest(filtered)
    (tmp_path / "smudged").unlink()

    filtered.commit({"README.md": "words", "other/.gitattributes": "*.txt -text\n"})

    assert digest(filtered) == first
    assert not (tmp_path / "smudged").exists()


def test_attributes_that_change_what_is_checked_out_change_the_digest(
    filtered: Repository,
) -> None:
    before = digest(filtered)

    filtered.git("config", "filter.pointers.smudge", "cat")
    filtered.write({".gitattributes": "*.csv -filter\n"})
    filtered.git("commit", "--quiet", "--message", "No filter", ".gitattributes")

    assert digest(filtered) == sha256("a,y\nPOINTER,no\n") != before


def test_two_files_of_equal_content_may_be_checked_out_differently(filtered: Repository) -> None:
    pointer = "a,y\nPOINTER,no\n"
    one = digest(filtered)

    filtered.commit({"data/plain": pointer, "trainshed.yml": trainers.config(data="data/plain")})

    assert filtered.git("rev-parse", "HEAD:data/plain") == filtered.git(
        "rev-parse", "HEAD:data/train.csv"
    )
    assert digest(filtered) == sha256(pointer) != one


def test_data_that_is_not_in_the_commit_is_named(repository: Repository) -> None:
    repository.commit({"trainshed.yml": trainers.config(data="data/v9.csv")})
    repository.write({"data/v9.csv": DATA})

    with pytest.raises(InputIsMissing, match=r"^data/v9\.csv is not in commit"):
        digest(repository)


def test_an_error_names_the_data_as_the_configuration_does(repository: Repository) -> None:
    repository.commit({"data/train.csv": ""})
    with pytest.raises(DatasetIsEmpty) as caught:
        digest(repository)
    assert caught.value.problem == "The dataset data/train.csv has no content."

    (repository.folder / "data/train.csv").unlink()
    (repository.folder / "data/train.csv").symlink_to("../code/score")
    repository.commit()
    with pytest.raises(DatasetHasASymlink) as linked:
        digest(repository)
    assert linked.value.problem == "data/train.csv is a symbolic link (to ../code/score)."


def test_fetched_data_with_the_committed_digest_is_trained_on(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "ours")
    monkeypatch.setenv("VIRTUAL_ENV", "ours")
    program = '[ -z "$PYTHONPATH$VIRTUAL_ENV" ] || exit 9; printf "a,y\\n9,no\\n" >"$1"'
    fetch(repository, program, path="far/away/big.csv")

    outcome = train(repository)

    assert outcome.run.dataset.digest == FETCHED
    assert (outcome.folder / "artifact/tiny").read_text() == "trained on 1 rows with seed 0\n"
    assert not (repository.folder / "far").exists()


def test_the_committed_digest_is_the_datasets_and_nothing_is_fetched_to_know_it(
    repository: Repository,
) -> None:
    fetch(repository, "exit 9", sha256="a" * 64)

    assert digest(repository) == "a" * 64


def test_a_run_that_is_found_fetches_nothing(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETCHED", str(tmp_path / "fetched"))
    fetch(repository, 'echo once >>"$FETCHED"; printf "a,y\\n9,no\\n" >"$1"')
    train(repository)

    assert train(repository).was_found
    assert (tmp_path / "fetched").read_text() == "once\n"


def test_a_fetched_folder_has_the_digest_of_its_manifest(repository: Repository) -> None:
    manifest = f"{FETCHED}  one.csv\n"
    fetch(
        repository,
        'mkdir "$1"; printf "a,y\\n9,no\\n" >"$1/one.csv"',
        path="parts",
        sha256=sha256(manifest),
    )
    repository.commit({"code/train.sh": 'ls "$1" >"$2"\n' + REPORT})

    assert train(repository).run.dataset.digest == sha256(manifest)


@pytest.mark.parametrize(
    ("program", "error", "problem"),
    [
        pytest.param(
            'printf "a,y\\n8,no\\n" >"$1"',
            DatasetHasAnotherDigest,
            f"big.csv has the digest {OTHER}, trainshed.yml says {FETCHED}.",
            id="another-digest",
        ),
        pytest.param(
            "echo no credentials >&2; exit 4",
            FetchFailed,
            "failed with exit code 4. Its last lines:\n  no credentials",
            id="fails",
        ),
        pytest.param(":", FetchFailed, "ended well but brought no big.csv.", id="brings-nothing"),
        pytest.param(
            ': >"$1"',
            DatasetIsEmpty,
            "The dataset big.csv has no content.",
            id="brings-nothingness",
        ),
        pytest.param(
            'ln -s /etc/hostname "$1"',
            DatasetHasASymlink,
            "big.csv is a symbolic link (to /etc/hostname).",
            id="brings-a-link",
        ),
    ],
)
def test_a_fetch_that_does_not_bring_the_committed_data_is_told_before_training(
    repository: Repository, program: str, error: type[Exception], problem: str
) -> None:
    fetch(repository, program)
    repository.commit({"code/train.sh": "echo trained >&2; exit 1"})

    with pytest.raises(error) as caught:
        train(repository)

    assert problem in caught.value.problem


@pytest.mark.parametrize("program", ["no-such-program", "./code/score", "code/score"])
def test_a_fetch_program_that_cannot_be_started_is_told(
    repository: Repository, program: str
) -> None:
    data = {"path": "big.csv", "fetch": [program], "sha256": FETCHED}
    repository.commit({"trainshed.yml": trainers.config(data=data)})

    with pytest.raises(FetchFailed, match=rf"the program {program} cannot be started: "):
        train(repository)


def test_credentials_reach_the_fetch_alone_and_under_their_own_name(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_FETCH_CLOUD_KEY", "opensesame")
    monkeypatch.setenv("TRAINSHED_GITHUB_TOKEN", "token")
    check = 'echo "$CLOUD_KEY,$TRAINSHED_FETCH_CLOUD_KEY,$TRAINSHED_GITHUB_TOKEN"'
    spied = f'[ "$({check})" = opensesame,, ] && printf "a,y\\n9,no\\n" >"$1"'
    repository.commit({"code/train.sh": f'{check} >"$2"\n{trainers.REPORT}'})
    fetch(repository, spied)

    outcome = train(repository)

    assert (outcome.folder / "artifact/tiny").read_text() == ",,\n"


def test_a_fetch_that_takes_too_long_is_ended_with_all_that_it_started(
    repository: Repository, tmp_path: Path
) -> None:
    fetch(repository, f"sleep 600 & echo $! >{tmp_path}/pid; echo connecting; wait", timeout="1s")

    with pytest.raises(FetchFailed, match=r"after its limit of 1 s\. Its last lines:\n  conn"):
        train(repository)

    pid = int((tmp_path / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_in_a_workflow_a_failed_fetch_speaks_of_forks(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    fetch(repository, "exit 1")

    with pytest.raises(FetchFailed) as caught:
        train(repository)

    assert caught.value.slug == "fetch-failed"
    assert "a maintainer must run it" in caught.value.fix


def test_a_fetch_sees_only_what_inputs_declare(repository: Repository) -> None:
    repository.commit({".dvc/config": "x"})
    fetch(repository, 'cat .dvc/config; printf "a,y\\n9,no\\n" >"$1"')
    outcome = train(repository)
    assert outcome.run.dataset.digest == FETCHED

    fetch(repository, 'set -e; cat .dvc/config; printf "a,y\\n9,no\\n" >"$1"', env={"X": "1"})
    with pytest.raises(FetchFailed, match=r"\.dvc/config: No such file") as caught:
        train(repository)
    assert "it may lack a credential or a file of `inputs:`" in caught.value.fix


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("a,y\n1,2\n", id="plain"),
        pytest.param('"a","y"\r\n', id="quoted-crlf"),
        pytest.param("\ufeffy,a\n", id="byte-order-mark"),
        pytest.param("y", id="one-column"),
        pytest.param("\n\na,y\n", id="blank-lines-first"),
        pytest.param("a;y\n1;2\n", id="semicolons"),
        pytest.param("a\ty\n", id="tabs"),
        pytest.param("a|b|c,y\n", id="bars-in-a-name"),
        pytest.param('"two\nlines",y\n', id="line-break-in-a-name"),
        pytest.param("a,y\n".encode("utf-16"), id="utf-16"),
        pytest.param("größe,z\n".encode("latin-1"), id="latin-1"),
        pytest.param(b"\x00\x01\x02", id="no-text"),
        pytest.param("x" * 300_000, id="one-long-field"),
    ],
)
def test_data_that_has_the_target_or_may_have_it_is_accepted(
    tmp_path: Path, header: str | bytes
) -> None:
    content = header.encode() if isinstance(header, str) else header
    (tmp_path / "train.csv").write_bytes(content)

    training_data.require_target(tmp_path, model("train.csv"))


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        pytest.param("a,b\n1,y\n", "a, b", id="plain"),
        pytest.param("a;b;c\n", "a, b, c", id="semicolons"),
        pytest.param("Y,y \n", "Y, y ", id="almost"),
        pytest.param("\n\n", "none", id="blank"),
        pytest.param(",".join(map(str, range(30))), ", ".join(map(str, range(20))), id="many"),
    ],
)
def test_data_without_the_target_is_told_with_what_it_has(
    tmp_path: Path, header: str, columns: str
) -> None:
    (tmp_path / "train.CSV").write_text(header)

    with pytest.raises(TargetIsMissing) as caught:
        training_data.require_target(tmp_path, model("train.CSV"))

    assert caught.value.problem == f"train.CSV has no column y; it has: {columns}."


def test_one_table_of_a_folder_with_the_target_is_enough(tmp_path: Path) -> None:
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/features.csv").write_text("id,a\n")
    with pytest.raises(TargetIsMissing, match="data has no column y; it has: id, a"):
        training_data.require_target(tmp_path, model("data"))

    (tmp_path / "data/deep/labels.csv").write_text("id,y\n")

    training_data.require_target(tmp_path, model("data"))


def test_data_that_is_no_csv_is_left_to_the_trainer(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1")

    training_data.require_target(tmp_path, model("train.parquet"))
    training_data.require_target(tmp_path, model("train.parquet", target=None))


def model(data: str, **keys: Any) -> Model:
    return Model.model_validate(trainers.model(data=data, **keys))


def fetch(
    repository: Repository,
    program: str,
    *,
    path: str = "big.csv",
    sha256: str = FETCHED,
    env: Mapping[str, str] | None = None,
    timeout: str = "30s",
) -> None:
    """Commit a configuration whose data comes by a shell program; its first argument is {data}."""
    data = {"path": path, "fetch": ["sh", "-c", program, "sh", "{data}"], "sha256": sha256}
    keys = {"data": data, "env": dict(env or {}), "timeout": timeout}
    repository.commit({"trainshed.yml": trainers.config(**keys)})


def digest(repository: Repository) -> str:
    return repository.trainings.plan(repository.head, None).dataset.digest


def train(repository: Repository) -> Outcome:
    return repository.trainings.train_or_find(repository.head, None)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
