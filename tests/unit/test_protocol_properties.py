"""For every protocol: rows come out as they went in, and of nonsense comes a refusal."""

import csv
import io
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.serving import invocations, open_inference
from trainshed.serving.open_inference import Model
from trainshed.serving.protocol import Call, Headers, Response
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import UNKNOWN, Column, Schema

PEOPLE = Schema(
    columns=(
        Column(name="name", type="string"),
        Column(name="plan", type="string", nullable=True),
        Column(name="age", type="integer"),
        Column(name="income", type="number", nullable=True),
        Column(name="vip", type="boolean"),
    )
)
NAMES = ["name", "plan", "age", "income", "vip"]
TYPES = {"name": "BYTES", "plan": "BYTES", "age": "INT64", "income": "FP64", "vip": "BOOL"}
CHURN = Model(name="churn", version="1.1.0")
JSON = [(b"content-type", b"application/json")]
CSV = [(b"content-type", b"text/csv")]
BARE_CSV = [(b"content-type", b"text/csv; header=absent")]

numbers = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(),
            "plan": st.none() | st.text(min_size=1),
            "age": st.integers(-(2**63) + 1, 2**63 - 1),
            "income": st.none() | numbers,
            "vip": st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
)

Rows = list[dict[str, Any]]
Request = tuple[bytes, Headers]


def in_json(content: Any) -> Request:
    return json.dumps(content).encode(), JSON


def lists(rows: Rows) -> list[list[Any]]:
    return [[row[name] for name in NAMES] for row in rows]


def columns(rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in NAMES}


def in_csv(rows: Rows, *, with_header: bool) -> Request:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([NAMES] if with_header else [])
    writer.writerows(lists(rows))
    return text.getvalue().encode(), CSV if with_header else BARE_CSV


def as_split(rows: Rows) -> Request:
    split = {"columns": NAMES, "index": list(range(len(rows))), "data": lists(rows)}
    return in_json({"dataframe_split": split})


def as_gaps(rows: Rows) -> Request:
    """MLflow's client writes what pandas holds: a gap in a column of numbers is NaN."""
    gaps = [
        {**row, "income": float("nan") if row["income"] is None else row["income"]} for row in rows
    ]
    return in_json({"dataframe_records": gaps})


INVOCATIONS: dict[str, Callable[[Rows], Request]] = {
    "split": as_split,
    "split without columns": lambda rows: in_json({"dataframe_split": {"data": lists(rows)}}),
    "records": lambda rows: in_json({"dataframe_records": rows}),
    "records with NaN": as_gaps,
    "instances of objects": lambda rows: in_json({"instances": rows}),
    "instances of lists": lambda rows: in_json({"instances": lists(rows)}),
    "inputs of columns": lambda rows: in_json({"inputs": columns(rows)}),
    "inputs of objects": lambda rows: in_json({"inputs": rows}),
    "inputs of lists": lambda rows: in_json({"inputs": lists(rows)}),
    "CSV": lambda rows: in_csv(rows, with_header=True),
    "CSV without a header": lambda rows: in_csv(rows, with_header=False),
}


def in_tensors(rows: Rows, *, is_flat: bool) -> Request:
    shape = [len(rows)] if is_flat else [len(rows), 1]
    inputs = [
        {"name": name, "shape": shape, "datatype": TYPES[name], "data": values}
        for name, values in columns(rows).items()
    ]
    return in_json({"inputs": inputs})


def packed(kind: str, values: list[Any]) -> bytes:
    if kind == "BYTES":
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    layout = {"INT64": "q", "FP64": "d", "BOOL": "?"}[kind]
    gaps = [float("nan") if value is None else value for value in values]
    return struct.pack(f"<{len(values)}{layout}", *gaps)


def in_binary(rows: Rows) -> Request:
    """The texts that may be missing stay in the JSON: bytes have no way to say so."""
    inputs, binary = [], b""
    for name, values in columns(rows).items():
        one: dict[str, Any] = {"name": name, "shape": [len(rows), 1], "datatype": TYPES[name]}
        if name == "plan":
            inputs.append({**one, "data": values})
            continue
        raw = packed(TYPES[name], values)
        inputs.append({**one, "parameters": {"binary_data_size": len(raw)}})
        binary += raw
    head = json.dumps({"inputs": inputs}).encode()
    length = (b"inference-header-content-length", str(len(head)).encode())
    return head + binary, [length]


TENSORS: dict[str, Callable[[Rows], Request]] = {
    "two dimensions": lambda rows: in_tensors(rows, is_flat=False),
    "one dimension": lambda rows: in_tensors(rows, is_flat=True),
    "binary": in_binary,
}


def invoked(body: bytes, headers: Headers, schema: Schema) -> Call:
    return invocations.call(body, headers, schema)


def inferred(body: bytes, headers: Headers, schema: Schema) -> Call:
    return open_inference.call(body, headers, schema, model=CHURN)


CALLS = [(invoked, invocations.refusal), (inferred, open_inference.refusal)]


@pytest.mark.parametrize("way", INVOCATIONS)
@given(rows=ROWS)
def test_rows_come_out_of_an_invocation_as_they_were_sent(way: str, rows: Rows) -> None:
    found = invoked(*INVOCATIONS[way](rows), PEOPLE).rows

    assert found == rows
    assert types(found) == types(rows)


