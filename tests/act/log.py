"""What came of a workflow that act ran, read from its log of JSON lines."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["success", "failure", "skipped", "cancelled"]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Step:
    job: str
    """The job's name as people see it, without the workflow's."""
    name: str
    path: tuple[str, ...]
    """Ids of the step and of the steps inside its action that lead here."""
    outcome: Outcome
    seconds: float

    @property
    def is_inner(self) -> bool:
        """Whether it is a step of an action, not of the workflow."""
        return len(self.path) > 1


@dataclass(frozen=True, kw_only=True)
class Annotation:
    level: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run of a workflow. Steps that were skipped are not in it: act does not tell of them."""

    workflow: str
    event: str
    run_id: int
    jobs: Mapping[str, Outcome]
    """By the job's name. A job whose `if` is false is not in it."""
    steps: tuple[Step, ...]
    outputs: Mapping[tuple[str, str], Mapping[str, str]]
    """By job and the path of the step (`setup`, or `compare/plan` inside an action)."""
    annotations: tuple[Annotation, ...]
    commands: tuple[str, ...]
    """Names of all that steps told the runner to do, in files or in the log, such as `set-env`."""
    summaries: tuple[str, ...]
    log: str
    """All that was printed, with what act itself says."""
    seconds: float

    @property
    def is_ok(self) -> bool:
        return all(outcome == "success" for outcome in self.jobs.values())

    @property
    def conclusion(self) -> str:
        """What a `workflow_run` event says of it."""
        return "success" if self.is_ok and self.jobs else "failure" if self.jobs else "skipped"

    def output(self, step: str, name: str, *, job: str | None = None) -> str:
        """Return an output of a step, by its id or path's end; of several, the last one's."""
        found = [
            values[name]
            for (of_job, path), values in self.outputs.items()
            if f"/{path}".endswith(f"/{step}") and name in values and job in (None, of_job)
        ]
        assert found, f"no step {step} has an output {name} in {sorted(self.outputs)}"
        return found[-1]

    def table(self) -> str:
        """Where the time went, step by step."""
        rows = [f"{one.seconds:7.2f} s  {one.job} › {one.name}" for one in self.steps]
        return "\n".join([f"{self.workflow} ({self.event}): {self.seconds:.2f} s", *rows])


def parse(
    lines: Iterable[str], *, workflow: str, event: str, run_id: int, rest: str, seconds: float
) -> Result:
    """Read act's log; `rest` is what it wrote to standard error."""
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    outputs: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    jobs: dict[str, Outcome] = {}
    steps, annotations, commands, summaries, log = [], [], [], [], []
    for entry in entries:
        job = _job(entry)
        command = entry.get("command")
        commands += [command] if command else []
        if "jobResult" in entry:
            jobs[job] = entry["jobResult"]
        elif "executionTime" in entry and entry.get("stage") == "Main":
            steps.append(_step(entry, job))
        elif command == "set-output":
            outputs[job, "/".join(entry["stepID"])][entry["name"]] = entry["arg"]
        elif command in ("error", "warning", "notice"):
            annotations.append(Annotation(level=command, message=entry["arg"]))
        elif command == "summary":
            summaries.append(entry["content"])
        log.append(_COLOUR.sub("", str(entry.get("msg", ""))).rstrip("\n"))
    return Result(
        workflow=workflow, event=event, run_id=run_id, jobs=jobs, steps=tuple(steps),
        outputs=outputs, annotations=tuple(annotations), commands=tuple(commands),
        summaries=tuple(summaries), log="\n".join([*log, rest]), seconds=seconds,
    )  # fmt: skip


def _job(entry: Mapping[str, Any]) -> str:
    """act pads names, and puts those of the workflow and of calling jobs before them."""
    return str(entry.get("job", "")).partition("/")[2].strip()


def _step(entry: Mapping[str, Any], job: str) -> Step:
    told = re.sub(r"^\W*(Success|Failure) - Main | \[[^\[]*\]$", "", entry["msg"].strip())
    return Step(
        job=job, name=told.splitlines()[0] if told else entry["step"],
        path=tuple(entry["stepID"]), outcome=entry["stepResult"],
        seconds=entry["executionTime"] / 1e9,
    )  # fmt: skip
