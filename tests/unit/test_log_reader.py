"""Who else reads the log: pandas and DuckDB. (Reading it ourselves is in the other tests.)"""

from pathlib import Path
from typing import Any

import log_tools
import logged
import pandas as pd
import pytest

from trainshed.serving import log_reader, log_segment

ROWS: list[dict[str, Any]] = [
    {"number": 0.1 + 0.2, "large": 2**53 + 1, "text": "naïve\n\U0001f600 \x00", "flag": True},
    {"number": -1.7976931348623157e308, "large": -(2**63), "text": "\ud800", "flag": False},
    {"number": 1e-7, "large": 0, "text": None, "flag": None},
]
SCORES = [0.1, 1 / 3, 1.0]


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    """A closed segment of three rows of one request."""
    lines = b"".join(
        logged.line(row, request_id=f"00{number}", scores=[score])
        for number, (row, score) in enumerate(zip(ROWS, SCORES, strict=True))
    )
    one = log_segment.create(tmp_path, writer="0" * 8, number=0, at=logged.AT, sync=False)
    one.append(lines, rows=3, sync=False)
    one.close(sync=False)
    return log_segment.final_path(one.path)


def test_we_read_what_was_logged(segment: Path) -> None:
    found = list(log_reader.read(segment.parent))

    assert [record.score for record in found] == SCORES
    assert [record.features["number"] for record in found] == [row["number"] for row in ROWS]


def test_pandas_reads_what_was_logged(segment: Path) -> None:
    frame = pd.read_json(segment, lines=True, precise_float=True, dtype=False)

    assert list(frame["score"]) == SCORES
    assert list(frame["request_id"]) == ["000", "001", "002"]
    assert list(frame["time"]) == [logged.TIME] * 3
    features = pd.DataFrame(list(frame["features"]))
    assert list(features["number"]) == [row["number"] for row in ROWS]
    assert list(features["large"]) == [row["large"] for row in ROWS]
    assert list(features["text"])[:2] == [ROWS[0]["text"], "�"]


def test_duckdb_reads_what_was_logged(segment: Path) -> None:
    program = """
import duckdb, json, sys
columns = "request_id, score, features.number, features.large, features.text, features.flag"
rows = duckdb.sql(f"SELECT {columns}, time FROM read_json('{sys.argv[1]}/*.jsonl')").fetchall()
print(json.dumps([[*row[:-1], row[-1].timestamp()] for row in rows]))
"""

    rows = log_tools.run(program, segment.parent)

    expected = [[*row.values()] for row in ROWS]
    expected[1][2] = "�"
    assert [row[2:6] for row in rows] == expected
    assert [row[1] for row in rows] == SCORES
    assert [row[6] for row in rows] == [logged.AT] * 3