@pytest.mark.parametrize("way", TENSORS)
@given(rows=ROWS)
def test_rows_come_out_of_tensors_as_they_were_sent(way: str, rows: Rows) -> None:
    found = inferred(*TENSORS[way](rows), PEOPLE).rows

    assert found == rows
    assert types(found) == types(rows)


def types(rows: Any) -> list[list[type]]:
    return [[type(row[name]) for name in NAMES] for row in rows]


@given(table=st.lists(st.tuples(numbers, numbers), min_size=1), is_nested=st.booleans())
def test_rows_come_out_of_one_tensor_of_all_columns(
    table: list[tuple[float, float]], is_nested: bool
) -> None:
    schema = Schema(columns=(Column(name="a", type="number"), Column(name="b", type="number")))
    data = table if is_nested else [value for row in table for value in row]
    one = {"name": "input-1", "shape": [len(table), 2], "datatype": "FP64", "data": data}

    assert inferred(*in_json({"inputs": [one]}), schema).rows == [
        {"a": a, "b": b} for a, b in table
    ]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "shape", "datatype", "data", "inputs", "columns", "parameters"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
GOOD = [
    json.loads(make([{"name": "Ada", "plan": None, "age": 36, "income": 1.5, "vip": True}])[0])
    for make in [*list(INVOCATIONS.values())[:9], TENSORS["two dimensions"]]
]
GOOD[-1] |= {"id": "1", "outputs": [{"name": "predict", "parameters": {"binary_data": True}}]}


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Return a good body in which one part, anywhere, is replaced by junk, dropped or doubled."""
    content = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    place = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        match draw(st.sampled_from(["junk", "drop", "double"])):
            case "junk":
                place[key] = draw(junk)
            case "drop":
                del place[key]
            case "double":
                place[key] = [inner, inner]
        return json.dumps(content).encode()


HEADERS = st.sampled_from(
    [
        *(JSON, CSV, BARE_CSV, []),
        [(b"content-type", b"text/csv; header=present"), (b"accept", b"text/csv;q")],
        [(b"content-type", b"\xff;=;charset"), (b"content-encoding", b"br")],
        *([(b"inference-header-content-length", size)] for size in (b"0", b"9", b"-1", b"9" * 99)),
    ]
)
HOSTILE = st.binary() | spoilt() | junk.map(lambda content: json.dumps(content).encode())


@given(body=HOSTILE, headers=HEADERS, schema=st.sampled_from([PEOPLE, UNKNOWN]))
def test_a_hostile_body_is_refused_or_taken_but_never_a_crash(
    body: bytes, headers: Headers, schema: Schema
) -> None:
    for call, refusal in CALLS:
        response = answered(call, refusal, body, headers, schema)

        assert response.status in {200, 400, 415}
        assert response.body


def answered(
    call: Callable[[bytes, Headers, Schema], Call],
    refusal: Callable[[RequestIsRefused], Response],
    body: bytes,
    headers: Headers,
    schema: Schema,
) -> Response:
    try:
        taken = call(body, headers, schema)
        return taken.render([{"prediction": "yes", "score": 0.7}] * max(1, len(taken.rows)))
    except RequestIsRefused as error:
        return refusal(error)


@given(rows=ROWS, cut=st.integers(1, 60), grown=st.binary(max_size=9))
def test_bytes_that_are_missing_or_too_many_are_refused(rows: Rows, cut: int, grown: bytes) -> None:
    body, headers = in_binary(rows)
    [(_, length)] = headers
    binary = body[int(length) :]

    for wrong in (binary[:-cut], binary + grown + b"\0"):
        with pytest.raises(RequestIsRefused):
            inferred(body[: int(length)] + wrong, headers, PEOPLE)


@pytest.mark.parametrize("depth", [100, 900, 5_000, 50_000])
@pytest.mark.parametrize(
    "around",
    [
        '{{"dataframe_records": [{{"name": {}}}]}}',
        '{{"instances": {}}}',
        '{{"inputs": [{{"name": "a", "shape": [1], "datatype": "FP64", "data": [{}]}}]}}',
        '{{"inputs": [{{"name": "a", "shape": {}}}]}}',
        '{{"id": {}, "inputs": []}}',
    ],
)
def test_a_bottomless_body_is_refused_or_taken_but_never_a_crash(around: str, depth: int) -> None:
    body = around.format("[" * depth + "]" * depth).encode()

    for schema in (PEOPLE, UNKNOWN):
        for call, refusal in CALLS:
            assert answered(call, refusal, body, JSON, schema).status in {200, 400}


ANSWERS = st.lists(junk, min_size=1, max_size=3)


@given(answers=ANSWERS, is_binary=st.booleans(), accept=st.sampled_from([b"", b"text/csv"]))
def test_any_answer_can_be_written(answers: list[Any], is_binary: bool, accept: bytes) -> None:
    body, headers = INVOCATIONS["records"]([])
    parameters = {"binary_data_output": is_binary}
    infer = json.dumps(
        {
            "parameters": parameters,
            "inputs": [{"name": "a", "shape": [1], "datatype": "BOOL", "data": [True]}],
        }
    )

    assert invoked(body, [*headers, (b"accept", accept)], PEOPLE).render(answers).status == 200
    assert inferred(infer.encode(), JSON, UNKNOWN).render(answers).status == 200
