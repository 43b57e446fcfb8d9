"""Write runs to MLflow: one a line on standard input, answered with one line each.

This is a process of its own (`trainshed.mlflow_export` starts it): MLflow's client is not in the
framework's environment. A run is created with the tag that names it and is RUNNING until all of it
is there, so whoever comes after a killed export finds it, and writes what it lacks.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from trainshed import crossing, mlflow_refusal, mlflow_run
from trainshed.errors import TrainshedError
from trainshed.mlflow_refusal import MlflowExperimentIsDeleted
from trainshed.mlflow_run import MlflowRun

Outcome = Literal["exported", "completed", "updated", "there"]

_FILES = "trainshed.files"
"""The tag that says that a run's files are there: how many."""


@dataclass(frozen=True, kw_only=True)
class Client:
    """MLflow's own client, and where it writes to."""

    mlflow: Any
    api: Any

    @classmethod
    def connect(cls) -> Client:
        mlflow: Any = importlib.import_module("mlflow")
        return cls(mlflow=mlflow, api=mlflow.MlflowClient())

    def export(self, run: MlflowRun) -> Outcome:
        """Write a run, or what a former export left out; return what there was to do."""
        experiment = self._experiment(run.experiment)
        there = self._find(experiment, run.run_id)
        if there is None:
            made = self.api.create_run(
                experiment, start_time=run.start, tags=dict(run.tags), run_name=run.name
            )
            self._log(made, run)
            return "exported"
        tags = there.data.tags
        lacks_files = bool(run.uploads) and _FILES not in tags
        if there.info.status != "FINISHED" or lacks_files:
            self._log(there, run)
            return "completed"
        changed = {name: value for name, value in run.tags.items() if tags.get(name) != value}
        self._tag(there.info.run_id, changed)
        return "updated" if changed else "there"

    def _experiment(self, name: str) -> str:
        found = self.api.get_experiment_by_name(name)
        if found is None:
            made: str = self.api.create_experiment(name)
            return made
        if found.lifecycle_stage != "active":
            raise MlflowExperimentIsDeleted(
                f"The experiment {name} was deleted in MLflow.",
                fix="Restore it there (`mlflow experiments restore`), or name another one: "
                "--experiment.",
            )
        known: str = found.experiment_id
        return known

    def _find(self, experiment: str, run_id: str) -> Any:
        found = self.api.search_runs(
            [experiment],
            filter_string=f"tags.`{mlflow_run.RUN_ID}` = '{run_id}'",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        return found[0] if found else None

    def _log(self, there: Any, run: MlflowRun) -> None:
        """Write what a run lacks, and at last that it is finished."""
        entities, run_id = self.mlflow.entities, there.info.run_id
        params = _lacking(run.params, there.data.params)
        for texts in mlflow_run.batches(params, mlflow_run.MOST_PARAMS):
            given = [entities.Param(name, value) for name, value in texts.items()]
            self.api.log_batch(run_id, params=given, synchronous=True)
        metrics = _lacking(run.metrics, there.data.metrics)
        for numbers in mlflow_run.batches(metrics, mlflow_run.MOST_METRICS):
            values = [entities.Metric(name, one, run.end, 0) for name, one in numbers.items()]
            self.api.log_batch(run_id, metrics=values, synchronous=True)
        for one in run.uploads:
            log = self.api.log_artifacts if Path(one.path).is_dir() else self.api.log_artifact
            log(run_id, one.path, one.folder or None)
        files = {_FILES: str(len(run.uploads))} if run.uploads else {}
        self._tag(run_id, {**run.tags, **files})
        self.api.set_terminated(run_id, status="FINISHED", end_time=run.end)

    def _tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        for few in mlflow_run.batches(tags, mlflow_run.MOST_PARAMS):
            given = [self.mlflow.entities.RunTag(name, value) for name, value in few.items()]
            self.api.log_batch(run_id, tags=given, synchronous=True)


def main() -> None:
    # MLflow prints the address of each run that ends: that must not get between the answers.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    client = Client.connect()
    for line in sys.stdin:
        run = mlflow_run.from_fields(json.loads(line))
        print(json.dumps(_reply(client, run)), file=replies, flush=True)


def _reply(client: Client, run: MlflowRun) -> dict[str, Any]:
    """Return the outcome, or an error of ours. Any other exception ends the process."""
    try:
        return {"outcome": client.export(run)}
    except TrainshedError as error:
        return {"error": asdict(crossing.of(error))}
    # An upload is no call of MLflow's API: there it lets through what `requests` raises.
    except (client.mlflow.exceptions.MlflowException, OSError) as error:
        return {"error": asdict(crossing.of(mlflow_refusal.told(error, run)))}


def _lacking(whole: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name not in there}


if __name__ == "__main__":
    main()
