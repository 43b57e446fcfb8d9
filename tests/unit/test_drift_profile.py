import csv
import io
import math
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainshed.drift import column, exact_sum, numbers, profile, profile_file, table, texts
from trainshed.drift.column import Column, Limits
from trainshed.drift.profile import Profile, ProfilesHaveOtherColumns
from trainshed.drift.table import TableCannotBeRead

SMALL = Limits(buckets=8, categories=4)  # so that both are passed in a test
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.one_of(
    st.integers(-5, 5).map(str),
    st.floats().map(str),
    st.sampled_from(["", "NA", " nan ", "yes", "no", "1e400", "x" * 300, "\ud800"]),
    st.text(max_size=3),
)


def told(one: Column) -> str:
    return profile_file.to_json(Profile(rows=one.count, columns={"a": one}))


def of(cells: Sequence[str], limits: Limits = SMALL, *, is_private: bool = False) -> Column:
    return column.of(cells, limits, is_private=is_private)


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


@given(parts=st.lists(st.lists(CELLS, max_size=30), min_size=1, max_size=5), private=st.booleans())
def test_merging_parts_is_to_the_last_bit_profiling_the_whole(
    parts: list[list[str]], private: bool
) -> None:
    whole = of([cell for part in parts for cell in part], is_private=private)

    merged = reduce(column.merge, [of(part, is_private=private) for part in parts])

    assert told(merged) == told(whole)


@given(st.lists(st.lists(CELLS, max_size=30), min_size=3, max_size=3))
def test_merging_is_associative_and_commutative(parts: list[list[str]]) -> None:
    a, b, c = map(of, parts)

    assert told(column.merge(column.merge(a, b), c)) == told(column.merge(a, column.merge(b, c)))
    assert told(column.merge(a, b)) == told(column.merge(b, a))


@given(st.lists(CELLS, max_size=30), st.lists(CELLS, max_size=30))
def test_profiles_of_different_limits_merge_to_the_lesser_ones(
    first: list[str], second: list[str]
) -> None:
    large = Limits(buckets=20, categories=12)
    merged = column.merge(of(first, large), of(second))

    assert told(merged) == told(column.merge(of(second), of(first, large)))
    assert told(merged) == told(of([*first, *second]))


@given(st.lists(FLOATS, min_size=1, max_size=100))
def test_no_more_bits_are_cut_than_the_limit_asks_for(values: list[float]) -> None:
    found = numbers.of(np.array(values), limit=8)
    finer = numbers.of(np.array(values), limit=1_000, level=max(found.level - 1, 0))

    assert len(found.keys) <= 8
    assert found.level == 0 or len(finer.keys) > 8


@given(cells=st.lists(CELLS, max_size=60), at=st.integers(0, 60))
def test_a_hint_at_the_level_so_far_changes_nothing(cells: list[str], at: int) -> None:
    so_far = of(cells[:at])
    hinted = column.of(cells[at:], SMALL, level=so_far.numbers.level)

    assert told(column.merge(so_far, hinted)) == told(of(cells))


@given(st.lists(FLOATS.filter(lambda one: abs(one) < 1e140), max_size=50))
def test_sums_are_exact(values: list[float]) -> None:
    parts = exact_sum.of(np.array(values, np.float64))

    assert math.fsum(parts) == math.fsum(values)
    assert math.fsum([*parts, *(-one for one in values)]) == 0


def test_moments_are_those_of_numpy_even_far_from_zero() -> None:
    draw = np.random.default_rng(0)
    for values in (draw.normal(0, 1, 10_000), draw.normal(1.7e9, 1e5, 10_000)):
        found = numbers.of(values, limit=256)

        assert found.mean == pytest.approx(values.mean(), rel=1e-12)
        assert found.variance == pytest.approx(values.var(), rel=1e-6)


