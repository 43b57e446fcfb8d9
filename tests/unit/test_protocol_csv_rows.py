from typing import Any

import pytest

from trainshed.serving import csv_rows
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import UNKNOWN, Column, Schema

PEOPLE = Schema(
    columns=(
        Column(name="plan", type="string"),
        Column(name="age", type="integer"),
        Column(name="vip", type="boolean"),
    )
)
ADA = {"plan": "gold", "age": 36, "vip": True}


def one_column(kind: Any, *, nullable: bool = False) -> Schema:
    return Schema(columns=(Column(name="x", type=kind, nullable=nullable),))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("plan,age,vip\ngold,36,True\n", id="pandas"),
        pytest.param("vip,plan,age\ntrue,gold,36", id="another-order"),
        pytest.param("gold,36,true\n", id="no-header"),
        pytest.param('\ufeffplan,age,vip\r\n"gold", 36 ,TRUE\r\n\r\n', id="a-spreadsheets"),
    ],
)
def test_is_taken(body: str) -> None:
    assert csv_rows.of(body.encode(), PEOPLE) == [ADA]


def test_a_misspelt_name_is_still_in_a_header() -> None:
    [row] = csv_rows.of(b"plan,aeg,vip\ngold,36,True\n", PEOPLE)

    assert row.keys() == {"plan", "aeg", "vip"}
    assert [str(problem) for problem in PEOPLE.validate([row])] == [
        "row 0, column 'age': expected integer, got nothing: the column is missing",
        "row 0, column 'aeg': expected no such column, got string \"36\"",
    ]


def test_the_caller_may_say_whether_there_is_a_header() -> None:
    text = one_column("string")

    assert csv_rows.of(b"x\nx\n", text) == [{"x": "x"}]
    assert csv_rows.of(b"x\nx\n", text, header="present") == [{"x": "x"}]
    assert csv_rows.of(b"x\nx\n", text, header="absent") == [{"x": "x"}, {"x": "x"}]
    assert csv_rows.of(b"a\nb\n", text, header="present") == [{"a": "b"}]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "007", 7),
        ("integer", "-3", -3),
        ("integer", "3.0", 3.0),
        ("integer", "nan", None),
        ("integer", "1_0", "1_0"),
        ("integer", "9" * 30, float("9" * 30)),
        ("number", "1e-3", 0.001),
        ("number", ".5", 0.5),
        ("number", "1.", 1.0),
        ("number", "NaN", None),
        ("number", "inf", "inf"),
        ("number", "1,5", "1,5"),
        ("number", "0x10", "0x10"),
        ("boolean", "FALSE", False),
        ("boolean", "1", "1"),
        ("any", "12", 12),
        ("any", "true", True),
        ("any", "gold", "gold"),
        ("string", "12", "12"),
        ("string", "NA", "NA"),
        ("string", " a ", " a "),
    ],
)
def test_a_cell_is_what_its_column_holds_or_stays_text(kind: str, text: str, value: Any) -> None:
    [row] = csv_rows.of(f'x\n"{text}"\n'.encode(), one_column(kind))

    assert (type(row["x"]), row["x"]) == (type(value), value)


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "any", "string"])
def test_an_empty_cell_is_a_gap(kind: str) -> None:
    schema = one_column(kind, nullable=True)

    assert csv_rows.of(b'x\n""\n', schema) == [{"x": None}]


def test_an_empty_cell_is_empty_text_where_there_are_no_gaps() -> None:
    assert csv_rows.of(b'x\n""\n', one_column("string")) == [{"x": ""}]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "no line", id="empty"),
        pytest.param(b"\n\n", "no line", id="blank"),
        pytest.param(b"\xff\xfe", "not UTF-8", id="not-text"),
        pytest.param(b'plan,age,vip\n"gold', "not CSV", id="open-quote"),
        pytest.param(b"plan,age,vip\n" + b"x" * 200_000, "not CSV", id="endless-cell"),
        pytest.param(
            b"plan,age,vip\ngold,36,True\ngold,36\n", "row 1: .* 3 values, got 2", id="few"
        ),
        pytest.param(b"gold,36,true,1\n", "row 0: expected 3 values, got 4", id="many"),
        pytest.param(b"plan,plan,vip\n", "twice: plan", id="twice"),
    ],
)
def test_a_bad_body_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(RequestIsRefused, match=says):
        csv_rows.of(body, PEOPLE)


def test_csv_needs_a_schema_because_text_does_not_tell_its_types() -> None:
    with pytest.raises(RequestIsRefused, match="not known"):
        csv_rows.of(b"a\n1\n", UNKNOWN)
