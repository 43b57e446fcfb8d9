"""Columns marked private, taken out of what leaves the machine: the predictions in an image. Pure.

The run's record keeps the digest of the whole file; `private.json` beside it says what is missing,
and the digest of what is left.
"""

import csv
import hashlib
import io
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from trainshed.run import File, Run

NAME = "private.json"
_NEEDED = {"row_id", "y_true", "y_pred"}
_PARQUET = b"PAR1"


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What an image lacks of its run."""

    columns: tuple[str, ...]
    """Those that are private, whether the predictions have them or not."""
    predictions: str | None = None
    """sha256 of the predictions as they lie in the image; None: they are not there."""
    left_out: tuple[str, ...] = ()
    """Of `predictions`, `training_rows` and `profile` those that are not there at all."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Removed:
    """Read a `private.json`.

    Raises:
        ValueError: it does not fit.
    """
    from trainshed import decode  # noqa: PLC0415  # pydantic is imported only when it is needed

    removed: Removed = decode.from_json(Removed, text)
    return removed


def named(*, private: Collection[str], key: Collection[str], target: str | None) -> frozenset[str]:
    """Return which columns of the predictions hold private values: a row id is made of the key."""
    columns = set(private)
    if columns.intersection(key):
        columns.add("row_id")
    if target in columns:
        columns |= {"y_true", "y_pred"}
    return frozenset(columns)


def remove(
    files: Mapping[str, bytes], run: Run, columns: Collection[str]
) -> tuple[Mapping[str, bytes], Removed | None]:
    """Return a run's files (by their path in it) without these columns, and what that took away.

    Nothing is told when nothing had to go: then the files are the run's own. Predictions of which
    no part can be shown (Parquet, say, or a private `row_id`) are left out whole.
    """
    kept = dict(files)
    left_out = []
    if columns and run.predictions is not None:
        reduced = _without(files, run.predictions, columns, needed=_NEEDED)
        if reduced is None:
            left_out.append("predictions")
        _replace(kept, run.predictions, reduced)
    if columns and run.training_rows is not None:
        ids = _without(files, run.training_rows, columns, needed=())
        if "row_id" in columns or ids != files.get(run.training_rows.path):
            left_out.append("training_rows")
            _replace(kept, run.training_rows, None)
    if run.profile is not None and shows(files.get(run.profile.path, b""), columns):
        left_out.append("profile")
        _replace(kept, run.profile, None)
    if kept == files:
        return files, None
    shown = kept.get(run.predictions.path) if run.predictions is not None else None
    return kept, Removed(
        columns=tuple(sorted(columns)),
        predictions=None if shown is None else hashlib.sha256(shown).hexdigest(),
        left_out=tuple(left_out),
    )


def without(table: bytes, columns: Collection[str], *, needed: Collection[str]) -> bytes | None:
    """Return a CSV table without some columns, as it is when it has none of them.

    None where that cannot be done: it is no CSV, or what is left would lack `needed` columns.
    """
    if table.startswith(_PARQUET):
        return None
    try:
        rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        return None
    rows = [row for row in rows if row]
    header = rows[0] if rows else []
    kept = [at for at, name in enumerate(header) if name not in columns]
    if len(kept) == len(header):
        return table
    is_ragged = any(len(row) != len(header) for row in rows)
    if is_ragged or not set(needed) <= {header[at] for at in kept}:
        return None
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([row[at] for at in kept] for row in rows)
    return text.getvalue().encode()


def shows(profile: bytes, columns: Collection[str]) -> bool:
    """Tell whether a profile holds values of these columns: they were not private back then."""
    if not columns or not profile:
        return False
    known = json.loads(profile)["columns"]
    there = [known[name] for name in columns if name in known]
    return any("numbers" in one or "counts" in one.get("texts", {}) for one in there)


def _without(
    files: Mapping[str, bytes], file: File, columns: Collection[str], *, needed: Collection[str]
) -> bytes | None:
    content = files.get(file.path)
    return None if content is None else without(content, columns, needed=needed)


def _replace(files: dict[str, bytes], file: File, content: bytes | None) -> None:
    """Put other content in the place of a file, or of all that lies in a folder."""
    for path in [path for path in files if path == file.path or path.startswith(f"{file.path}/")]:
        del files[path]
    if content is not None:
        files[file.path] = content
