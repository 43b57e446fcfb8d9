"""What of the answers the inference log keeps, how safely, and what it does when it cannot.

Pure: what is decided here is the same in every worker, and after every restart.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from trainshed.errors import ConfigurationError

Sync = Literal["always", "interval", "off"]
OnFull = Literal["reject", "drop_and_count"]
Hiding = Literal["hash", "leave_out"]

_SHORTEST_SALT = 16  # bytes
_HASH_DIGITS = 32
_JSON = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class LogPolicyIsWrong(ConfigurationError):
    """The inference log's policy cannot be followed."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What answers: the same for every row of one server."""

    release: str | None
    """None: a run that was never released."""
    dataset: str
    """sha256 of the data that the model was trained on."""
    instance: str | None = None
    """Which process this is, as /info tells it."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    sync: Sync = "interval"
    """When a row must have reached the disk itself. A killed process loses nothing in any case."""
    sync_seconds: float = 0.2
    """With `interval`: the most that a power cut may take."""
    on_full: OnFull = "reject"
    """What becomes of an answer whose row cannot be written: refused, or given and counted."""
    segment_bytes: int = 64 * 2**20
    segment_seconds: float = 3600.0
    queue_bytes: int = 32 * 2**20
    """Rows that wait for their turn; with more the log counts as full."""
    sample: float = 1.0
    """The share of requests that is logged."""
    private: Mapping[str, Hiding] = field(default_factory=dict)
    """Columns of which no value is logged."""
    salt: bytes | None = field(default=None, repr=False)
    """Of this deployment, and secret: with it a hash can be compared with a guess."""

    def __post_init__(self) -> None:
        """Raise LogPolicyIsWrong when this cannot be followed."""
        _require_choice("sync", self.sync, get_args(Sync))
        _require_choice("on_full", self.on_full, get_args(OnFull))
        for column, hiding in self.private.items():
            _require_choice(f"private column {column}", hiding, get_args(Hiding))
        for name in ("sync_seconds", "segment_bytes", "segment_seconds", "queue_bytes"):
            if not getattr(self, name) > 0:
                raise _wrong(f"{name} is {getattr(self, name)}", fix="Write a number above 0.")
        if not 0 < self.sample <= 1:
            raise _wrong(f"sample is {self.sample}", fix="Write a share above 0, up to 1.")
        if "hash" in self.private.values() and len(self.salt or b"") < _SHORTEST_SALT:
            raise _wrong(
                "private columns are hashed, and the salt for it is missing or short",
                fix=f"Give the deployment a secret salt of at least {_SHORTEST_SALT} bytes, or "
                "leave the columns out.",
            )

    def samples(self, request_id: str) -> bool:
        """Tell whether a request is logged: always the same answer for the same id."""
        if self.sample >= 1:
            return True
        digest = hashlib.blake2b(request_id.encode(errors="replace"), digest_size=8).digest()
        return int.from_bytes(digest) < self.sample * 2**64

    def shown(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row as it may be logged."""
        if self.private.keys().isdisjoint(features):
            return features
        return {
            name: value if hiding is None else self._hashed(name, value)
            for name, value in features.items()
            if (hiding := self.private.get(name)) != "leave_out"
        }

    def _hashed(self, column: str, value: Any) -> str | None:
        """Equal values of one column have equal hashes; those of two columns do not meet.

        A missing value stays one: how many there are is what drift looks at first.
        """
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # callers write 1 and 1.0, and mean the same
        assert self.salt is not None
        digest = hmac.digest(self.salt, _JSON([column, value]).encode(), "sha256")
        return f"hmac:{digest.hex()[:_HASH_DIGITS]}"


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise _wrong(f"{name} is {value!r}", fix=f"Write one of: {', '.join(choices)}.")


def _wrong(problem: str, *, fix: str) -> LogPolicyIsWrong:
    return LogPolicyIsWrong(f"The inference log's policy: {problem}.", fix=fix)
