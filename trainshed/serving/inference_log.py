"""The inference log: every prediction, written before its answer goes out.

One JSON line per row in `FOLDER/<release, or "unreleased">/predictions.jsonl`. A full disk or a
kill can leave a last line cut short, of an answer that nobody got: readers skip what is not JSON.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainshed.errors import OutsideError
from trainshed.serving.schema import Row
from trainshed.serving.served import Served


class LogCannotBeWritten(OutsideError):
    """The inference log cannot be written, so no prediction may be answered."""


class InferenceLog:
    def __init__(self, folder: Path, served: Served) -> None:
        self.path = folder / (served.release or "unreleased") / "predictions.jsonl"
        self._served = served
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._failure(error) from None

    def append(
        self, *, request_id: str, rows: Sequence[Row], predictions: Sequence[Any], latency_ms: float
    ) -> None:
        """Write a line per row. All of them in one call, so that two servers never mix lines."""
        about = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": request_id,
            "release": self._served.release,
            "run_id": self._served.run_id,
            "dataset": self._served.dataset,
            "latency_ms": round(latency_ms, 3),
        }
        entries = (
            {**about, "row": index, "input": row, "prediction": prediction}
            for index, (row, prediction) in enumerate(zip(rows, predictions, strict=True))
        )
        try:
            _append(self.path, "".join(map(_line, entries)).encode())
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> LogCannotBeWritten:
        return LogCannotBeWritten(
            f"The inference log {self.path} cannot be written: {error.strerror or error}.",
            fix="Free some space, or make the folder writable for the server's user.",
        )


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, separators=(",", ":"), allow_nan=False) + "\n"


def _append(path: Path, lines: bytes) -> None:
    """Open, write once, close: a log that was moved away for rotation is simply begun again."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        data = b"\n" + lines if _ends_in_half_a_line(file) else lines
        if os.write(file, data) < len(data):
            raise OSError("only a part of it could be written")
    finally:
        os.close(file)


def _ends_in_half_a_line(file: int) -> bool:
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"
