"""A row of the inference log: one line of JSON, ASCII throughout, that ends with a line break.

Python's own form of numbers is kept, which gives back the same number when it is read.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from trainshed.errors import ConfigurationError
from trainshed.serving.log_policy import Identity, Policy

SCHEMA = 1

Purpose = Literal["traffic", "golden"]
"""Golden rows are asked at every deployment: real answers, but no sample of what users send."""

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_BEGINS = b'{"schema":'


class LogIsOfANewerFormat(ConfigurationError):
    """The inference log was written by a newer Trainshed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One request, with an answer for each of its rows."""

    request_id: str
    features: Sequence[Mapping[str, Any] | str]
    """The rows. A text is a row's own JSON, from `as_it_came`: it spares encoding."""
    predictions: Sequence[Any]
    scores: Sequence[Any] | None = None
    """A number for each row, or a mapping of class to number."""
    latency_ms: float
    purpose: Purpose = "traffic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A row as it was logged."""

    schema: int
    release: str | None
    dataset: str
    instance: str | None
    time: str
    """When it was answered: ISO 8601, UTC, to the millisecond."""
    request_id: str
    row: int
    """Its place in the request, from 0."""
    purpose: str
    latency_ms: float
    prediction: Any
    score: Any
    features: Mapping[str, Any]


_NAMES = tuple(one.name for one in fields(Record))


class Encoder:
    """Makes lines for one server: what is the same in all of them is encoded once."""

    def __init__(self, identity: Identity, policy: Policy) -> None:
        self._policy = policy
        about = {
            "schema": SCHEMA,
            "release": identity.release,
            "dataset": identity.dataset,
            "instance": identity.instance,
        }
        self._start = _encode(about)[:-1]

    def lines(self, answered: Answered, *, at: float) -> bytes:
        """Return a line for each row of a request that was answered `at` (seconds since 1970).

        Raises:
            ValueError: there is not one prediction (and score) for each row, or a value is NaN,
                infinite, or of a type that JSON does not have.
        """
        time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        request_id = _encode(answered.request_id)
        begins = f'{self._start},"time":"{time[:-6]}Z","request_id":{request_id},"row":'
        latency = _encode(round(answered.latency_ms, 3))
        about = f',"purpose":{_encode(answered.purpose)},"latency_ms":{latency}'
        scores = answered.scores or [None] * len(answered.predictions)
        rows = zip(answered.features, answered.predictions, scores, strict=True)
        try:
            return "".join(
                [
                    f'{begins}{number}{about},"prediction":{_text(prediction)},'
                    f'"score":{_text(score)},"features":{self._features(features)}}}\n'
                    for number, (features, prediction, score) in enumerate(rows)
                ]
            ).encode("ascii")
        except TypeError as error:
            raise ValueError(str(error)) from None

    def _features(self, features: Mapping[str, Any] | str) -> str:
        if isinstance(features, str):
            if not self._policy.private:
                return features
            features = json.loads(features)
            assert isinstance(features, Mapping)
        return _text(self._policy.shown(features))


def as_it_came(row: Mapping[str, Any], text: str) -> Mapping[str, Any] | str:
    """Return the text from which a row was read if it can be logged as it is, else the row.

    What JSON allows may be more than readers take: line breaks, half characters, a name twice. With
    no more colons than names there is neither a name twice nor a row within the row.
    """
    is_line = text.isascii() and not ("\\" in text or "\n" in text or "\r" in text)
    return text if is_line and text.count(":") == len(row) else row


def is_whole(line: bytes) -> bool:
    """Tell, without decoding it, a line from what a kill or a power cut left of one."""
    return line.startswith(_BEGINS) and line.endswith(b"}\n") and b"\0" not in line


def decode(line: bytes) -> Record | None:
    """Read a line; None when it is not a whole one.

    Raises:
        LogIsOfANewerFormat: it cannot be known what its fields mean.
    """
    if not is_whole(line):
        return None
    try:
        content = json.loads(line)
        if content["schema"] > SCHEMA:
            raise LogIsOfANewerFormat(
                f"The inference log has the format {content['schema']}; this Trainshed reads up to "
                f"{SCHEMA}.",
                fix="Read it with the Trainshed that wrote it, or a newer one.",
            )
        return Record(**{name: content[name] for name in _NAMES})
    except (ValueError, KeyError, TypeError):
        return None


def _text(value: Any) -> str:
    """Encode a value. Half a character, for which some readers refuse a file, becomes U+FFFD."""
    if type(value) is float and math.isfinite(value):
        return repr(value)  # what the encoder does, without its preparations
    text = _encode(value)
    return _encode(_sound(value)) if "\\ud" in text else text


def _sound(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case Mapping():
            return {_sound(key): _sound(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_sound(inner) for inner in value]
    return value
