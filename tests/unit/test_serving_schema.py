import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.serving import schema
from trainshed.serving.schema import Column, Schema, SchemaCannotBeRead

PEOPLE = Schema(
    columns=(
        Column(name="name", type="string"),
        Column(name="age", type="integer"),
        Column(name="income", type="number", nullable=True),
        Column(name="vip", type="boolean"),
    )
)
GOOD = {"name": "Ada", "age": 36, "income": 1.5, "vip": True}


def test_a_good_row_has_no_problem() -> None:
    assert PEOPLE.validate([GOOD]) == ()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"income": 7}, id="an-integer-is-a-number"),
        pytest.param({"age": 3.0}, id="a-whole-number-is-an-integer"),
        pytest.param({"income": None}, id="null-where-it-may-be"),
        pytest.param({"name": ""}, id="empty-text-is-text"),
    ],
)
def test_fits(change: dict[str, Any]) -> None:
    assert PEOPLE.validate([{**GOOD, **change}]) == ()


@pytest.mark.parametrize(
    ("column", "value", "expected", "got"),
    [
        pytest.param("name", 3, "string", "integer 3", id="a-number-is-not-text"),
        pytest.param("age", "36", "integer", 'string "36"', id="text-is-not-a-number"),
        pytest.param("age", 3.5, "integer", "number 3.5", id="a-fraction-is-not-an-integer"),
        pytest.param("age", True, "integer", "boolean true", id="a-boolean-is-not-an-integer"),
        pytest.param("age", None, "integer", "null", id="null-where-it-may-not-be"),
        pytest.param("age", 2**63, "integer", f"integer {2**63}", id="beyond-64-bits"),
        pytest.param("income", False, "number or null", "boolean false", id="nor-a-number"),
        pytest.param("income", float("nan"), "number or null", "nan", id="nan"),
        pytest.param("income", float("-inf"), "number or null", "-inf", id="infinity"),
        pytest.param("vip", 1, "boolean", "integer 1", id="a-number-is-not-a-boolean"),
        pytest.param("name", ["Ada"], "string", 'array ["Ada"]', id="a-list-is-not-text"),
        pytest.param("name", {"a": 1}, "string", 'object {"a": 1}', id="an-object-is-not-text"),
        pytest.param("age", "x" * 99, "integer", 'string "' + "x" * 79 + "…", id="cut-short"),
    ],
)
def test_wrong_value_is_named(column: str, value: Any, expected: str, got: str) -> None:
    (problem,) = PEOPLE.validate([GOOD, {**GOOD, column: value}])

    assert (problem.row, problem.column) == (1, column)
    assert (problem.expected, problem.got) == (expected, got)


def test_a_missing_and_an_unexpected_column_are_both_named() -> None:
    row = {key: value for key, value in GOOD.items() if key != "age"} | {"agee": 36}

    assert [str(problem) for problem in PEOPLE.validate([row])] == [
        "row 0, column 'age': expected integer, got nothing: the column is missing",
        "row 0, column 'agee': expected no such column, got integer 36",
    ]


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.floats() | st.text()))
def test_problems_name_exactly_the_columns_that_differ(row: dict[str, Any]) -> None:
    named = {problem.column for problem in PEOPLE.validate([{**GOOD, **row}])}

    assert named >= row.keys() - GOOD.keys()
    assert named <= row.keys()


def test_without_columns_only_what_json_cannot_hold_is_refused() -> None:
    rows = [{"a": 1, "b": [{"c": None}]}, {"z": [{"deep": float("inf")}]}]

    (problem,) = schema.UNKNOWN.validate(rows)

    assert (problem.row, problem.column) == (1, "z")


def test_a_schema_is_read_and_keys_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    columns = [{"name": "age", "type": "integer", "unit": "years"}]
    path.write_text(json.dumps({"columns": columns, "target": "churn"}))

    assert schema.read(path) == Schema(columns=(Column(name="age", type="integer"),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("{", "JSONDecodeError", id="not-json"),
        pytest.param("[]", "TypeError", id="not-an-object"),
        pytest.param('{"columns": [{"name": "age"}]}', "'type'", id="no-type"),
        pytest.param(
            '{"columns": [{"name": "age", "type": "int"}]}', "unknown type 'int'", id="odd-type"
        ),
        pytest.param('{"columns": [{"name": "a", "type": []}]}', "unknown type", id="list-type"),
    ],
)
def test_a_malformed_schema_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)

    with pytest.raises(SchemaCannotBeRead, match=says):
        schema.read(path)


def test_a_schema_derived_from_examples_is_as_loose_as_they_are() -> None:
    derived = schema.derived_from(
        [
            {"n": 1, "text": "a", "flag": True, "mixed": "a", "empty": None},
            {"n": 2.5, "text": None, "flag": False, "mixed": 1, "empty": None},
        ]
    )

    assert derived.columns is not None
    assert {column.name: column.type for column in derived.columns} == {
        "n": "number",
        "text": "string",
        "flag": "boolean",
        "mixed": "any",
        "empty": "any",
    }
    assert all(column.nullable for column in derived.columns)


@pytest.mark.parametrize(
    "inputs",
    [pytest.param([], id="none"), pytest.param([{"a": 1}, {"b": 1}], id="of-several-shapes")],
)
def test_examples_that_tell_nothing_give_no_schema(inputs: list[dict[str, Any]]) -> None:
    assert schema.derived_from(inputs) is schema.UNKNOWN


@given(st.lists(st.fixed_dictionaries({"a": st.none() | st.integers(-9, 9) | st.text()})))
def test_a_derived_schema_accepts_what_it_was_derived_from(inputs: list[dict[str, Any]]) -> None:
    assert schema.derived_from(inputs).validate(inputs) == ()
