"""What was hashed before: a cache file that may be lost, shared or broken without harm.

A file is known again by its absolute path and stamp, a folder by the stamps of all its files,
a tracked file by its git blob id. Nothing that changed within two seconds before it was hashed is
kept, since a later write could leave the same stamp. Every row carries a checksum, so a damaged
file costs time and never gives a wrong digest.
"""

import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from trainshed.dataset_files import Stamp, changed_ns

_APPLICATION = 0x74736864  # "tshd": tells our file from somebody else's database
_VERSION = 1
_SETTLED_NS = 2_000_000_000
_KEPT_DAYS = 60
_WAIT_SECONDS = 10
_UNAVAILABLE = {  # not to be had just now; any other failure means that the file is broken
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_TOOBIG,
}
_TABLE = "CREATE TABLE known (key BLOB PRIMARY KEY, checksum INTEGER, day INTEGER, value BLOB)"

T = TypeVar("T")


class DigestCache:
    """Digests in one SQLite file that processes and threads may share.

    No method raises for the file's sake: what cannot be read is unknown, what cannot be written is
    forgotten, and a file that is no such cache is set aside as `<name>.discarded`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def file(self, path: Path, stamp: Stamp) -> str | None:
        return self._find_stamped(_key("file", path), stamp)

    def remember_file(self, path: Path, stamp: Stamp, sha256: str, *, since_ns: int) -> None:
        """Keep what a file hashed to; `since_ns` is when reading it began (Unix time)."""
        if _is_settled(stamp, since_ns):
            self._write({_key("file", path): f"{stamp}\n{sha256}"})

    def folder(self, folder: Path, files: Mapping[str, Stamp]) -> str | None:
        """Return the digest of a folder in which nothing changed: one row, however many files."""
        return self._find_stamped(_key("folder", folder), _signature(files))

    def files(self, folder: Path, files: Mapping[str, Stamp]) -> dict[str, str]:
        """Return the sha256 of the files of a folder that have not changed, by their path."""
        text = self._find(_key("files", folder))
        if text is None:
            return {}
        known = {line[65:]: line[:64] for line in text.split("\n")}
        found = ((path, known.get(f"{stamp} {path}")) for path, stamp in files.items())
        return {path: sha256 for path, sha256 in found if sha256}

    def remember_folder(
        self,
        folder: Path,
        files: Mapping[str, Stamp],
        hashes: Mapping[str, str],
        sha256: str,
        *,
        since_ns: int,
    ) -> None:
        """Keep the digest of a folder and the hashes of its files; see `remember_file`."""
        settled = [path for path, stamp in files.items() if _is_settled(stamp, since_ns)]
        lines = [f"{hashes[path]} {files[path]} {path}\n" for path in settled]
        rows = {_key("files", folder): "".join(lines)}
        if len(settled) == len(files):
            rows[_key("folder", folder)] = f"{_signature(files)}\n{sha256}"
        self._write(rows)

    def blob(self, oid: str) -> str | None:
        """Return the sha256 of the content of a git blob."""
        return self._find(_blob_key(oid))

    def remember_blob(self, oid: str, sha256: str) -> None:
        self._write({_blob_key(oid): sha256})

    def _find_stamped(self, key: bytes, stamp: str) -> str | None:
        known, _, sha256 = (self._find(key) or "").partition("\n")
        return sha256 if known == stamp else None

    def _find(self, key: bytes) -> str | None:
        def find(database: sqlite3.Connection) -> str | None:
            query = "SELECT checksum, value FROM known WHERE key = ?"
            for checksum, value in database.execute(query, (key,)):
                if isinstance(value, bytes) and checksum == _checksum(key, value):
                    return value.decode()
            return None

        return self._use(find, otherwise=None)

    def _write(self, rows: Mapping[bytes, str]) -> None:
        today = time.time_ns() // 86_400_000_000_000
        values = {key: text.encode() for key, text in rows.items()}

        def write(database: sqlite3.Connection) -> None:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM known WHERE day < ?", (today - _KEPT_DAYS,))
            database.executemany(
                "INSERT OR REPLACE INTO known (key, checksum, day, value) VALUES (?, ?, ?, ?)",
                [(key, _checksum(key, value), today, value) for key, value in values.items()],
            )
            database.execute("COMMIT")

        self._use(write, otherwise=None)

    def _use(self, action: Callable[[sqlite3.Connection], T], *, otherwise: T) -> T:
        for _ in range(2):  # once more with a new file, when this one is broken
            try:
                with closing(self._connection()) as database:
                    _prepare(database)
                    return action(database)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE:
                    break
                self._set_aside()
            except OSError:  # no folder can be made for it
                break
        return otherwise

    def _connection(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)

    def _set_aside(self) -> None:
        """Move the file away rather than delete it: it may have been named by mistake."""
        for ending in ("", "-journal"):
            path = self._path.with_name(self._path.name + ending)
            with suppress(OSError):  # there is no journal, or another process was faster
                path.replace(path.with_name(f"{self._path.name}.discarded{ending}"))


def _prepare(database: sqlite3.Connection) -> None:
    """Make the table unless it is there; that of another version of ours is replaced in place."""
    database.execute("PRAGMA synchronous = OFF")  # what a power failure breaks is rebuilt
    if _identity(database) == (_APPLICATION, _VERSION):
        return
    database.execute("BEGIN IMMEDIATE")
    application, version = _identity(database)  # another process may have been faster
    if (application, version) != (_APPLICATION, _VERSION):
        in_use = database.execute("SELECT 1 FROM sqlite_master").fetchone()
        if in_use and application != _APPLICATION:
            raise sqlite3.DatabaseError("a database of another program")
        database.execute("DROP TABLE IF EXISTS known")
        database.execute(_TABLE)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")


def _identity(database: sqlite3.Connection) -> tuple[int, int]:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return application, version


def _key(kind: str, path: Path) -> bytes:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)
    return os.fsencode(f"{kind}:{absolute}")


def _blob_key(oid: str) -> bytes:
    return f"blob:{oid}".encode()


def _signature(files: Mapping[str, Stamp]) -> str:
    lines = [f"{stamp} {path}\n" for path, stamp in files.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_settled(stamp: Stamp, since_ns: int) -> bool:
    return changed_ns(stamp) < since_ns - _SETTLED_NS


def _checksum(key: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key))
