import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainshed.drift import leakage, row_digests
from trainshed.drift import table as tables
from trainshed.drift.leakage import EvaluationWasTrainedOn, Leakage
from trainshed.drift.table import Table, TableCannotBeRead

ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", ""])), max_size=20)


def table(path: Path, rows: Sequence[Sequence[object]], header: str = "x,y") -> Table:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return tables.look_at(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(training=ROWS, evaluation=ROWS)
def test_leakage_and_duplicates_are_those_of_a_count_in_memory(
    tmp_path: Path, training: list[tuple[str, str]], evaluation: list[tuple[str, str]]
) -> None:
    one = table(tmp_path / "training.csv", training)
    other = table(tmp_path / "evaluation.csv", evaluation)

    found = leakage.between(one, other)
    shared = [at for at, row in enumerate(evaluation) if row in set(training)]

    assert (found.rows, found.evaluated) == (len(shared), len(evaluation))
    assert found.examples == tuple(
        (str(at + 1), str(training.index(evaluation[at]) + 1)) for at in shared[: leakage.SHOWN]
    )
    assert leakage.duplicates(one).surplus == len(training) - len(Counter(training))


def test_a_key_does_not_count(tmp_path: Path) -> None:
    one = table(tmp_path / "a.csv", [[1, "a"], [2, "b"]], "id,x")
    other = table(tmp_path / "b.csv", [["b", 7], ["c", 2]], "x,id")

    assert leakage.between(one, other).rows == 0
    assert leakage.between(one, other, without=["id"]) == Leakage(
        rows=1, evaluated=2, examples=(("1", "2"),)
    )
    assert leakage.duplicates(one, without=["x"]).surplus == 0


def test_a_table_that_training_splits_is_looked_at_as_one(tmp_path: Path) -> None:
    rows = [["1", "a"], ["2", "b"], ["3", "a"], ["4", "b"], ["5", "c"]]
    found = leakage.within(
        table(tmp_path / "a.csv", rows, "id,x"),
        lambda row: row[0] in {"1", "3", "4"},
        without=["id"],
    )

    assert (found.rows, found.evaluated) == (1, 3)
    assert found.examples == (("4", "2"),)  # both rows that hold `a` are evaluated on


def test_rows_are_parted_where_their_cells_are(tmp_path: Path) -> None:
    rows = [["a\x1fb", "c"], ["a", "b\x1fc"], ["a", "b"], ["ab", ""], ["", "ab"]]

    assert leakage.duplicates(table(tmp_path / "a.csv", rows)).distinct == 5


def test_tables_without_a_column_in_common_are_an_error(tmp_path: Path) -> None:
    one, other = (
        table(tmp_path / "a.csv", [[1, 2]], "a,b"),
        table(tmp_path / "b.csv", [[1, 2]], "c,d"),
    )

    with pytest.raises(TableCannotBeRead, match="no column in common"):
        leakage.between(one, other)
    with pytest.raises(TableCannotBeRead, match="no column"):
        leakage.duplicates(one, without=["a", "b"])


def test_above_the_limit_leakage_is_an_error() -> None:
    found = Leakage(rows=3, evaluated=100, examples=(("5", "9"),))

    leakage.require(found, limit=0.03)
    with pytest.raises(
        EvaluationWasTrainedOn, match=r"3 of 100 .* \(3\.0%\).*row 5 \(trained on as row 9\)"
    ):
        leakage.require(found)
    leakage.require(Leakage(rows=0, evaluated=0, examples=()))


def test_what_does_not_fit_into_memory_goes_through_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_digests, "_IN_MEMORY", 64)
    monkeypatch.setattr(row_digests, "_BATCH", 48)
    rows = [(row_digests.of([str(number % 700)]), number) for number in range(5_000)]

    parts = list(row_digests.grouped(rows))

    assert sum(len(starts) for _, starts in parts) == 700
    assert sorted(tag for tags, _ in parts for tag in tags.tolist()) == list(range(5_000))
