import contextlib
import json

import pytest

from trainshed.serving import request
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import UNKNOWN, Column, Schema

AGES = Schema(columns=(Column(name="age", type="integer"),))


def test_rows_come_out_as_they_were_sent() -> None:
    body = json.dumps({"rows": [{"age": 1}, {"age": 2}]}).encode()

    assert request.rows_of(body, AGES) == [{"age": 1}, {"age": 2}]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(b"", 400, "not JSON", id="empty"),
        pytest.param(b"age=1", 400, "not JSON", id="a-form"),
        pytest.param(b"\xff\xfe\xff", 400, "not JSON", id="not-text"),
        pytest.param(b"1" * 5000, 400, "not JSON", id="endless-number"),
        pytest.param(b'{"rows":' + b"[" * 100_000, 400, "nested too deeply", id="bottomless"),
        pytest.param(b"[]", 422, "no list of rows", id="a-bare-list"),
        pytest.param(b'{"rows": {"age": 1}}', 422, "no list of rows", id="one-row-bare"),
        pytest.param(b'{"rows": [], "row": 1}', 422, "unknown keys: row", id="unknown-key"),
        pytest.param(b'{"rows": [[1]]}', 422, "row 0: expected an object", id="row-is-a-list"),
        pytest.param(b'{"rows": [{"age": 1}, {"age": NaN}]}', 422, "row 1, column 'age'", id="nan"),
        pytest.param(b'{"rows": [{"a": 1}]}', 422, r"column 'age': .* \(1 more\)", id="two"),
    ],
)
def test_a_bad_body_is_refused(body: bytes, status: int, says: str) -> None:
    with pytest.raises(RequestIsRefused, match=says) as refused:
        request.rows_of(body, AGES)

    assert refused.value.status == status


def test_a_row_nested_as_deep_as_a_parser_goes_is_refused_or_taken_but_never_a_crash() -> None:
    for depth in (100, 500, 900, 5000):
        body = b'{"rows": [{"a":' + b"[" * depth + b"]" * depth + b"}]}"

        with contextlib.suppress(RequestIsRefused):
            request.rows_of(body, UNKNOWN)


@pytest.mark.parametrize(
    "given", [pytest.param(b"abc-123:/~!", id="visible"), pytest.param(b"x" * 128, id="longest")]
)
def test_a_sane_request_id_is_kept(given: bytes) -> None:
    assert request.id_of([(b"host", b"h"), (b"x-request-id", given)]) == given.decode()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"x" * 129, id="too-long"),
        pytest.param(b"two words", id="a-space"),
        pytest.param(b"line\nbreak", id="a-line-break"),
        pytest.param("é".encode(), id="not-ascii"),
    ],
)
def test_any_other_request_id_is_replaced(given: bytes) -> None:
    made = request.id_of([(b"x-request-id", given)])

    assert len(made) == 32
    assert made != request.id_of([])
