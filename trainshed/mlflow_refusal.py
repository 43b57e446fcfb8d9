"""Why MLflow did not take a run: what its client's exceptions mean, in a reader's words."""

import importlib
from typing import Any

from trainshed import mlflow_run
from trainshed.errors import ConfigurationError, OutsideError
from trainshed.mlflow_run import MlflowRun
from trainshed.settings import settings


class MlflowCannotBeReached(OutsideError):
    """Nobody answers at MLFLOW_TRACKING_URI."""


class MlflowRefuses(OutsideError):
    """MLflow's server does not let us write, or is none."""


class MlflowCannotTakeIt(OutsideError):
    """MLflow's client or server failed at a run, or does not take it."""


class MlflowExperimentIsDeleted(ConfigurationError):
    """The experiment that a run should go to lies in MLflow's bin."""


def told(error: Any, run: MlflowRun) -> OutsideError:
    """Say what an exception of MLflow's client, or of what it works with, means."""
    uri = settings().mlflow_tracking_uri or ""
    where = mlflow_run.without_password(uri, uri)
    said = mlflow_run.without_password(str(getattr(error, "message", error)), uri)
    said = " ".join(said.split())[:500]
    if _is_silence(error):
        return MlflowCannotBeReached(
            f"MLflow at {where} cannot be reached: {said}",
            fix="Check MLFLOW_TRACKING_URI, the network, and that the server runs; then run the "
            "same command again.",
        )
    if _status(error) in {401, 403}:
        return MlflowRefuses(
            f"MLflow at {where} does not let us write: {said}",
            fix="Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN, of somebody who may.",
        )
    if _status(error) in {404, 405} or "valid JSON" in said:
        return MlflowRefuses(
            f"What answers at {where} is no MLflow server, or not at this address: {said}",
            fix="Set MLFLOW_TRACKING_URI to the address at which its pages open in a browser.",
        )
    return MlflowCannotTakeIt(
        f"MLflow at {where} failed at the run {run.run_id[:12]}: {said}",
        fix="Look into the server's log. What was written stays, and the same command goes on.",
    )


def _is_silence(error: Any) -> bool:
    """Tell whether nobody answered: MLflow wraps what `requests` raised."""
    requests: Any = importlib.import_module("requests")
    silent = (requests.exceptions.ConnectionError, requests.exceptions.Timeout)
    causes = (error, error.__cause__, error.__context__)
    return any(isinstance(one, silent) for one in causes)


def _status(error: Any) -> int | None:
    response = getattr(error, "response", None)
    if response is not None:
        status: int = response.status_code
        return status
    ask = getattr(error, "get_http_status_code", None)
    return ask() if ask else None
