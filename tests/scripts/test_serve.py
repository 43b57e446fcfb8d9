"""What scripts/serve.py would start. That the server answers is tested in test_serving.py."""

import shlex
import subprocess
from pathlib import Path

import pytest
import trainers
from trainers import Repository


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One cache for all tests here: the server's environment is made once."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    serve = {"predictor": "code.predict:predict", "include": ["code/predict.py", "lib/"]}
    return trainers.make(
        tmp_path / "repository",
        serve=serve,
        files={"code/predict.py": "def predict(): ...\n", "lib/a/b.py": "b = 1\n", "other": "x"},
    )


def test_help_teaches_and_shows_examples(repository: Repository) -> None:
    finished = repository.script("serve", "--help")

    assert finished.returncode == 0
    assert "what is live is started by scripts/deploy.py" in finished.stdout
    assert "  scripts/serve.py --run 3f2a9c --port 9000     any run of the store" in finished.stdout


def test_a_dry_run_prints_the_command_and_starts_nothing(
    repository: Repository, cache: str, tmp_path: Path
) -> None:
    repository.script("train")
    (run,) = repository.store.runs()
    log = tmp_path / "log"

    finished = repository.script(
        "serve", "--dry-run", "--port", "9000", "--log", str(log), TRAINSHED_CACHE=cache
    )

    code = repository.folder / ".trainshed/serve" / run.run_id[:12]
    python, *arguments = shlex.split(finished.stdout)
    assert finished.returncode == 0, finished.stderr
    assert arguments == [
        *("-m", "trainshed.serving"),
        *("--run", str(repository.store.folder(run.run_id))),
        *("--code", str(code)),
        *("--predictor", "code.predict:predict"),
        *("--port", "9000", "--host", "127.0.0.1"),
        *("--log", str(log)),
    ]
    assert Path(python).is_relative_to(cache)
    subprocess.run([python, "-c", "import uvicorn"], check=True)
    assert not log.exists()


def test_only_the_code_that_is_included_is_there_and_it_is_the_commits(
    repository: Repository, cache: str
) -> None:
    repository.script("train")
    repository.write({"lib/a/b.py": "changed", "lib/new.py": "new"})

    repository.script("serve", "--dry-run", TRAINSHED_CACHE=cache)

    (code,) = (repository.folder / ".trainshed/serve").iterdir()
    files = {str(one.relative_to(code)): one.read_text() for one in code.rglob("*.py")}
    assert files == {"code/predict.py": "def predict(): ...\n", "lib/a/b.py": "b = 1\n"}


def test_any_run_of_the_store_can_be_named(repository: Repository, cache: str) -> None:
    repository.script("train")
    (run,) = repository.store.runs()
    repository.commit({"code/score": "0.8"})

    finished = repository.script(
        "serve", "--dry-run", "--run", run.run_id[:8], TRAINSHED_CACHE=cache
    )

    assert f"--run {repository.store.folder(run.run_id)} " in finished.stdout


def test_a_commit_that_was_not_trained_is_told(repository: Repository) -> None:
    plan = repository.trainings.plan(repository.head, None)

    finished = repository.script("serve", "--dry-run")

    assert finished.returncode == 2
    assert finished.stderr == (
        f"error[run-is-unknown]: The last commit's run ({plan.run_id[:12]}) is not in the run "
        "store.\n"
        "  Train it first: scripts/train.py\n"
    )


def test_a_model_that_is_not_served_is_told(tmp_path: Path, cache: str) -> None:
    repository = trainers.make(tmp_path)
    repository.script("train")

    finished = repository.script("serve", "--dry-run", TRAINSHED_CACHE=cache)

    assert finished.returncode == 2
    assert finished.stderr == (
        "error[model-is-not-served]: trainshed.yml says `serve: none` for tiny, so nothing can "
        "answer for it.\n"
        "  Take `serve: none` away, name a predictor if the artifact has none, and commit.\n"
    )


def test_code_that_is_not_in_the_commit_is_told(repository: Repository, cache: str) -> None:
    repository.commit({"trainshed.yml": trainers.config(serve={"include": ["gone/"]})})
    repository.script("train")

    finished = repository.script("serve", "--dry-run", TRAINSHED_CACHE=cache)

    assert finished.returncode == 2
    assert "error[input-is-missing]: gone/ is not in commit " in finished.stderr
