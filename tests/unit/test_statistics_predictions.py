import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import predictions_samples as samples
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.errors import TrainshedError
from trainshed.statistics import predictions, predictions_file
from trainshed.statistics.columns import Growing, Numbers, Texts

GOOD = {
    "row_id": ["b", "a", "c"],
    "y_true": ["yes", "no", "no"],
    "y_pred": ["yes", "yes", "no"],
    "y_score": [0.9, 0.6, 0.1],
    "plan": ["x", "y", "x"],
}


def test_rows_are_in_the_order_of_their_ids_in_every_column(tmp_path: Path) -> None:
    read = samples.of(tmp_path, GOOD)

    assert read.row_id.tolist() == [b"a", b"b", b"c"]
    assert texts(read.truth) == ["no", "yes", "no"]
    assert texts(read.answer) == ["yes", "yes", "no"]
    assert read.score is not None
    assert read.score.tolist() == [0.6, 0.9, 0.1]
    assert texts(read.slices["plan"]) == ["y", "x", "x"]


def test_scores_of_each_class_are_kept_by_class(tmp_path: Path) -> None:
    columns = {**GOOD, "y_score.no": [0.1, 0.4, 0.9], "y_score.yes": [0.9, 0.6, 0.1]}
    del columns["y_score"]

    read = samples.of(tmp_path, columns)

    assert read.score is None
    assert {name: one.tolist() for name, one in read.class_scores.items()} == {
        "no": [0.4, 0.1, 0.9],
        "yes": [0.6, 0.9, 0.1],
    }


def test_a_column_of_many_numbers_is_kept_as_numbers(tmp_path: Path) -> None:
    rows = 2_500
    columns = samples.binary(rows)
    read = samples.of(tmp_path, {**columns, "age": [number / 7 for number in range(rows)]})

    age = read.slices["age"]
    assert isinstance(age, Numbers)
    assert age.numbers.tolist() == [number / 7 for number in range(rows)]


def test_a_column_of_names_is_no_slice_and_says_why(tmp_path: Path) -> None:
    columns = {**samples.binary(2_500), "name": [f"n{number}" for number in range(2_500)]}

    read = samples.of(tmp_path, columns)

    assert "name" not in read.slices
    assert "more than 1,000 different values" in read.no_slices["name"]


def test_empty_cells_of_a_numeric_slice_are_no_value(tmp_path: Path) -> None:
    ages: list[object] = [float(number) for number in range(2_500)]
    ages[7] = ages[2_000] = ""
    read = samples.of(tmp_path, {**samples.binary(2_500), "age": ages})

    age = read.slices["age"]
    assert isinstance(age, Numbers)
    assert np.flatnonzero(np.isnan(age.numbers)).tolist() == [7, 2_000]


