from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.serving import golden
from trainshed.serving.golden import Difference, Example, ExamplesCannotBeRead

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_every_value_equals_itself(value: Any) -> None:
    assert golden.equal(value, value)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        pytest.param(100.0, 100.0009, id="within-the-relative-tolerance"),
        pytest.param(0.0, 0.000009, id="within-the-absolute-tolerance"),
        pytest.param(1, 1.000001, id="an-integer-and-a-float"),
        pytest.param([0.5, {"a": 0.1}], [0.500001, {"a": 0.100001}], id="inside-lists-and-objects"),
        pytest.param("yes", {"prediction": "yes", "score": 0.9}, id="bare-against-an-answer"),
        pytest.param(3.5, {"prediction": 3.500001}, id="bare-number-against-an-answer"),
        pytest.param(None, None, id="null"),
    ],
)
def test_equal(expected: Any, actual: Any) -> None:
    assert golden.equal(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        pytest.param(100.0, 100.002, id="beyond-the-tolerance"),
        pytest.param("yes", "no", id="another-class"),
        pytest.param(1_000_000, 1_000_001, id="another-integer-is-another-label"),
        pytest.param(1, True, id="a-boolean-is-not-a-number"),
        pytest.param(True, 1, id="a-number-is-not-a-boolean"),
        pytest.param("1", 1, id="text-is-not-a-number"),
        pytest.param(0.5, float("nan"), id="nan"),
        pytest.param(float("inf"), 1.0, id="infinity-is-not-close-to-anything"),
        pytest.param(0, None, id="null-is-not-zero"),
        pytest.param([1.0], [1.0, 2.0], id="another-length"),
        pytest.param({"a": 1.0}, {"b": 1.0}, id="another-key"),
        pytest.param({"prediction": "yes"}, {"prediction": "yes", "score": 1.0}, id="one-key-more"),
        pytest.param("yes", {"prediction": "no", "score": 0.1}, id="another-class-in-an-answer"),
        pytest.param({"prediction": "yes"}, "yes", id="an-object-against-a-bare-answer"),
    ],
)
def test_not_equal(expected: Any, actual: Any) -> None:
    assert not golden.equal(expected, actual)


def test_differences_name_the_row_and_both_values() -> None:
    examples = [Example(input={"a": row}, output=row / 2) for row in range(3)]

    assert golden.differences(examples, [0.0, 0.5, 1.0]) == ()
    assert golden.differences(examples, [0.0, 0.7, 1.0]) == (
        Difference(row=1, expected=0.5, actual=0.7),
    )


def test_an_answer_too_few_or_too_many_is_a_difference() -> None:
    examples = [Example(input={}, output=None)]

    assert golden.differences(examples, []) == (Difference(row=0, expected=None, actual=None),)
    assert golden.differences([], [1]) == (Difference(row=0, expected=None, actual=1),)


def test_examples_are_read_up_to_a_limit_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"input": {"a": 1}, "output": 2}\n\n{"input": {"a": 3}, "output": 4}\n')

    assert [example.output for example in golden.read(path)] == [2, 4]
    assert golden.read(path, limit=1) == (Example(input={"a": 1}, output=2),)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("nonsense", id="not-json"),
        pytest.param('{"input": {"a": 1}}', id="no-output"),
        pytest.param('{"input": 3, "output": 1}', id="input-is-no-object"),
        pytest.param("[]", id="not-an-object"),
    ],
)
def test_a_malformed_example_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"input": {}, "output": 1}\n' + line + "\n")

    with pytest.raises(ExamplesCannotBeRead, match=r"examples\.jsonl, line 2:"):
        golden.read(path)


def test_a_missing_file_of_examples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExamplesCannotBeRead, match="No such file"):
        golden.read(tmp_path / "examples.jsonl")
