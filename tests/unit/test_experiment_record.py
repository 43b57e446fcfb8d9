"""The ledger's records of experiments: small, written once, in nobody's way."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import repositories
import results
from repositories import LEDGER, Repo
from results import BAD, HEAD

from trainshed import experiment_record
from trainshed.experiment_record import ExperimentRecord

RUN_ID = "1" * 64
WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return repositories.make(tmp_path, {"README.md": "A project.\n"})


def record(**changes: object) -> ExperimentRecord:
    made = experiment_record.of_result(results.compared(), pull_requests=[4, 7], when=WHEN)
    return replace(made, **changes)  # type: ignore[arg-type]


def found(repo: Repo, run_id: str = RUN_ID, model: str = "churn") -> list[ExperimentRecord]:
    commit = repo.world().ledger_commit
    return experiment_record.find(repo.repository, commit, model, run_id)


def test_a_record_is_found_as_it_was_written(repo: Repo) -> None:
    assert experiment_record.write(repo.origin, [record()]) == 1

    assert found(repo) == [record()]
    assert repo.ledger_paths() == [f"experiments/churn/{RUN_ID}/{HEAD}.json"]
    assert record().predictions == record().run.predictions


def test_nothing_is_found_where_nothing_is(repo: Repo) -> None:
    assert found(repo) == []
    experiment_record.write(repo.origin, [record()])
    assert found(repo, run_id="2" * 64) == []
    assert found(repo, model="lifetime") == []


def test_each_head_commit_has_a_record_of_the_same_run(repo: Repo) -> None:
    another = record(head="ef" * 20, pull_requests=(9,))

    experiment_record.write(repo.origin, [record(), another])

    assert found(repo) == [record(), another]


def test_the_first_record_of_a_commit_stays(repo: Repo) -> None:
    experiment_record.write(repo.origin, [record()])
    before = repo.refs()

    assert experiment_record.write(repo.origin, [record(verdict="fail")]) == 0
    assert repo.refs() == before
    assert found(repo) == [record()]


def test_records_are_in_no_ones_way(repo: Repo) -> None:
    released = repo.released(live_in=["production"])
    experiment_record.write(repo.origin, [record()])

    world = repo.world()

    assert world.ledger.releases.keys() == {released.tag}
    assert world.ledger.deployed("production", "churn") == {released.tag}


def test_a_record_that_cannot_be_read_is_left_out(repo: Repo) -> None:
    folder = f"experiments/churn/{RUN_ID}"
    repo.write_on_ledger(f"{folder}/{'0' * 40}.json", '{"head": 1}')
    newer = json.dumps({**json.loads(text_of(repo)), "format": 2})
    repo.write_on_ledger(f"{folder}/{'1' * 40}.json", newer)

    assert found(repo) == [record()]


def text_of(repo: Repo) -> str:
    experiment_record.write(repo.origin, [record()])
    return repo.bare.run("show", f"{LEDGER}:experiments/churn/{RUN_ID}/{HEAD}.json").out


def test_a_record_is_bounded_and_says_when_metrics_are_left_out(repo: Repo) -> None:
    metrics = {f"metric_{number}": number / 7 for number in range(9_000)} | results.GOOD
    made = results.compared(metrics, parent=None, params={"a": "b"})
    large = experiment_record.of_result(made, pull_requests=[1], when=WHEN)

    experiment_record.write(repo.origin, [large])

    (kept,) = found(repo)
    assert (kept.is_cut, kept.run.metrics, kept.run.params) == (True, {}, {})
    assert len(text_of_only(repo)) <= experiment_record.LARGEST
    assert not record().is_cut


def text_of_only(repo: Repo) -> bytes:
    (path,) = repo.ledger_paths()
    return repo.bare.run("show", f"{LEDGER}:{path}").stdout


def test_only_what_was_compared_is_recorded() -> None:
    with pytest.raises(ValueError, match="compared"):
        experiment_record.of_result(results.failed(), pull_requests=[], when=WHEN)


def test_a_record_keeps_the_verdict_of_the_comparison() -> None:
    made = experiment_record.of_result(results.compared(BAD), pull_requests=[], when=WHEN)

    assert (made.verdict, made.pull_requests) == ("fail", ())