@given(order=st.permutations(range(12)), again=st.sampled_from(["y_true", "y_score", "row_id"]))
def test_neither_the_order_of_rows_nor_a_column_written_twice_changes_anything(
    order: list[int], again: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("order")
    columns = samples.binary(12)
    text = samples.write(folder / "a.csv", columns).read_text().splitlines()
    at = list(columns).index(again)
    lines = [text[0], *(text[1 + place] for place in order)]
    (folder / "b.csv").write_text("\n".join(f"{line},{line.split(',')[at]}" for line in lines))

    plain, other = (predictions.read(folder / name) for name in ("a.csv", "b.csv"))

    assert other.row_id.tolist() == plain.row_id.tolist()
    assert texts(other.truth) == texts(plain.truth)
    assert texts(other.answer) == texts(plain.answer)
    assert plain.score is not None
    assert other.score is not None
    assert other.score.tolist() == plain.score.tolist()


def test_chunks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = samples.binary(50)
    whole = samples.of(tmp_path, columns)
    monkeypatch.setattr(predictions_file, "_ROWS", 7)

    read = samples.of(tmp_path, columns)

    assert read.row_id.tolist() == whole.row_id.tolist()
    assert texts(read.truth) == texts(whole.truth)


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = samples.binary(40)
    parquet.write_table(arrow.table(dict(columns)), tmp_path / "predictions.parquet")

    read = predictions.read(tmp_path / "predictions.parquet")

    written = samples.of(tmp_path, columns)
    assert read.row_id.tolist() == written.row_id.tolist()
    assert texts(read.answer) == texts(written.answer)
    assert read.score is not None
    assert written.score is not None
    assert read.score.tolist() == written.score.tolist()


def test_names_outside_ascii_are_read(tmp_path: Path) -> None:
    read = samples.of(tmp_path, {**GOOD, "row_id": ["é", "ü", "日本"], "y_true": ["ñ", "ñ", "ö"]})

    assert sorted(predictions.text_of(one) for one in read.row_id) == ["é", "ü", "日本"]
    assert sorted(texts(read.truth)) == ["ñ", "ñ", "ö"]


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("\nrow_id,y_true,y_pred\n\na,1,1\n\nb,0,1\n\n")

    assert len(predictions.read(tmp_path / "p.csv")) == 2


def changed(**columns: object) -> Callable[[Path], Path]:
    return lambda path: samples.write(path, {**GOOD, **columns})


def without(name: str) -> Callable[[Path], Path]:
    kept = {key: one for key, one in GOOD.items() if key != name}
    return lambda path: samples.write(path, kept)


def content(text: str | bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


@pytest.mark.parametrize(
    ("make", "slug", "said"),
    [
        pytest.param(
            without("y_pred"), "predictions-lack-columns", r"no column y_pred\. It has: row_id, y",
            id="no-y_pred",
        ),
        pytest.param(
            content("row_id,y_true,y_pred,y_pred\na,1,1,0\n"), "predictions-lack-columns",
            "two columns named 'y_pred' that differ", id="a-column-twice",
        ),
        pytest.param(
            changed(row_id=["a", "b", "a"]), "row-id-is-not-unique",
            r"rows 1 and 3 both have the row_id 'a' \(1 such pairs\)", id="duplicate-id",
        ),
        pytest.param(
            changed(row_id=["a", "", "b"]), "row-id-is-not-unique", "row_id of row 2 is empty",
            id="empty-id",
        ),
        pytest.param(
            changed(row_id=["a", "b" * 129, "c"]), "row-id-is-not-unique",
            "row_id of row 2 is longer than 128 bytes", id="long-id",
        ),
        pytest.param(
            changed(y_score=[0.1, "nan", 0.3]), "score-is-not-a-number",
            r"y_score holds 'nan' in row 2 \(row_id a\)", id="nan-score",
        ),
        pytest.param(
            changed(y_score=[0.1, 0.2, "inf"]), "score-is-not-a-number", "holds 'inf' in row 3",
            id="infinite-score",
        ),
        pytest.param(
            changed(y_score=[0.1, "", 0.3]), "score-is-not-a-number", "holds '' in row 2",
            id="empty-score",
        ),
        pytest.param(
            changed(y_true=["yes", "", "no"]), "label-is-not-a-label", r"y_true holds nothing \(",
            id="empty-truth",
        ),
        pytest.param(
            content("row_id,y_true,y_pred\n"), "predictions-are-empty", "a header and no rows",
            id="no-rows",
        ),
        pytest.param(content(""), "predictions-cannot-be-read", "it is empty", id="empty-file"),
        pytest.param(
            content("row_id,y_true,y_pred\na,1,1\nb,1\n"), "predictions-cannot-be-read",
            "a row has 2 values and the header 3: b,1", id="ragged",
        ),
        pytest.param(
            content("row_id,y_true,y_pred\na,1,1,1\nb,1,1,1\n"), "predictions-cannot-be-read",
            "its rows have 4 values, its header 3", id="wide",
        ),
        pytest.param(
            content(b"row_id,y_true,y_pred\n\xff,1,1\n"), "predictions-cannot-be-read", "utf-8",
            id="latin-1",
        ),
        pytest.param(
            content(b"PAR1 and then nothing"), "predictions-cannot-be-read", ".", id="half-parquet"
        ),
        pytest.param(lambda path: path, "predictions-cannot-be-read", "No such file", id="no-file"),
    ],
)  # fmt: skip
def test_bad_predictions_are_told(
    make: Callable[[Path], Path], slug: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(TrainshedError) as caught:
        predictions.read(make(tmp_path / "p.csv"))

    assert caught.value.slug == slug
    assert re.search(said, caught.value.problem)
    assert "p.csv" in caught.value.problem
    assert caught.value.fix


def test_labels_that_are_neither_few_nor_numbers_are_told(tmp_path: Path) -> None:
    columns = samples.binary(2_500)
    columns["y_true"] = [f"label {number}" for number in range(2_500)]

    with pytest.raises(predictions.LabelIsNotALabel, match=r"y_true has more than 1,000 different"):
        samples.of(tmp_path, columns)


def test_more_rows_than_the_limit_are_refused_while_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MOST_ROWS", 49)

    with pytest.raises(predictions.PredictionsAreTooMany, match="more than 49 rows"):
        samples.of(tmp_path, samples.binary(50))


def test_a_text_that_comes_after_many_numbers_is_told_with_its_row() -> None:
    growing = Growing()
    growing.add([str(number) for number in range(1_500)])
    growing.add(["1.5", "blue"])

    assert growing.problem is not None
    assert growing.problem.row == 1_501


def texts(column: Texts | Numbers) -> list[str]:
    assert isinstance(column, Texts)
    return [column.values[code] for code in column.codes]
