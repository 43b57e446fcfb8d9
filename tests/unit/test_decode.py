from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed import decode


@dataclass(frozen=True, kw_only=True)
class Inner:
    digest: str


@dataclass(frozen=True, kw_only=True)
class Record:
    name: str
    size: int
    kind: Literal["a", "b"] = "a"
    inner: Inner | None = None
    metrics: Mapping[str, float]
    tags: tuple[str, ...] = ()


def test_json_becomes_the_record() -> None:
    text = '{"name": "é", "size": 3, "metrics": {"f1": 1}, "inner": {"digest": "x"}, "tags": ["t"]}'

    expected = Record(name="é", size=3, metrics={"f1": 1.0}, inner=Inner(digest="x"), tags=("t",))
    assert decode.from_json(Record, text) == expected
    assert decode.from_json(Record, text.encode()) == expected


def test_a_key_that_it_does_not_know_is_ignored() -> None:
    text = '{"name": "n", "size": 3, "metrics": {}, "added": {"by": "a newer writer"}}'

    assert decode.from_json(Record, text) == Record(name="n", size=3, metrics={})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("{", "^Invalid JSON", id="not-json"),
        pytest.param("3", "^Input should be an object", id="not-an-object"),
        pytest.param('{"name": "n", "metrics": {}}', "^size: Field required", id="missing"),
        pytest.param(
            '{"name": 1, "size": 3, "metrics": {}}', "^name: .*valid string", id="another-kind"
        ),
        pytest.param(
            '{"name": "n", "size": 3, "metrics": {"f1": "x"}}', "^metrics/f1: ", id="deep-inside"
        ),
        pytest.param(
            '{"name": "n", "size": 3, "metrics": {}, "inner": {}}',
            "^inner/digest: Field required",
            id="in-another-record",
        ),
        pytest.param(
            '{"name": "n", "size": 3, "metrics": {}, "kind": "c"}',
            "^kind: Input should be 'a' or 'b'",
            id="none-of-the-choices",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        decode.from_json(Record, text)


@given(st.text() | st.binary())
def test_no_text_raises_anything_but_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode.from_json(Record, text)
