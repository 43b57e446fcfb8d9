"""Runs are exported to a real MLflow server, and read back through its REST API."""

import http.server
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow_server
import pytest
import repositories
import results
import trainers
from mlflow_server import Server
from records import RUN
from trainers import Repository

from trainshed import experiment_record, ledger, ports, run
from trainshed.origin import Change, Origin
from trainshed.run import Run

METRICS, PARAMS = 1001, 101
"""One more than MLflow takes at once."""

TRAINER = f"""\
{trainers.TRAINER}
echo metric.precision@10=0.25
echo metric.a//b=-1e-300
echo param.empty=
printf 'param.long=%s\\n' "$(printf 'x%.0s' $(seq 7000))"
printf 'row_id,y_true,y_pred,age,town\\n1,yes,yes,30,Ulm\\n2,no,yes,31,Bonn\\n' >"$2.csv"
echo "predictions=$2.csv"
"""
MANY = f"""\
{TRAINER}
for number in $(seq {METRICS - 3}); do echo "metric.m$number=0.5"; done
for number in $(seq {PARAMS - 3}); do echo "param.p$number=ä"; done
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mlflow_server.serve(tmp_path_factory.mktemp("mlflow")) as one:
        yield one


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two runs, of a model with a private column; the better one has many metrics and params."""
    made = trainers.make(
        tmp_path_factory.mktemp("mlflow-runs") / "repository",
        files={"code/train.sh": TRAINER, "code/score": "0.8\n"},
        private=["age"],
    )
    made.trainings.train_or_find(made.head, None)
    made.commit({"code/score": "0.9\n", "code/train.sh": MANY})
    made.trainings.train_or_find(made.head, None)
    return made


def runs_of(repository: Repository) -> list[Run]:
    return sorted(repository.store.runs(), key=lambda one: one.metrics["score"])


