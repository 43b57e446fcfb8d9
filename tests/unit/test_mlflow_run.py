import json
import posixpath
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import RUN

from trainshed import ledger_runs, mlflow_run
from trainshed.ledger_runs import Known
from trainshed.mlflow_run import MlflowRun, Upload

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.@/-]{0,30}", fullmatch=True)
"""Of metrics and parameters, as the training contract allows them."""


def known(**changes: object) -> Known:
    [one] = ledger_runs.join([replace(RUN, **changes)], [])  # type: ignore[arg-type]
    return one


@given(NAMES)
def test_every_name_becomes_one_that_mlflow_takes(name: str) -> None:
    theirs = mlflow_run.name_of(name)

    assert re.fullmatch(r"[/\w.\- :]+", theirs, re.ASCII)
    assert posixpath.normpath(theirs) == theirs
    assert not theirs.startswith(("..", "/"))


@given(NAMES, NAMES)
def test_no_two_names_become_one(one: str, other: str) -> None:
    assert (mlflow_run.name_of(one) == mlflow_run.name_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("f1", "f1"),
        ("val/f1", "val/f1"),
        ("precision@10", "precision:10"),
        ("a//b", "a  b"),
        ("a/", "a "),
        ("a/../b", "a .. b"),
    ],
)
def test_a_name_is_changed_as_little_as_can_be(ours: str, theirs: str) -> None:
    assert mlflow_run.name_of(ours) == theirs


def test_values_are_cut_to_what_mlflow_takes_and_that_is_told() -> None:
    made = mlflow_run.of(known(params={"fits": "x" * 6000, "long": "x" * 6001}))

    assert {name: len(value) for name, value in made.params.items()} == {
        "fits": 6000, "long": 6000, "seed": 1, "env.LEVEL": 4,
    }  # fmt: skip
    assert made.cut == ("long",)
    assert made.told == "3 metrics, 4 params, 0 files; long cut to 6000 characters"


def test_a_run_ended_when_it_was_written_and_began_as_long_before_as_it_took() -> None:
    made = mlflow_run.of(known(created="2026-01-02T03:04:05+00:00", seconds=1.25))

    assert (made.start, made.end) == (1767323043750, 1767323045000)


def test_what_is_not_known_has_no_tag() -> None:
    tags = mlflow_run.of(known()).tags

    assert tags["trainshed.run_id"] == RUN.run_id
    assert tags["mlflow.source.git.commit"] == tags["trainshed.commit"] == RUN.commit
    assert not {"trainshed.verdict", "trainshed.release", "trainshed.predictions"} & tags.keys()


def test_requests_hold_no_more_than_mlflow_takes() -> None:
    many = {f"p{number}": "ä" * 6000 for number in range(250)}
    few = {f"p{number}": "1" for number in range(250)}

    parts = list(mlflow_run.batches(many, 100))

    assert {name: value for part in parts for name, value in part.items()} == many
    assert all(len(json.dumps(part)) < 1_000_000 for part in parts)
    assert [len(part) for part in mlflow_run.batches(few, 100)] == [100, 100, 50]
    assert list(mlflow_run.batches({}, 100)) == []


def test_a_run_comes_out_of_its_json_as_it_went_in() -> None:
    made = mlflow_run.of(known(), uploads=[Upload(path="/a/b.csv", folder="a")])

    assert "\n" not in made.to_json()
    assert mlflow_run.from_fields(json.loads(made.to_json())) == made
    assert isinstance(made, MlflowRun)


def test_a_password_is_not_shown() -> None:
    uri = "https://ada:p@ss@example.org/mlflow"

    assert mlflow_run.without_password(f"no answer at {uri}", uri) == (
        "no answer at https://example.org/mlflow"
    )
    assert mlflow_run.without_password("ada@x", "https://example.org") == "ada@x"