@given(st.lists(FLOATS, min_size=1, max_size=200), st.integers(1, 10))
def test_a_quantile_is_in_the_bucket_of_the_true_one(values: list[float], tenth: int) -> None:
    found = numbers.of(np.array(values), limit=16)
    true = sorted(values)[-(-tenth * len(values) // 10) - 1]
    value = found.quantile(tenth / 10)

    assert value is not None
    level = found.level
    buckets = [numbers.of(np.array([one]), limit=1, level=level).keys[0] for one in (value, true)]
    assert buckets[0] == buckets[1]
    assert value <= true


def test_few_distinct_numbers_are_kept_as_they_are() -> None:
    found = numbers.of(np.array([3.0, -1.5, 3.0, -0.0, 0.0, 1e300]), limit=8)

    assert found.level == 0
    assert dict(zip(found.edges.tolist(), found.counts.tolist(), strict=True)) == {
        -1.5: 1, 0.0: 2, 3.0: 2, 1e300: 1,
    }  # fmt: skip


def test_a_million_numbers_keep_their_quantiles_within_a_percent() -> None:
    values = np.random.default_rng(0).normal(10, 3, 1_000_000)
    found = numbers.of(values, limit=2_048)

    assert len(found.keys) <= 2_048
    for share in (0.01, 0.1, 0.5, 0.9, 0.99):
        assert found.quantile(share) == pytest.approx(np.quantile(values, share), rel=0.01)


def test_the_sign_and_the_largest_floats_survive_the_coarsest_level() -> None:
    found = numbers.of(np.array([-1.7e308, -5e-324, 5e-324, 1.7e308]), limit=2)

    assert found.counts.tolist() == [2, 2]
    assert np.isfinite(found.edges).all()
    assert (found.mean, found.variance) == (None, None)  # their squares overflow
    assert (found.least, found.most) == (-1.7e308, 1.7e308)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        pytest.param(["1.5", "2", "-3e7"], "numeric", id="numbers"),
        pytest.param(["1.5", "unknown", "7"], "numeric", id="mostly-numbers"),
        pytest.param(["0", "1", "1.0", ""], "boolean", id="zero-and-one"),
        pytest.param(["Yes", "no", "no"], "boolean", id="yes-and-no"),
        pytest.param(["red", "green", "7"], "categorical", id="mostly-texts"),
        pytest.param(list("abcdefg"), "text", id="more-texts-than-are-counted"),
        pytest.param(["", "NA", " NaN", "null", "  "], "empty", id="nothing"),
        pytest.param([], "empty", id="no-rows"),
        pytest.param(["inf", "-inf", "0"], "numeric", id="infinite"),
    ],
)
def test_kinds_are_told_by_the_cells(cells: list[str], kind: str) -> None:
    assert of(cells).kind == kind


@given(st.lists(CELLS, max_size=40))
def test_every_cell_is_counted_once(cells: list[str]) -> None:
    found = of(cells)

    assert found.count == len(cells)
    assert found.nulls + found.known == len(cells)


def test_a_private_column_keeps_no_value() -> None:
    cells = ["4111111111111111", "4222222222222222", "", "secret"] * 3
    json = told(of(cells, is_private=True))

    assert "secret" not in json
    assert "4111" not in json
    assert '"nulls":3' in json


def test_distinct_texts_are_estimated_past_the_limit() -> None:
    found = texts.of({f"customer {number}": 1 for number in range(50_000)}, limit=100)

    assert found.counts is None
    assert found.distinct == pytest.approx(50_000, rel=0.4)
    assert max(found.buckets) < 2 * 50_000 / texts.BUCKETS


def test_a_folder_is_one_table_whatever_the_order_of_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "f/a.csv", ["id", "age"], [[1, 30], [2, 40]])
    write(tmp_path / "f/sub/b.csv", ["age", "id"], [[50, 3]])
    write(tmp_path / "one.csv", ["id", "age"], [[1, 30], [2, 40], [3, 50]])
    (tmp_path / "f/readme.md").write_text("not a table")

    found = profile.of(tmp_path / "f")

    assert profile_file.to_json(found) == profile_file.to_json(profile.of(tmp_path / "one.csv"))
    assert found.columns["age"].numbers.mean == 40


