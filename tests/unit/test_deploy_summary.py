"""The job's summary of a deployment, from what the ledger holds of this run."""

from typing import Any

import repositories
from goldens import Golden

from trainshed import deploy_report, ledger, tags
from trainshed.deploy_report import Row

BEGAN = "2026-01-02T03:04:05+00:00"
LATER, EARLIER = "2026-01-02T03:04:09+00:00", "2026-01-01T00:00:00+00:00"
V0, V1 = "churn@v1.0.0", "churn@v1.1.0"
PLACES = [("production", "churn")]


def record(name: str = V1, when: str = LATER, **changes: Any) -> ledger.Deployment:
    return repositories.deployment_of(tags.require(name), when=when, **changes)


def rows(*records: ledger.Deployment) -> list[Row]:
    book = ledger.Ledger(deployments={("production", "churn"): records})
    return deploy_report.rows_of(PLACES, book, since=BEGAN)


def test_what_this_run_wrote_down_is_what_it_did() -> None:
    [moved] = rows(record(V0, EARLIER), record(previous=V0))
    [kept] = rows(record(V0, EARLIER))
    [failed] = rows(record(V0, EARLIER), record(outcome="failed"))

    assert (moved.now, moved.has_changed) == (V1, True)
    assert (kept.now, kept.has_changed, kept.made) == (V0, False, None)
    assert (failed.now, failed.has_changed) == (V0, False)


def test_a_place_where_nothing_ever_ran_has_a_row() -> None:
    [row] = deploy_report.rows_of([("staging", "fraud")], ledger.Ledger(), since=BEGAN)

    assert (row.environment, row.model, row.now, row.made) == ("staging", "fraud", None, None)


def test_the_summary_reads_so(golden: Golden) -> None:
    eventful = [
        *rows(record(V0, EARLIER), record(previous=V0, seconds=3.21)),
        *rows(record(V0, EARLIER)),
        *rows(record(V0, EARLIER), record(outcome="failed", seconds=0.4, why="<b> not @ready")),
        *deploy_report.rows_of([("staging", "fraud")], ledger.Ledger(), since=BEGAN),
    ]

    golden(deploy_report.summary(eventful), "deploy_report/summary.md")
