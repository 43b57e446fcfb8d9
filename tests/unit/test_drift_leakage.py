import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainshed import leakage_limit
from trainshed.data_evidence import Leakage
from trainshed.drift import leakage, row_digests, row_ids
from trainshed.drift import table as tables
from trainshed.drift.table import Table, TableCannotBeRead
from trainshed.leakage_limit import EvaluationWasTrainedOn
from trainshed.question import Leaking
from trainshed.statistics.predictions import PredictionsLackColumns
from trainshed.statistics.predictions_file import PredictionsCannotBeRead
from trainshed.statistics.training_rows import TrainingRowsCannotBeRead

HASHES = ["0123456789abcdef", "fedcba9876543210"]
PLAIN = st.sampled_from([*"abcdefgh", "a-1", "a-2", "0123456789abcde-1", "0123456789abcde-2"])
IDS = st.one_of(PLAIN, st.builds("{}-{}".format, st.sampled_from(HASHES), st.integers(0, 3)))
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
    found = Leakage(rows=3, evaluated=100, examples=(("5", "9"), ("ab-0", "ab-0")))

    leakage_limit.require(found, limit=0.03)
    with pytest.raises(
        EvaluationWasTrainedOn,
        match=r"3 of 100 .* \(3\.0%\).*such as row 5 \(trained on as row 9\), row ab-0; .* 1\.0%",
    ):
        leakage_limit.require(found)
    with pytest.raises(EvaluationWasTrainedOn, match=r"are also trained on; the limit is 0\.0%"):
        leakage_limit.require(Leakage(rows=3, evaluated=100, examples=()), limit=0)
    leakage_limit.require(Leakage(rows=0, evaluated=0, examples=()), limit=0)


def test_what_does_not_fit_into_memory_goes_through_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_digests, "_IN_MEMORY", 64)
    monkeypatch.setattr(row_digests, "_BATCH", 48)
    rows = [(row_digests.of([str(number % 700)]), number) for number in range(5_000)]

    parts = list(row_digests.grouped(rows))

    assert sum(len(starts) for _, starts in parts) == 700
    assert sorted(tag for tags, _ in parts for tag in tags.tolist()) == list(range(5_000))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    training=st.lists(IDS), evaluation=st.lists(IDS, unique=True, min_size=1), is_csv=st.booleans()
)
def test_the_leakage_of_a_run_is_that_of_a_count_in_memory(
    tmp_path: Path, training: list[str], evaluation: list[str], is_csv: bool
) -> None:
    question = a_question(tmp_path, training, evaluation, is_csv=is_csv)

    found = leakage.of_run(question)
    trained = {row_ids.identity(one): one for one in sorted(training, reverse=True)}
    leaked = [one for one in evaluation if row_ids.identity(one) in trained]

    assert (found.rows, found.evaluated) == (len(leaked), len(evaluation))
    assert found.examples == tuple((one, trained[row_ids.identity(one)]) for one in leaked)[:10]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    training=st.lists(PLAIN),
    evaluation=st.lists(PLAIN, unique=True, min_size=1),
    rows=st.lists(st.tuples(PLAIN, st.sampled_from("xyz"), st.sampled_from("xyz"))),
)
def test_rows_of_equal_content_leak_as_a_count_in_memory_says(
    tmp_path: Path,
    training: list[str],
    evaluation: list[str],
    rows: list[tuple[str, str, str]],
) -> None:
    table(tmp_path / "data.csv", [(x, key, y) for key, x, y in rows], "x,id,y")
    question = replace(
        a_question(tmp_path, training, evaluation),
        data=str(tmp_path / "data.csv"),
        key=("id",),
    )

    found = leakage.of_run(question)
    contents = {(x, y) for key, x, y in rows if key in training}
    leaked = [
        one
        for one in evaluation
        if one in training or any((x, y) in contents for key, x, y in rows if key == one)
    ]

    assert (found.rows, found.evaluated) == (len(leaked), len(evaluation))
    assert [one for one, _ in found.examples] == leaked[: leakage.SHOWN]
    assert all(other in training for _, other in found.examples)


def test_two_copies_of_a_row_on_both_sides_are_a_leak(tmp_path: Path) -> None:
    training = [f"{HASHES[0]}-0", "order-17-1"]
    evaluation = [f"{HASHES[0]}-1", f"{HASHES[1]}-0", "order-17-2"]

    found = leakage.of_run(a_question(tmp_path, training, evaluation))

    assert found.examples == ((f"{HASHES[0]}-1", f"{HASHES[0]}-0"),)
    assert (found.rows, found.evaluated) == (1, 3)


def test_a_row_leaks_once_and_its_own_id_names_the_row_of_training(tmp_path: Path) -> None:
    table(tmp_path / "data.csv", [["a", 1], ["b", 1], ["c", 2], ["d", 2]], "id,x")
    question = replace(
        a_question(tmp_path, ["b", "c"], ["a", "b", "d"]),
        data=str(tmp_path / "data.csv"),
        key=("id",),
    )

    assert leakage.of_run(question) == Leakage(
        rows=3, evaluated=3, examples=(("a", "b"), ("b", "b"), ("d", "c"))
    )


def test_a_table_of_nothing_but_its_key_leaks_by_ids_alone(tmp_path: Path) -> None:
    table(tmp_path / "data.csv", [["a"], ["b"]], "id")
    question = replace(
        a_question(tmp_path, ["a"], ["b"]), data=str(tmp_path / "data.csv"), key=("id",)
    )

    assert leakage.of_run(question).rows == 0


def test_a_table_that_lacks_the_key_is_an_error(tmp_path: Path) -> None:
    table(tmp_path / "data.csv", [["a", 1]], "id,x")
    question = replace(
        a_question(tmp_path, ["a"], ["b"]), data=str(tmp_path / "data.csv"), key=("name",)
    )

    with pytest.raises(TableCannotBeRead, match="has no column name"):
        leakage.of_run(question)


def test_files_without_ids_are_an_error_that_says_whose_they_are(tmp_path: Path) -> None:
    question = a_question(tmp_path, ["a"], ["b"])
    Path(question.training_rows).write_bytes(b"\xff\xfe")
    with pytest.raises(TrainingRowsCannotBeRead, match=r"^The training rows of run 1 cannot be"):
        leakage.of_run(question)

    question = a_question(tmp_path, ["a"], ["b"])
    Path(question.predictions).write_text("id,y_true\n1,2\n")
    with pytest.raises(
        PredictionsLackColumns, match=r"^The predictions of run 1 lack the column row_id"
    ):
        leakage.of_run(question)
    Path(question.predictions).unlink()
    with pytest.raises(PredictionsCannotBeRead):
        leakage.of_run(question)


def a_question(
    folder: Path, training: Sequence[str], evaluation: Sequence[str], *, is_csv: bool = False
) -> Leaking:
    rows = [f"7,{one}" for one in training] if is_csv else list(training)
    header = ["age,row_id"] if is_csv else []
    (folder / "training-rows").write_text("".join(f"{line}\n" for line in [*header, *rows]))
    table(folder / "predictions.csv", [[one, 1, 1] for one in evaluation], "row_id,y_true,y_pred")
    return Leaking(
        predictions=str(folder / "predictions.csv"),
        training_rows=str(folder / "training-rows"),
        source="run 1",
    )