def test_columns_left_out_are_not_profiled(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["id", "age"], [[1, 30]])

    assert list(profile.of(path, without=["id"]).columns) == ["age"]
    with pytest.raises(TableCannotBeRead, match="no column that could be profiled"):
        profile.of(path, without=["id", "age"])


def test_profiles_of_other_columns_are_not_merged(tmp_path: Path) -> None:
    one = profile.of(write(tmp_path / "a.csv", ["id", "age"], [[1, 30]]))
    other = profile.of(write(tmp_path / "b.csv", ["id", "size"], [[1, 30]]))

    with pytest.raises(ProfilesHaveOtherColumns, match="age, size"):
        profile.merge(one, other)
    assert profile.merge(one, one).rows == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b"\n \n", "it is empty", id="blank"),
        pytest.param(b"1,2\n3,4\n", "no header", id="no-header"),
        pytest.param(b"a,a\n1,2\n", "two columns of the name a", id="a-name-twice"),
        pytest.param(b"a,b\n1,2\n3\n", "a row has 1 cells and the header 2: 3", id="too-short"),
        pytest.param(b"a,b\n1,2,3\n", "a row has 3 cells and the header 2", id="too-long"),
        pytest.param("a,b\n1,2\n".encode("utf-16"), "not text in UTF-8", id="utf-16"),
        pytest.param(b"a,b\n" + b"x" * 200_000 + b",1\n", "field larger", id="an-endless-cell"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(TableCannotBeRead, match=why):
        profile.of(path, source="data/a.csv")


def test_a_missing_file_an_empty_folder_and_odd_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    write(tmp_path / "mixed/a.csv", ["id", "age"], [[1, 30]])
    write(tmp_path / "mixed/b.csv", ["id", "size"], [[1, 30]])

    for path, why in {
        "gone.csv": "No such file",
        "empty": "it holds no CSV file",
        "a.parquet": "only CSV and TSV",
        "mixed": "b.csv and a.csv differ in their columns: age, size",
    }.items():
        with pytest.raises(TableCannotBeRead, match=why):
            profile.of(tmp_path / path)


def test_bytes_that_are_not_utf_8_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"name\nM\xfcller\nM\xf6ller\nM\xfcller\n")

    assert profile.of(path).columns["name"].texts.counts == {r"M\xfcller": 2, r"M\xf6ller": 1}


def test_other_separators_sheets_and_empty_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffname;size\r\n\r\na;1\r\n\r\nb;2\r\n".encode())

    found = profile.of(path)

    assert found.rows == 2
    assert found.columns["size"].numbers.mean == 1.5


def test_ten_thousand_columns_stay_bounded(tmp_path: Path) -> None:
    draw = np.random.default_rng(0).normal(size=(300, 10_000)).round(6)
    path = write(tmp_path / "wide.csv", [f"c{at}" for at in range(10_000)], draw.tolist())

    found = profile.of(path)

    assert (found.rows, len(found.columns)) == (300, 10_000)
    assert max(len(one.numbers.keys) for one in found.columns.values()) <= 64
    assert len(profile_file.to_json(found)) < profile_file.LARGEST


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30))
def test_chunks_of_any_size_give_the_same_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]]
) -> None:
    rows = [tuple(cell.replace("\ud800", "?") for cell in row) for row in rows]  # type: ignore[misc]
    path = write(tmp_path / "a.csv", ["first", "second"], rows)
    whole = profile_file.to_json(profile.of(path))

    with monkeypatch.context() as patch:
        patch.setattr(table, "_ROWS", 3)
        assert profile_file.to_json(profile.of(path)) == whole
