"""Rows for the tests of the inference log, and what such a log holds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainshed.serving import log_reader, log_record
from trainshed.serving.log_policy import Identity, Policy
from trainshed.serving.log_record import Answered, Encoder, Record

IDENTITY = Identity(release="churn@v1.2.0", dataset="da" * 32, instance="i-1")
AT = 1_764_000_000.125
TIME = "2025-11-24T16:00:00.125Z"


def answered(
    request_id: str = "r-1", *, rows: int = 1, text: str = "x", **changes: Any
) -> Answered:
    fields: dict[str, Any] = {
        "request_id": request_id,
        "features": [{"at": row, "text": text} for row in range(rows)],
        "predictions": ["no"] * rows,
        "scores": [0.25] * rows,
        "latency_ms": 1.23456,
        **changes,
    }
    return Answered(**fields)


def line(row: Mapping[str, Any] | str | None = None, /, **changes: Any) -> bytes:
    """Return one row's line."""
    given = {"features": [row]} if row is not None else {}
    return Encoder(IDENTITY, Policy()).lines(answered(**(given | changes)), at=AT)


def logged(row: Mapping[str, Any] | str, **policy: Any) -> Mapping[str, Any]:
    """Return a row's features as the log gives them back."""
    lines = Encoder(IDENTITY, Policy(**policy)).lines(answered(features=[row]), at=AT)
    record = log_record.decode(lines)
    assert record is not None
    assert record.features == json.loads(lines)["features"]
    return record.features


def records(folder: Path) -> list[Record]:
    return list(log_reader.read(folder))


def ids(folder: Path) -> list[str]:
    return [record.request_id for record in records(folder)]
