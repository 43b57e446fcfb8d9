import hmac
from typing import Any

import pytest

from trainshed.serving.log_policy import LogPolicyIsWrong, Policy

SALT = b"0123456789abcdef"
HASHING = Policy(private={"phone": "hash", "name": "leave_out"}, salt=SALT)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"sync": "sometimes"}, "sync is 'sometimes'", id="sync"),
        pytest.param({"on_full": "wait"}, "on_full is 'wait'", id="on-full"),
        pytest.param({"private": {"phone": "blur"}}, "private column phone is 'blur'", id="hiding"),
        pytest.param({"sync_seconds": 0.0}, "sync_seconds is 0", id="no-interval"),
        pytest.param({"segment_bytes": -1}, "segment_bytes is -1", id="size"),
        pytest.param({"segment_seconds": float("nan")}, "segment_seconds is nan", id="age"),
        pytest.param({"queue_bytes": 0}, "queue_bytes is 0", id="queue"),
        pytest.param({"sample": 0}, "sample is 0", id="no-sample"),
        pytest.param({"sample": 1.5}, "sample is 1.5", id="more-than-all"),
        pytest.param({"private": {"phone": "hash"}}, "salt .* is missing or short", id="no-salt"),
        pytest.param(
            {"private": {"phone": "hash"}, "salt": b"short"},
            "salt .* is missing or short",
            id="short-salt",
        ),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(LogPolicyIsWrong, match=named):
        Policy(**wrong)


def test_the_salt_is_not_shown() -> None:
    assert "0123456789abcdef" not in repr(HASHING)


def test_a_private_column_is_hashed_or_left_out_and_others_are_as_they_were() -> None:
    shown = HASHING.shown({"phone": "0170", "age": 41, "name": "Ada"})

    expected = hmac.digest(SALT, b'["phone","0170"]', "sha256").hex()[:32]
    assert shown == {"phone": f"hmac:{expected}", "age": 41}


def test_a_row_without_private_columns_is_not_even_copied() -> None:
    row = {"age": 41}

    assert HASHING.shown(row) is row


def test_equal_numbers_have_equal_hashes_however_they_are_written() -> None:
    one, same, other, text, truth = (
        HASHING.shown({"phone": value})["phone"] for value in (1, 1.0, 1.5, "1", True)
    )

    assert one == same
    assert len({one, other, text, truth}) == 4


def test_a_hash_tells_neither_another_columns_value_nor_another_deployments() -> None:
    two = Policy(private={"phone": "hash", "fax": "hash"}, salt=SALT).shown(
        {"phone": "0170", "fax": "0170"}
    )
    elsewhere = Policy(private={"phone": "hash"}, salt=SALT[::-1]).shown({"phone": "0170"})

    assert len({two["phone"], two["fax"], elsewhere["phone"]}) == 3


def test_a_missing_value_stays_missing() -> None:
    assert HASHING.shown({"phone": None}) == {"phone": None}


def test_sampling_keeps_its_share_and_always_the_same_requests() -> None:
    ids = [f"request-{number}" for number in range(20_000)]

    kept = {one for one in ids if Policy(sample=0.3).samples(one)}

    assert len(kept) / len(ids) == pytest.approx(0.3, abs=0.02)
    assert kept == {one for one in ids if Policy(sample=0.3).samples(one)}


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    ids = [f"request-{number}" for number in range(2_000)]

    small = {one for one in ids if Policy(sample=0.1).samples(one)}

    assert small
    assert all(Policy(sample=0.2).samples(one) for one in small)
    assert all(Policy(sample=1).samples(one) for one in ids)
