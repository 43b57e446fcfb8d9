import json
import math
from typing import Any

import hypothesis
import hypothesis.strategies as st
import logged
import pytest

from trainshed.serving import log_record
from trainshed.serving.log_policy import Identity, Policy
from trainshed.serving.log_record import Encoder, LogIsOfANewerFormat, Record

SALT = b"0123456789abcdef"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_every_row_is_a_line_that_says_what_answered_it() -> None:
    first, second = (
        Encoder(logged.IDENTITY, Policy())
        .lines(logged.answered(rows=2, purpose="golden"), at=logged.AT)
        .splitlines(keepends=True)
    )

    assert log_record.decode(first) == Record(
        schema=1,
        release="churn@v1.2.0",
        dataset="da" * 32,
        instance="i-1",
        time=logged.TIME,
        request_id="r-1",
        row=0,
        purpose="golden",
        latency_ms=1.235,
        prediction="no",
        score=0.25,
        features={"at": 0, "text": "x"},
    )
    assert json.loads(second)["row"] == 1


def test_a_request_without_rows_has_no_lines() -> None:
    assert Encoder(logged.IDENTITY, Policy()).lines(logged.answered(rows=0), at=0) == b""


def test_an_unreleased_run_and_an_answer_without_score_say_null() -> None:
    encoder = Encoder(Identity(release=None, dataset="da" * 32), Policy())

    record = log_record.decode(encoder.lines(logged.answered(scores=None), at=logged.AT))

    assert record is not None
    assert (record.release, record.instance, record.score) == (None, None, None)


@hypothesis.given(row=st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_was_asked_comes_back_as_it_was_in_one_line_of_ascii(row: dict[str, Any]) -> None:
    line = logged.line(row, predictions=[row], scores=[row])

    record = log_record.decode(line)

    assert record is not None
    assert repr(record.features) == repr(record.prediction) == repr(record.score) == repr(row)
    assert line.isascii()
    assert line.count(b"\n") == 1


@hypothesis.given(
    row=st.dictionaries(st.text(), VALUES, max_size=5), indent=st.sampled_from([0, None])
)
def test_a_row_logged_from_its_own_text_is_the_same_row(row: dict[str, Any], indent: Any) -> None:
    text = json.dumps(row, indent=indent, ensure_ascii=bool(indent))

    line = logged.line(log_record.as_it_came(row, text))

    record = log_record.decode(line)
    assert record is not None
    assert repr(record.features) == repr(row)
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        pytest.param('{"a": 1.50, "b": "x y"}', True, id="flat"),
        pytest.param('{"a": 1, "a": 2}', False, id="a-name-twice"),
        pytest.param('{"a":\n1}', False, id="line-break"),
        pytest.param('{"a":\r1}', False, id="carriage-return"),
        pytest.param('{"a": "\\ud800"}', False, id="half-a-character"),
        pytest.param('{"a": "\u2028"}', False, id="not-ascii"),
        pytest.param('{"a": {"b": 1}}', False, id="nested"),
    ],
)
def test_a_text_is_logged_as_it_came_only_if_every_reader_takes_it(
    text: str, is_taken: bool
) -> None:
    row = json.loads(text)

    assert log_record.as_it_came(row, text) is (text if is_taken else row)


def test_half_a_character_becomes_a_whole_one_that_says_so() -> None:
    row = {"a\ud800": ["\udc00", {"b": "ok \U0001f600"}], "c": "\\ud800"}

    assert logged.logged(row) == {"a�": ["�", {"b": "ok \U0001f600"}], "c": "\\ud800"}


@pytest.mark.parametrize("features", [{"phone": "0170", "age": 1}, '{"phone": "0170", "age": 1}'])
def test_a_private_value_is_in_no_line(features: Any) -> None:
    kept = logged.logged(features, private={"phone": "hash"}, salt=SALT)
    left = logged.logged(features, private={"phone": "leave_out"})

    assert kept["phone"].startswith("hmac:")
    assert left == {"age": 1}


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, object(), b"bytes"],
    ids=["nan", "inf", "-inf", "object", "bytes"],
)
def test_what_json_lacks_is_refused(value: Any) -> None:
    for changes in ({"features": [{"a": value}]}, {"predictions": [value]}, {"scores": [value]}):
        with pytest.raises(ValueError, match="JSON"):
            logged.line(**changes)


def test_each_row_must_have_its_answer() -> None:
    with pytest.raises(ValueError, match="shorter"):
        logged.line(predictions=["no"], features=[{}, {}])


def test_no_part_of_a_line_is_a_row() -> None:
    line = logged.line({"a": "{}", "b": {}})

    assert log_record.decode(line) is not None
    assert not [end for end in range(len(line)) if log_record.is_whole(line[:end])]
    assert not [start for start in range(1, len(line)) if log_record.is_whole(line[start:])]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"schema":1}\n', id="no-fields"),
        pytest.param(b'{"schema":1,,}\n', id="not-json"),
        pytest.param(b'{"schema":"1"}\n', id="no-number"),
        pytest.param(b'{"schema":1,"a":\0\0\0}\n', id="zeros-of-a-power-cut"),
    ],
)
def test_what_is_no_row_is_none(line: bytes) -> None:
    assert log_record.decode(line) is None


def test_a_field_that_a_later_trainshed_added_is_passed_over() -> None:
    line = logged.line().replace(b'"row":0', b'"row":0,"colour":"blue"')

    assert log_record.decode(line) == log_record.decode(logged.line())


def test_a_newer_format_is_refused_not_misread() -> None:
    line = logged.line().replace(b'{"schema":1', b'{"schema":2')

    with pytest.raises(LogIsOfANewerFormat, match="has the format 2"):
        log_record.decode(line)
