"""What a dataset is: one digest of its content, the same on every system and in every folder.

The digest of a file is its sha256, as sha256sum prints it. That of a folder is the sha256 of its
manifest: a line `sha256  relative/path` for each file, sorted by the bytes of the path; so
`sha256sum` of a stored manifest gives it too. Names are taken as they are; empty subfolders do not
count. What cannot be hashed truly (links, special files, odd names) is refused by name.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import dataset_files, hashing, script
from trainshed.dataset_files import (
    DatasetCannotBeRead,
    DatasetChangedWhileRead,
    DatasetHasAnOddName,
    DatasetHasASpecialFile,
    DatasetHasASymlink,
    DatasetIsMissing,
    Kind,
    Listing,
    Stamp,
    size_of,
)
from trainshed.digest_cache import DigestCache
from trainshed.errors import ConfigurationError
from trainshed.settings import settings

__all__ = [
    "DatasetCannotBeRead",
    "DatasetChangedWhileRead",
    "DatasetHasASpecialFile",
    "DatasetHasASymlink",
    "DatasetHasAnOddName",
    "DatasetIsEmpty",
    "DatasetIsMissing",
    "DatasetIsNotAFolder",
    "Digest",
    "digest",
    "manifest",
]

Progress = Callable[[int, int], None]  # bytes done, bytes in all


class DatasetIsEmpty(ConfigurationError):
    """The dataset is a file without content, or a folder without any file that has content."""


class DatasetIsNotAFolder(ConfigurationError):
    """Only a folder has a manifest, and the dataset is one file."""


@dataclass(frozen=True, kw_only=True)
class Digest:
    sha256: str  # 64 hexadecimal digits
    size: int  # bytes
    files: int
    kind: Kind


def digest(
    path: Path, *, cache: DigestCache | None = None, progress: Progress | None = None
) -> Digest:
    """Hash a dataset, or find it again in the cache.

    `progress(bytes_done, bytes_in_all)` is called now and then, in the caller's thread.
    """
    kind, stamp = dataset_files.look_at(path)
    if kind == "file":
        return _digest_of_file(path, stamp, cache, progress)
    return _digest_of_folder(path, cache, progress)


def manifest(folder: Path, *, cache: DigestCache | None = None) -> str:
    """Return the lines whose sha256 is the digest of a folder."""
    kind, _ = dataset_files.look_at(folder)
    if kind == "file":
        raise DatasetIsNotAFolder(
            f"{dataset_files.shown(folder)} is one file and has no manifest.",
            fix="Give the path of a folder.",
        )
    return _manifest(folder, _list(folder), cache, None)


def _digest_of_file(
    path: Path, stamp: Stamp, cache: DigestCache | None, progress: Progress | None
) -> Digest:
    began = time.time_ns()
    size = size_of(stamp)
    _refuse_empty(path, size)
    sha256 = cache.file(path, stamp) if cache else None
    if sha256 is None:
        sha256 = hashing.hash_file(path, stamp, report=_counter(progress, size))
        if cache:
            cache.remember_file(path, stamp, sha256, since_ns=began)
    return Digest(sha256=sha256, size=size, files=1, kind="file")


def _digest_of_folder(folder: Path, cache: DigestCache | None, progress: Progress | None) -> Digest:
    listing = _list(folder)
    sha256 = cache.folder(folder, listing.files) if cache else None
    if sha256 is None:
        sha256 = _sha256(_manifest(folder, listing, cache, progress))
    return Digest(sha256=sha256, size=listing.size, files=len(listing.files), kind="folder")


def _list(folder: Path) -> Listing:
    listing = dataset_files.list_folder(folder)
    _refuse_empty(folder, listing.size)
    return listing


def _manifest(
    folder: Path, listing: Listing, cache: DigestCache | None, progress: Progress | None
) -> str:
    began = time.time_ns()
    files = listing.files
    hashes = cache.files(folder, files) if cache else {}
    report = _counter(progress, listing.size)
    report(sum(size_of(files[path]) for path in hashes))
    new = {path: stamp for path, stamp in files.items() if path not in hashes}
    hashes.update(hashing.hash_files(folder, new, report=report))
    dataset_files.refuse_changed_folders(folder, listing)
    text = "".join([f"{hashes[path]}  {path}\n" for path in files])
    if cache:
        cache.remember_folder(folder, files, hashes, _sha256(text), since_ns=began)
    return text


def _refuse_empty(path: Path, size: int) -> None:
    if size == 0:
        raise DatasetIsEmpty(
            f"The dataset {dataset_files.shown(path)} has no content.",
            fix="Check the path (`data:` in trainshed.yml), or write or fetch the data again.",
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if progress:
            progress(done, total)

    return count


def main(argv: Sequence[str] | None = None) -> None:
    parser = script.parser("Print the digests of datasets, as sha256sum does for files.")
    parser.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="a file or a folder")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="default: one for all checkouts")
    parser.add_argument("--no-cache", action="store_true", help="read every byte again")
    args = parser.parse_args(argv)

    cache = DigestCache(args.cache or settings().cache_folder / "digests.sqlite")
    for path in args.paths:
        found = digest(path, cache=None if args.no_cache else cache)
        print(f"{found.sha256}  {dataset_files.shown(path)}")


if __name__ == "__main__":
    raise SystemExit(script.run(main))
