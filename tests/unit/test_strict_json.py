"""JSON of a stranger: what is read is one document, of finite numbers, of a bounded size."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed import strict_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def check(content: bytes | str) -> None:
    text = content if isinstance(content, bytes) else content.encode()
    strict_json.check(text, largest=1_000_000, longest_text=100)


@given(JSON)
def test_what_json_says_plainly_is_taken(document: Any) -> None:
    if _depth(document) <= 12:
        check(json.dumps(document))


def _depth(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(inner, list) else 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b" " * 1_000_001, "larger than 1000000 bytes"),
        (b"\xff", "not text in UTF-8"),
        ("{", "not JSON"),
        ("[1] [2]", "not JSON"),
        ('{"a": 1, "a": 2}', "a key twice"),
        ('{"a": {"b": 1, "b": 1}}', "a key twice"),
        ("[NaN]", "not finite"),
        ("[-Infinity]", "not finite"),
        ("[1e999]", "not finite"),
        (f"[{'9' * 30}]", "too large"),
        ("[" * 50 + "]" * 50, "nested too deeply"),
        ("[" * 400_000, "nested too deeply|not JSON"),
        ('{"a":' * 150_000, "nested too deeply|not JSON"),
        (json.dumps("x" * 101), "more than 100 characters"),
        (json.dumps({"x" * 101: 1}), "more than 100 characters"),
    ],
)
def test_everything_else_is_refused_and_the_reason_quotes_none_of_it(
    content: bytes | str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        check(content)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_taken_or_refused(content: bytes) -> None:
    try:
        check(content)
    except ValueError:
        return
    json.loads(content)


def test_a_number_too_long_to_be_read_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # Python's own
        check(f"[{'9' * 5000}]")
