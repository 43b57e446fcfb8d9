"""Questions and who answers them; each part is imported when it is asked, and not before."""

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from trainshed import decode, question


def to(kind: str, fields: str) -> str:
    """Answer a question, both as JSON.

    Args:
        kind: the name of a class of `trainshed.question`.

    Raises:
        TrainshedError: what makes an answer impossible.
    """
    answer = _ANSWERS[kind](decode.from_json(getattr(question, kind), fields))
    return json.dumps(answer, default=_as_dict, allow_nan=False)


def _as_dict(value: Any) -> dict[str, Any]:
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return asdict(value)


def _compare(asked: question.Comparing) -> Any:
    from trainshed.statistics import evidence  # noqa: PLC0415

    return evidence.gather(asked)


def _differ(asked: question.Differing) -> Any:
    from trainshed.drift import data  # noqa: PLC0415

    return data.between(
        Path(asked.before),
        Path(asked.after),
        target=asked.target,
        key=asked.key,
        private=asked.private,
    )


def _profile(asked: question.Profiling) -> None:
    from trainshed.drift import profile, profile_file  # noqa: PLC0415

    found = profile.of(
        Path(asked.data), private=asked.private, without=asked.key, source=asked.source
    )
    Path(asked.out).write_text(profile_file.to_json(found), encoding="utf-8")


def _leakage(asked: question.Leaking) -> Any:
    from trainshed.drift import leakage  # noqa: PLC0415

    return leakage.of_run(asked)


def _noise(asked: question.Repeating) -> Any:
    from trainshed.statistics import noise  # noqa: PLC0415

    return noise.of(asked.values)


_ANSWERS: dict[str, Callable[[Any], Any]] = {
    "Comparing": _compare,
    "Differing": _differ,
    "Profiling": _profile,
    "Leaking": _leakage,
    "Repeating": _noise,
}