def export(
    repository: Repository, server: Server, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    finished = repository.script("runs", "export", *arguments, MLFLOW_TRACKING_URI=server.uri)
    assert finished.returncode == 0, finished.stderr
    return finished


def as_dict(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in pairs}


def told(finished: "subprocess.CompletedProcess[str]") -> str:
    """Return what the last line says came of it."""
    return finished.stderr.splitlines()[-1].partition(": ")[2].partition("  (")[0]


def test_all_of_a_run_is_in_mlflow_and_a_second_export_adds_nothing(
    repository: Repository, server: Server
) -> None:
    first = export(repository, server)
    there = server.runs("tiny")
    second = export(repository, server)

    assert (told(first), told(second)) == ("2 exported", "2 there already")
    assert server.runs("tiny") == there
    found = {as_dict(one["data"]["tags"])["trainshed.run_id"]: one for one in there}
    few, many = runs_of(repository)
    for one in (few, many):
        _check_run(one, found[one.run_id], server, repository)
    assert (len(many.metrics), len(mlflow_params(many))) == (METRICS, PARAMS)


def mlflow_params(one: Run) -> dict[str, str]:
    return {"seed": "0", **one.params}


def _check_run(one: Run, there: dict[str, Any], server: Server, repository: Repository) -> None:
    info, data = there["info"], there["data"]
    ended = int(datetime.fromisoformat(one.created).timestamp() * 1000)
    assert (info["status"], info["run_name"]) == ("FINISHED", f"tiny {one.run_id[:12]}")
    assert info["end_time"] == ended
    assert info["start_time"] == pytest.approx(ended - one.seconds * 1000, abs=1)

    metrics = dict(one.metrics)
    metrics["precision:10"] = metrics.pop("precision@10")
    metrics["a  b"] = metrics.pop("a//b")
    assert as_dict(data["metrics"]) == metrics
    assert {(m["timestamp"], m["step"]) for m in data["metrics"]} == {(ended, 0)}

    params = as_dict(data["params"])
    assert params.pop("long") == "x" * 5993 + "… (cut)"
    assert params == {k: v for k, v in mlflow_params(one).items() if k != "long"}

    tags = as_dict(data["tags"])
    assert tags["trainshed.commit"] == tags["mlflow.source.git.commit"] == one.commit
    assert tags["trainshed.dataset"] == one.dataset.digest
    assert tags["trainshed.artifact"] == one.artifact.digest

    folder = repository.store.folder(one.run_id)
    files = server.files(info["run_id"])
    assert one.predictions is not None
    shown = files.pop(one.predictions.path)
    assert shown == b"row_id,y_true,y_pred,town\n1,yes,yes,Ulm\n2,no,yes,Bonn\n"
    kept = {one.artifact.path, "run.json", *([one.profile.path] if one.profile else [])}
    assert files == {name: (folder / name).read_bytes() for name in kept}


def test_an_export_that_was_killed_in_the_middle_is_completed(
    repository: Repository, server: Server
) -> None:
    with mlflow_server.stuck_at_upload(server) as (between, has_arrived):
        process = subprocess.Popen(
            trainers.command("runs", "export", "--experiment", "killed"),
            cwd=repository.folder,
            env={**os.environ, "MLFLOW_TRACKING_URI": between.uri},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert has_arrived.wait(60)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    [half] = server.runs("killed")
    files = server.files(half["info"]["run_id"])
    again = export(repository, server, "--experiment", "killed")

    assert half["info"]["status"] == "RUNNING"
    assert files == {}
    assert told(again) == "1 exported, 1 completed"
    there = {as_dict(one["data"]["tags"])["trainshed.run_id"]: one for one in server.runs("killed")}
    assert len(there) == 2
    for one in runs_of(repository):
        _check_run(one, there[one.run_id], server, repository)


def test_files_that_were_left_here_follow_when_they_are_asked_for(
    repository: Repository, server: Server
) -> None:
    best = runs_of(repository)[-1].run_id
    where = ("--experiment", "few", "--where", "score>0.85")

    without = export(repository, server, *where, "--no-artifacts")
    [there] = server.runs("few")
    files = server.files(there["info"]["run_id"])
    whole = export(repository, server, best[:8], "--experiment", "few")

    assert (told(without), told(whole)) == ("1 exported", "1 completed")
    assert files == {}
    assert "run.json" in server.files(there["info"]["run_id"])


def test_what_the_ledger_learns_of_a_run_later_comes_to_its_tags(
    tmp_path: Path, server: Server
) -> None:
    repo = repositories.make(tmp_path, repositories.project_files("churn"))
    record = experiment_record.of_result(
        results.compared(), pull_requests=[12], when="2026-01-02T03:04:05+00:00"
    )
    experiment_record.write(repo.origin, [record])
    here = Repository(repo.folder)
    where = ("--experiment", "of the ledger")

    first = export(here, server, *where)
    [proposed] = server.runs("of the ledger")
    tag = repo.released("churn@v1.0.0", run_id=record.run.run_id).tag
    main = {**run.summary(RUN), "run_id": record.run.run_id}
    Origin(repo.repository).change(
        lambda _: Change(
            records=ledger.run_records("churn", record.run.run_id, main), message="Release\n"
        )
    )
    second = export(here, server, *where)
    [released] = server.runs("of the ledger")

    before, after = as_dict(proposed["data"]["tags"]), as_dict(released["data"]["tags"])
    assert (told(first), told(second)) == ("1 exported", "1 tags brought up to date")
    assert as_dict(proposed["data"]["metrics"]) == results.GOOD
    assert (before["trainshed.pull_request"], before["trainshed.verdict"]) == ("12", "pass")
    assert before["trainshed.head"] == results.HEAD
    assert "trainshed.release" not in before
    assert after == {**before, "trainshed.release": str(tag)}
    assert server.files(released["info"]["run_id"]) == {}


def test_a_deleted_experiment_is_not_brought_back(repository: Repository, server: Server) -> None:
    made = server.post("mlflow/experiments/create", {"name": "gone"})
    server.post("mlflow/experiments/delete", {"experiment_id": made["experiment_id"]})

    finished = repository.script(
        "runs", "export", "--experiment", "gone", MLFLOW_TRACKING_URI=server.uri
    )

    assert finished.returncode == 2
    assert "error[mlflow-experiment-is-deleted]: The experiment gone was deleted in MLflow.\n" in (
        finished.stderr
    )


def test_a_dry_run_tells_what_would_be_exported_and_asks_nobody(repository: Repository) -> None:
    finished = repository.script("runs", "export", "--dry-run", "--sort", "-score", "--limit", "1")

    best = runs_of(repository)[-1]
    files = 4 if best.profile else 3
    assert (finished.returncode, finished.stderr) == (0, "")
    what = f"{METRICS} metrics, {PARAMS} params, {files} files; long cut to 6000 characters"
    assert finished.stdout.splitlines()[1:] == [f"{best.run_id[:12]}  tiny        {what}"]


@pytest.mark.parametrize(
    ("uri", "slug", "said"),
    [
        ("", "tracking-uri-is-missing", "MLFLOW_TRACKING_URI is not set"),
        ("localhost:5000", "tracking-uri-is-no-server", "(localhost:5000) is not the address"),
        ("sqlite:///mlflow.db", "tracking-uri-is-no-server", "mlflow server --backend-store-uri"),
        ("ftp://ada:secret@host", "tracking-uri-is-no-server", "(host) is not the address"),
        ("http://[", "tracking-uri-is-no-server", "http://127.0.0.1:5000"),
    ],
)
def test_without_the_address_of_a_server_nothing_is_begun(
    repository: Repository, uri: str, slug: str, said: str
) -> None:
    finished = repository.script("runs", "export", MLFLOW_TRACKING_URI=uri)

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"error[{slug}]: ")
    assert said in finished.stderr
    assert "secret" not in finished.stderr


def test_a_server_that_does_not_answer_is_told_without_the_password(
    repository: Repository,
) -> None:
    port = ports.free_port()
    finished = repository.script(
        "runs", "export",
        MLFLOW_TRACKING_URI=f"http://ada:secret@127.0.0.1:{port}",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )  # fmt: skip

    assert finished.returncode == 4
    assert "error[mlflow-cannot-be-reached]: " in finished.stderr
    assert f"MLflow at http://127.0.0.1:{port} cannot be reached" in finished.stderr
    assert "secret" not in finished.stderr


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Serve one answer to everything; yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=one.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{one.server_port}"
    finally:
        one.shutdown()
        one.server_close()


@pytest.mark.parametrize(
    ("status", "body", "slug", "said"),
    [
        (401, b"You are not authenticated.", "mlflow-refuses", "MLFLOW_TRACKING_USERNAME"),
        (
            403,
            json.dumps({"error_code": "PERMISSION_DENIED", "message": "no"}).encode(),
            "mlflow-refuses",
            "does not let us write",
        ),
        (200, b"<h1>Welcome</h1>", "mlflow-refuses", "is no MLflow server"),
        (
            400,
            json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": "odd"}).encode(),
            "mlflow-cannot-take-it",
            "failed at the run",
        ),
    ],
)
def test_a_refusal_is_told_by_what_it_means(
    repository: Repository, status: int, body: bytes, slug: str, said: str
) -> None:
    with answering(status, body) as uri:
        finished = repository.script(
            "runs", "export", MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
        )

    assert finished.returncode == 4, finished.stderr
    assert f"error[{slug}]: " in finished.stderr
    assert said in finished.stderr
