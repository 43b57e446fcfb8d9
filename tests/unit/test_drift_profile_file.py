import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.drift import column, profile_file
from trainshed.drift.column import Limits
from trainshed.drift.profile import Profile
from trainshed.drift.profile_file import ProfileCannotBeRead

LIMITS = Limits(buckets=8, categories=4)


def sample(cells: list[str], *, is_private: bool = False) -> Profile:
    made = column.of(cells, LIMITS, is_private=is_private)
    return Profile(rows=len(cells), columns={"age": made})


@given(st.lists(st.one_of(st.floats().map(str), st.text(max_size=3)), max_size=30), st.booleans())
def test_a_profile_survives_its_json(cells: list[str], private: bool) -> None:
    text = profile_file.to_json(sample(cells, is_private=private))

    assert profile_file.to_json(profile_file.from_json(text)) == text


def test_the_order_of_rows_does_not_show_in_the_json() -> None:
    cells = ["3", "1", "b", "a", "", "2.5"]

    assert profile_file.to_json(sample(cells)) == profile_file.to_json(sample(cells[::-1]))


Change = Callable[[dict[str, Any]], object]


def of_column(**changed: object) -> Change:
    return lambda document: document["columns"]["age"].update(changed)


def of_numbers(**changed: object) -> Change:
    return lambda document: document["columns"]["age"]["numbers"].update(changed)


def of_texts(**changed: object) -> Change:
    return lambda document: document["columns"]["age"].update(texts=changed)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(lambda one: one.update(format=2), "has format 2", id="newer"),
        pytest.param(lambda one: one.pop("rows"), "rows", id="no-rows"),
        pytest.param(lambda one: one.update(rows=7), "not as many as the rows", id="other-rows"),
        pytest.param(of_column(nulls=-1), "not as many as the rows", id="negative-nulls"),
        pytest.param(of_column(buckets=0), "a limit that cannot be", id="no-bucket"),
        pytest.param(of_column(nulls="many"), "nulls", id="a-text-for-a-number"),
        pytest.param(of_numbers(counts=[1]), "do not fit", id="counts-missing"),
        pytest.param(of_numbers(level=64), "do not fit", id="no-such-level"),
        pytest.param(of_numbers(keys=[2, 1, 3]), "not in order", id="keys-fall"),
        pytest.param(of_numbers(counts=[1, -1, 3]), "not in order", id="negative-count"),
        pytest.param(of_numbers(range=None), "without a range", id="no-range"),
        pytest.param(of_numbers(keys=[1, 2, 2**63]), "do not fit", id="beyond-64-bits"),
        pytest.param(of_texts(counts={"a": 0}), "counts do not fit", id="a-text-never-seen"),
        pytest.param(of_texts(counts={"a" * 101: 1}), "too long", id="a-long-text"),
        pytest.param(of_texts(buckets=[1], least=[]), "buckets do not fit", id="few-hashes"),
        pytest.param(
            of_texts(buckets=[0] * 64, least=[-1]), "a hash that is none", id="negative-hash"
        ),
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused(change: Change, why: str) -> None:
    document = json.loads(profile_file.to_json(sample(["1", "2", "3", "x"])))
    change(document)

    with pytest.raises(ProfileCannotBeRead, match=why):
        profile_file.from_json(json.dumps(document))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'{"format": NaN}', id="nan"),
        pytest.param(b'{"format": 1, "format": 1}', id="a-key-twice"),
        pytest.param(b"\xff\xfe", id="not-utf-8"),
    ],
)
def test_what_is_no_profile_is_refused(content: bytes) -> None:
    with pytest.raises(ProfileCannotBeRead, match=r"run\.json cannot be read"):
        profile_file.from_json(content, source="run.json")
