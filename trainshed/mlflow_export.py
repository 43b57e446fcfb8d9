"""Export runs to MLflow, where MLFLOW_TRACKING_URI says: runs, params, metrics, tags and files.

MLflow's client (requirements/mlflow.txt) runs in a process of its own: with the running Python
where that has it, else in an environment that is made on demand.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from trainshed import crossing, environment, locks, mlflow_client, private_columns
from trainshed.config import Model
from trainshed.crossing import Crossing
from trainshed.environment import Environment
from trainshed.errors import ConfigurationError, TrainshedError
from trainshed.ledger_runs import Known
from trainshed.mlflow_client import Outcome
from trainshed.mlflow_run import MlflowRun, Upload
from trainshed.run import File, Run
from trainshed.settings import FRAMEWORK, settings, users_environment
from trainshed.store import Store

_LOCK = FRAMEWORK / "requirements" / "mlflow.txt"
_SCHEMES = {"http", "https", "databricks"}
_TAIL_LINES = 20

# Its own are 7 tries over some minutes; whoever waits may set them. It reports to nobody else.
_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

Tell = Callable[[str], None]


class TrackingUriIsMissing(ConfigurationError):
    """Runs should go to MLflow, and nothing says where it is."""


class TrackingUriIsNoServer(ConfigurationError):
    """MLFLOW_TRACKING_URI is no address of a server of MLflow's."""


class MlflowClientEndedUnexpectedly(TrainshedError):
    """The process that speaks to MLflow ended for a reason that is none of ours."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    run: MlflowRun
    outcome: Outcome


def require_uri() -> str:
    """Return the address of MLflow's server.

    Raises:
        TrackingUriIsMissing, TrackingUriIsNoServer
    """
    uri = settings().mlflow_tracking_uri
    if uri is None:
        raise TrackingUriIsMissing(
            "MLFLOW_TRACKING_URI is not set, so there is no MLflow to export runs to.",
            fix="Set it to the address of your MLflow server: "
            "`export MLFLOW_TRACKING_URI=https://mlflow.example.org`.",
        )
    try:
        parts = urlsplit(uri)
        scheme, is_there = parts.scheme, bool(parts.hostname)
    except ValueError:
        scheme, is_there = "", False
    if uri != "databricks" and (scheme not in _SCHEMES or not is_there):
        shown = uri.rpartition("@")[2]  # before it there may be a password
        raise TrackingUriIsNoServer(
            f"MLFLOW_TRACKING_URI ({shown}) is not the address of a server.",
            fix="Write one such as http://127.0.0.1:5000. For a folder or a database, start a "
            "server on it: `mlflow server --backend-store-uri sqlite:///mlflow.db`.",
        )
    return uri


def export(runs: Sequence[MlflowRun], *, state: Path, tell: Tell) -> Iterator[Exported]:
    """Write runs to MLflow, one after the other; those that are there already stay as they are.

    Args:
        state: the project's folder of local state; two exports of a clone take turns.

    Raises:
        TrackingUriIsMissing, TrackingUriIsNoServer
        MlflowCannotBeReached, MlflowRefuses, MlflowCannotTakeIt, MlflowExperimentIsDeleted: those
            before it are written, and are found there the next time.
    """
    require_uri()
    waiting = "another export of this clone is at work; waiting for it"
    with (
        locks.held(state / "locks" / "mlflow", waiting=lambda: tell(waiting)),
        _client(tell) as ask,
    ):
        for run in runs:
            yield Exported(run=run, outcome=ask(run))


def uploads(one: Known, *, store: Store, chosen: Model | None, scratch: Path) -> list[Upload]:
    """Return the files of a run that go to MLflow; none when it is not in the store.

    Columns marked private are taken out of predictions: such a copy lies in `scratch`. A profile
    that holds values of them stays here.

    Args:
        chosen: the model as trainshed.yml has it now; None when it has no such model. Nobody says
            then what is private, so predictions and profile stay here.
    """
    if one.run is None or store.find(one.run_id) is None:
        return []
    run, folder = one.run, store.folder(one.run_id)
    found = [_upload(folder, file) for file in (run.artifact, run.examples, run.schema) if file]
    found.append(Upload(path=str(folder / "run.json"), folder=""))
    if chosen is None:
        return found
    if run.profile is not None:
        content = (folder / run.profile.path).read_bytes()
        if not private_columns.shows(content, chosen.private):
            found.append(_upload(folder, run.profile))
    return found + _predictions(run, folder, chosen, scratch / one.run_id)


def _predictions(run: Run, folder: Path, chosen: Model, scratch: Path) -> list[Upload]:
    if run.predictions is None:
        return []
    columns = private_columns.named(private=chosen.private, key=chosen.key, target=chosen.target)
    path = folder / run.predictions.path
    if not columns:
        return [_upload(folder, run.predictions)]
    content = {run.predictions.path: path.read_bytes()} if path.is_file() else {}
    kept, _ = private_columns.remove(content, replace(run, training_rows=None), columns)
    shown = kept.get(run.predictions.path)
    if shown is None:
        return []
    copy = scratch / run.predictions.path
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(shown)
    return [_upload(scratch, run.predictions)]


def _upload(folder: Path, file: File) -> Upload:
    """A file goes beside others of its kind; of a folder all that it holds goes into one."""
    path = folder / file.path
    place = file.path if path.is_dir() else str(PurePosixPath(file.path).parent)
    return Upload(path=str(path), folder=place)


@contextmanager
def _client(tell: Tell) -> Iterator[Callable[[MlflowRun], Outcome]]:
    """Start the process that speaks to MLflow; it ends with this, or when we do."""
    python, variables, without = _python(tell)
    given = users_environment({**variables, "PYTHONPATH": str(FRAMEWORK)}, without=without)
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            # -P: an mlflow.py in somebody's folder is not MLflow.
            [python, "-P", "-m", mlflow_client.__name__],
            cwd=FRAMEWORK,
            env={**_DEFAULTS, **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        try:
            yield lambda run: _ask(process, run, stderr)
        finally:
            process.kill()
            process.communicate()


def _ask(process: "subprocess.Popen[str]", run: MlflowRun, stderr: IO[bytes]) -> Outcome:
    assert process.stdin is not None
    assert process.stdout is not None
    line = ""
    try:
        process.stdin.write(f"{run.to_json()}\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        process.stdin = None  # what it did not read is lost with it
    if not line.endswith("\n"):
        process.wait()
        stderr.seek(0)
        said = stderr.read().decode(errors="replace").strip().splitlines()
        tail = "\n".join(said[-_TAIL_LINES:]) or "(no word)"
        raise MlflowClientEndedUnexpectedly(
            f"The process that speaks to MLflow ended at the run {run.run_id[:12]}:\n{tail}",
            fix="Run the same command again: it goes on where this one ended. If it stays, report "
            "it as a bug.",
        )
    reply = json.loads(line)
    if "error" in reply:
        raise crossing.arrived(Crossing(**reply["error"]))
    outcome: Outcome = reply["outcome"]
    return outcome


def _python(tell: Tell) -> tuple[Path, Mapping[str, str], tuple[str, ...]]:
    """Return a Python that has MLflow's client, and which variables it starts with and without."""
    if importlib.util.find_spec("mlflow") is not None:
        return Path(sys.executable), {}, ()
    made = environment.ensure([_LOCK], root=settings().environments, name="mlflow", tell=tell)
    return made.python, made.variables(), Environment.without
