"""Render a run for a job's summary: what it scored first, what it is made of folded below."""

from collections.abc import Mapping

from trainshed.report import code, number, text
from trainshed.run import Run

_MOST_ROWS = 20


def markdown(run: Run, *, was_found: bool) -> str:
    """Return a run as GitHub-flavoured Markdown."""
    how = "found, not trained again" if was_found else f"trained in {run.seconds:.1f} s"
    return "\n".join(
        [
            f"**{text(run.model)}**: run {code(run.run_id)} {how}.",
            "",
            *_table(dict(list(run.metrics.items())[:_MOST_ROWS])),
            *_further(dict(list(run.metrics.items())[_MOST_ROWS:])),
            *_details(run),
        ]
    )


def _table(metrics: Mapping[str, float]) -> list[str]:
    rows = [f"| {text(name)} | {number(value)} |" for name, value in metrics.items()]
    return ["| Metric | Value |", "|:--|--:|", *rows, ""]


def _further(metrics: Mapping[str, float]) -> list[str]:
    if not metrics:
        return []
    summary = f"<details><summary>{len(metrics)} further metrics</summary>"
    return [summary, "", *_table(metrics), "</details>", ""]


def _details(run: Run) -> list[str]:
    rows = {
        "Commit": code(run.commit),
        "Data": f"{text(run.dataset.path)} {code(run.dataset.digest)}",
        "Artifact": f"{text(run.artifact.path)} {code(run.artifact.digest)}",
        "Python": text(run.ingredients.python),
        "Trained": f"{text(run.created)}, {run.seconds:.1f} s",
    }
    given = {text(name): text(value) for name, value in run.ingredients.params.items()}
    lines = [f"| {name} | {value} |" for name, value in {**rows, **given}.items()]
    head = ["<details><summary>What it is made of</summary>", "", "| | |", "|:--|:--|"]
    return [*head, *lines, "", "</details>", ""]
